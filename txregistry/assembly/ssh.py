"""The registry by SSH, as the settings describe it."""

from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import EncryptedKeyError, Key
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from txregistry.registry.repositories import Registry
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.ssh import Ssh
from txregistry.ssh.commands import Commands
from txregistry.ssh.interfaces import Permission
from txregistry.ssh.keyfile import KeyFile
from txregistry.ssh.keys import KeysError
from txregistry.ssh.limits import Limits
from txregistry.ssh.server import SshServer
from txregistry.ssh.trail import Trail
from txregistry.tasks import Blocking
from txregistry.tls.pem import read_file

HOST: Final = "ssh"
"""What the secret is for that the host key is made of."""

_LEAST_BITS: Final = 2048


def make_ssh(
    settings: Settings,
    registry: Registry,
    permission: Permission,
    secret: bytes,
    write: Callable[[dict[str, Any]], None] | None,
    reactor: Any,
    blocking: Blocking,
) -> list[tuple[IStreamServerEndpoint, SshServer]]:
    """Make what listens for SSH: nothing, unless told to.

    Args:
        settings: The settings.
        registry: What is served.
        permission: Says who may do what.
        secret: What the host key is made of, unless the settings name a file: it is in
            the store, so that all nodes are the same host to clients.
        write: Takes records of the audit; None where there is none.
        reactor: The reactor.
        blocking: Where work goes that blocks.

    Raises:
        SettingsError: a setting cannot be used.
    """
    ssh = settings.ssh
    if not ssh.enabled:
        return []
    server = SshServer(
        _host_key(ssh, secret),
        _keys(ssh, reactor, blocking),
        Commands(registry, blocking, permission),
        reactor,
        Limits(
            connections=ssh.maxconnections,
            login=ssh.logintimeout,
            idle=ssh.idletimeout,
        ),
        Trail(write, pulls=settings.audit.pulls),
    )
    return [(_endpoint(reactor, each), server) for each in ssh.listen]


def _keys(ssh: Ssh, reactor: Any, blocking: Blocking) -> KeyFile:
    try:
        keys = KeyFile(ssh.keys or "", reactor, blocking)
    except KeysError as error:
        raise SettingsError(
            f"ssh.keys: {ssh.keys!r} cannot be used: {error}"
        ) from error
    if not keys:
        raise SettingsError(
            f"ssh.keys: {ssh.keys!r} cannot be used: there is no key in it, and nobody "
            "could log in by SSH."
        )
    return keys


def _host_key(ssh: Ssh, secret: bytes) -> Ed25519PrivateKey | Key:
    if ssh.hostkey is None:
        return Ed25519PrivateKey.from_private_bytes(secret)
    data = read_file("ssh.hostkey", ssh.hostkey)
    try:
        key: Key = Key.fromString(data)
        fits = not key.isPublic() and key.type() != "DSA"
        fits = fits and (key.type() != "RSA" or key.size() >= _LEAST_BITS)
    except EncryptedKeyError as error:
        raise _refuse(ssh, "it must be without a passphrase") from error
    except Exception as error:  # what Conch raises is of many kinds
        raise _refuse(ssh, "it must be a private key as of ssh-keygen") from error
    if not fits:
        raise _refuse(
            ssh, f"it must be a private key, and of RSA one of {_LEAST_BITS} bits"
        )
    return key


def _refuse(ssh: Ssh, allowed: str) -> SettingsError:
    return SettingsError(f"ssh.hostkey: {ssh.hostkey!r} cannot be used; {allowed}.")


def _endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise SettingsError(
            f"ssh.listen: {description!r} is no endpoint that Twisted knows, such as "
            f"'tcp:2222:interface=127.0.0.1': {error}."
        ) from error
    return endpoint
