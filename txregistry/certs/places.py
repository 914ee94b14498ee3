"""Where clients, and our own settings, want certificates.

Source: Docker's "Verify repository client with certificates"; containers-certs.d(5),
for podman, skopeo and buildah; containerd's "Registry Configuration" (hosts.md).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Final

import yaml
from cryptography import x509

from txregistry.certs.authority import parse_host
from txregistry.certs.folder import CertificateFolder

DEFAULT_PORT: Final = 5000

_ADDRESS: Final = re.compile(
    r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?", re.ASCII
)
_LARGEST_PORT: Final = 65535
_HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Address:
    """How clients reach a registry.

    Attributes:
        host: A name or an IP address.
        port: The port; None where they do not say one.
    """

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read ``host``, ``host:port`` or ``[IPv6 address]:port``.

        Raises:
            ValueError: it is none of these.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is no registry; it must be as in the names of images: "
                "'host', 'host:port' or '[IPv6 address]:port'."
            )
        port = None if match[3] is None else int(match[3])
        if port is not None and not 1 <= port <= _LARGEST_PORT:
            raise ValueError(f"{text!r} has no port that there can be.")
        host = parse_host(match[2] if match[1] is None else match[1])
        if (match[1] is not None) != (":" in str(host.value)):
            raise ValueError(f"{text!r} must have '[' and ']' around an IPv6 address.")
        return cls(str(host.value), port)

    @classmethod
    def of(cls, server: x509.Certificate) -> "Address":
        """Give the first that a server's certificate is for, at our usual port."""
        names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return cls(str(next(iter(names.value)).value), DEFAULT_PORT)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def write_config(folder: CertificateFolder, address: Address) -> str:
    """Write the piece of ``config.yml`` that asks for client certificates."""
    tls = {
        "certificate": os.path.abspath(folder.server),
        "key": os.path.abspath(folder.server_key),
        "clientcas": [os.path.abspath(folder.ca)],
        "clientauth": "require",
        "crls": [os.path.abspath(folder.crl)],
    }
    names = {"names": [{"from": "cn", "pattern": ".+"}], "groups": "ou"}
    document = {
        "http": {"addr": f":{address.port or _HTTPS}", "tls": tls},
        "auth": {"certificates": names},
    }
    return str(yaml.safe_dump(document, sort_keys=False, width=1000))


def write_places(address: Address, files: str, *, of_client: bool) -> str:
    """Write the commands that put files where clients want them.

    Args:
        address: The registry that the clients go to.
        files: The folder with a client's files, or the path of an authority's
            certificate.
        of_client: Which of the two.
    """
    source = quote(os.path.abspath(files)) + ("/*" if of_client else "")
    return "\n".join(
        [
            "# docker:",
            *_copy("sudo ", "/etc/docker", source, address),
            "",
            "# podman, skopeo, buildah (for root: in /etc/containers/certs.d):",
            *_copy("", "~/.config/containers", source, address),
            "",
            "# containerd (nerdctl looks here; ctr is told by --hosts-dir, and CRI by",
            "# config_path, that it is /etc/containerd/certs.d):",
            *_copy("sudo ", "/etc/containerd", source, address),
            *_hosts(address, of_client=of_client),
            "",
        ]
    )


def _copy(as_root: str, base: str, source: str, address: Address) -> Iterator[str]:
    place = f"{base}/certs.d/{quote(str(address))}"
    yield f"{as_root}mkdir -p {place}"
    yield f"{as_root}cp {source} {place}/"


def _hosts(address: Address, *, of_client: bool) -> Iterator[str]:
    place = f"/etc/containerd/certs.d/{address}"
    yield f"sudo tee {quote(place)}/hosts.toml >/dev/null <<'END'"
    yield f'server = "https://{address}"'
    yield ""
    yield f'[host."https://{address}"]'
    yield f'  ca = "{place}/ca.crt"'
    if of_client:
        yield f'  client = [["{place}/client.cert", "{place}/client.key"]]'
    yield "END"


def write_trial(address: Address, files: str) -> str:
    """Write a command that asks a registry whether it knows a client."""
    place = os.path.abspath(files)
    options = (
        f"{option} {quote(os.path.join(place, file))}"
        for option, file in (
            ("--cacert", "ca.crt"),
            ("--cert", "client.cert"),
            ("--key", "client.key"),
        )
    )
    return f"curl {' '.join(options)} {quote(f'https://{address}/v2/')}\n"
