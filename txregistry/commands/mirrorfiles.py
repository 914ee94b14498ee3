"""What clients of a mirror have in which of their files.

Source: Docker's "Registry as a pull through cache" and "Verify repository client with
certificates"; containerd's "Registry Configuration" (hosts.md); containers-registries
.conf(5) and containers-certs.d(5), for podman, CRI-O, skopeo and buildah.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from txregistry.certs.places import Address
from txregistry.settings.mirror import ALL, HUB, Upstream

MARK: Final = "# Made by txregistry mirror-config."
"""How files begin that may be made anew."""

_URL: Final = re.compile(r"(https?)://([^/?#@]+)/?", re.ASCII)
_HOST: Final = re.compile(r"[.:]|^localhost$", re.ASCII)
"""What tells a registry from the first part of a repository's name."""

_HUB_SERVER: Final = "https://registry-1.docker.io"
_DOCKER: Final = "/etc/docker"
_CONTAINERD: Final = "/etc/containerd"
_CONTAINERS: Final = "/etc/containers"


@dataclass(frozen=True, slots=True)
class MirrorPlace:
    """How clients reach the mirror.

    Attributes:
        scheme: ``http`` or ``https``.
        address: The host, and the port if they say one.
        authority: The certificates that they must trust, as PEM; empty for none.
    """

    scheme: str
    address: Address
    authority: str = ""

    @classmethod
    def parse(cls, text: str, authority: str = "") -> "MirrorPlace":
        """Read a URL without a path.

        Raises:
            ValueError: it is none.
        """
        match = _URL.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} cannot be used; it must be how clients reach the mirror, "
                "such as https://mirror.example:5000, without a path."
            )
        return cls(match[1], Address.parse(match[2].lower()), authority)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"

    @property
    def is_plain(self) -> bool:
        """Whether no TLS is spoken there."""
        return self.scheme == "http"

    @property
    def is_near(self) -> bool:
        """Whether it is on the client's own machine."""
        try:
            return ip_address(self.address.host).is_loopback
        except ValueError:
            return self.address.host == "localhost"

    def meant(self, upstreams: Sequence[Upstream]) -> Upstream | None:
        """Give the upstream that the mirror takes all for that is asked for there."""
        host = str(Address(self.address.host, None))
        for name in (str(self.address), host):
            for upstream in upstreams:
                if name in upstream.hosts:
                    return upstream
        return None


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A file of a client's, or a piece of one.

    Attributes:
        path: Where it is.
        text: What is in it.
        is_piece: Whether other things are in it, too, that we do not know.
    """

    path: str
    text: str
    is_piece: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """What a client needs.

    Attributes:
        files: Its files.
        remarks: What is to be known of them, or is not in them, in sentences.
    """

    files: tuple[ClientFile, ...]
    remarks: tuple[str, ...]


def for_docker(upstreams: Sequence[Upstream], place: MirrorPlace) -> Advice:
    """Set docker at a mirror: for Docker Hub alone, as it asks no mirror else."""
    hub = next((each for each in upstreams if _is_hub(each)), None)
    meant = place.meant(upstreams)
    by_host = meant is not None
    if meant is None:
        meant = next((each for each in upstreams if not each.start), None)
    settings: dict[str, list[str]] = {}
    remarks = []
    if hub is None:
        remarks.append(
            f"Docker asks mirrors for Docker Hub's images only, and no upstream is "
            f"called {HUB}."
        )
    elif meant is not hub:
        remarks.append(
            f"Docker is not set at the mirror: it asks for Docker Hub's names as they "
            f"are, and at {place.address} the mirror does not know by anything that "
            f"Docker Hub is meant. Set hosts: [{_quoted(place.address)}] for {HUB} in "
            "mirror.upstreams (all that is pulled there is Docker Hub's then, so let "
            "it be a name or a port of its own; http.listen adds one, and --url says "
            "it here), or prefix: ''."
        )
    else:
        settings["registry-mirrors"] = [str(place)]
        remarks.append("Docker reads daemon.json when it starts, or by SIGHUP.")
    if place.is_plain and not place.is_near:
        settings["insecure-registries"] = [str(place.address)]
    remarks += [
        _by_name(each, place, is_meant=each is meant, by_host=by_host)
        for each in upstreams
        if each is not hub or meant is not hub
    ]
    files = []
    if settings:
        text = json.dumps(settings, indent=2)
        files.append(ClientFile(f"{_DOCKER}/daemon.json", f"{text}\n"))
    return Advice((*files, *_authority(_DOCKER, place)), tuple(remarks))


def _by_name(
    upstream: Upstream, place: MirrorPlace, *, is_meant: bool, by_host: bool
) -> str:
    name = "NAME" if is_meant else f"{upstream.start}/NAME"
    where = f"{place.address}/{name}"
    if by_host and not is_meant:
        where = f"HOST/{name}, by another HOST of this mirror than {place.address}"
    return f"Docker pulls what is {upstream.name}'s as {where}."


def for_containerd(upstreams: Sequence[Upstream], place: MirrorPlace) -> Advice:
    """Set containerd at a mirror; it says with each request which registry it means."""
    files, remarks = [], _nameless(upstreams)
    certs = f"{_CONTAINERD}/certs.d"
    for upstream in upstreams:
        if not upstream.called:
            remarks.append(
                f"Containerd is not set at the mirror of {upstream.name}: the mirror "
                "knows nothing that containerd calls it. Describe it in "
                "mirror.upstreams, without empty spaces."
            )
        for name in _names(upstream) if upstream.called else ():
            server = _HUB_SERVER if name == HUB else f"https://{name}"
            text = _hosts(server, place, '"pull", "resolve"')
            files.append(ClientFile(f"{certs}/{name}/hosts.toml", text))
    if files and (place.is_plain or place.authority):
        text = _hosts(str(place), place, '"pull", "resolve", "push"')
        files.append(ClientFile(f"{certs}/{place.address}/hosts.toml", text))
    files += _authority(_CONTAINERD, place)
    for version, plugin in (
        ("1", "io.containerd.grpc.v1.cri"),
        ("2", "io.containerd.cri.v1.images"),
    ):
        text = f'[plugins."{plugin}".registry]\n  config_path = "{certs}"\n'
        path = f"{_CONTAINERD}/config.toml, for containerd {version}"
        files.append(ClientFile(path, text, is_piece=True))
    remarks.append(
        f"Kubernetes and crictl need config_path; nerdctl looks in {certs} by itself; "
        f"ctr is told: --hosts-dir {certs}."
    )
    remarks.append(
        "Where the mirror fails, containerd asks the server itself; let server be the "
        "mirror's URL where it shall not."
    )
    return Advice(tuple(files), tuple(remarks))


def _hosts(server: str, place: MirrorPlace, capabilities: str) -> str:
    lines = [
        MARK,
        f'server = "{server}"',
        "",
        f'[host."{place}"]',
        f"  capabilities = [{capabilities}]",
    ]
    if place.authority:
        lines.append(f'  ca = "../{place.address}/ca.crt"')
    return "".join(f"{line}\n" for line in lines)


def for_podman(upstreams: Sequence[Upstream], place: MirrorPlace) -> Advice:
    """Set podman and its kin at a mirror; they have the registry in the path there."""
    meant = place.meant(upstreams)
    tables, remarks = [], _nameless(upstreams)
    for upstream in upstreams:
        if meant is not None and upstream is not meant:
            remarks.append(
                f"Podman is not set at the mirror of {upstream.name}: the mirror takes "
                f"all that is pulled from {place.address} for {meant.name}'s, by its "
                "hosts. Give another name or port of the mirror by --url."
            )
            continue
        start = "" if meant is not None else upstream.start
        location = f"{place.address}/{start}" if start else str(place.address)
        tables += [
            _registry(name, location, is_plain=place.is_plain)
            for name in _names(upstream)
        ]
    if place.is_plain:
        tables.append(f'[[registry]]\nlocation = "{place.address}"\ninsecure = true\n')
    path = f"{_CONTAINERS}/registries.conf.d/50-txregistry.conf"
    text = "\n".join([f"{MARK}\n", *tables])
    remarks.append(
        "Where the mirror fails, podman asks the registry itself; let location be the "
        "mirror's where it shall not."
    )
    files = (ClientFile(path, text), *_authority(_CONTAINERS, place))
    return Advice(files, tuple(remarks))


def _registry(name: str, location: str, *, is_plain: bool) -> str:
    lines = [
        "[[registry]]",
        f'prefix = "{name}"',
        f'location = "{name}"',
        "",
        "[[registry.mirror]]",
        f'location = "{location}"',
    ]
    if is_plain:
        lines.append("insecure = true")
    return "".join(f"{line}\n" for line in lines)


CLIENTS: Final[dict[str, Callable[[Sequence[Upstream], MirrorPlace], Advice]]] = {
    "docker": for_docker,
    "containerd": for_containerd,
    "podman": for_podman,
}
"""Who can be set at a mirror."""


def _is_hub(upstream: Upstream) -> bool:
    return HUB in (upstream.name, *upstream.called)


def _names(upstream: Upstream) -> tuple[str, ...]:
    """Give what the names of images can begin with that are a registry's."""
    if _is_hub(upstream):
        return (HUB,)
    called = upstream.called or (upstream.name,)
    return tuple(name for name in called if name != ALL and _HOST.search(name))


def _nameless(upstreams: Sequence[Upstream]) -> list[str]:
    """Tell of those that clients cannot name; without a host it is Docker Hub."""
    return [
        f"No image can be called {each.name}'s, as no name begins with that; give it "
        "the registry's host for a name, or spaces."
        for each in upstreams
        if not _names(each)
    ]


def _authority(base: str, place: MirrorPlace) -> tuple[ClientFile, ...]:
    if not place.authority:
        return ()
    path = f"{base}/certs.d/{place.address}/ca.crt"
    return (ClientFile(path, place.authority),)


def _quoted(address: Address) -> str:
    """Write an address as YAML takes it for text."""
    return f"'{address}'"
