"""Where the registry listens, and through what."""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Http, Listener
from txregistry.tls.server import ServerTls
from txregistry.web.accepted import accept_as_ours
from txregistry.workers.ports import can_share, shareable

DEFAULT: Final = "tcp:5000:interface=127.0.0.1"

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/]*)):([0-9]{1,5})")
LOOPBACK: Final = re.compile(r"127\.[0-9.]+|localhost|::1")
_LOCAL: Final = re.compile(r":interface=(?:127\.[0-9.]+|localhost|\\:\\:1)(?::|$)")
_BACKLOG: Final = 1024
_PROXY: Final = "haproxy:"

Wrap = Callable[[IProtocolFactory], IProtocolFactory]


@implementer(IStreamServerEndpoint)
class _Wrapped:
    """An endpoint whose connections go through something, the last of it first."""

    def __init__(self, endpoint: IStreamServerEndpoint, *wraps: Wrap) -> None:
        self._endpoint = endpoint
        self._wraps = wraps

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``."""
        for wrap in self._wraps:
            factory = wrap(factory)
        return self._endpoint.listen(factory).addCallback(accept_as_ours)


@implementer(IStreamServerEndpoint)
class _NotHandedOver:
    """A socket that systemd should have handed over, and has not.

    Settings that name one can be checked anywhere; only the start needs it.
    """

    def __init__(self, description: str) -> None:
        self._kind, _, self._which = description.partition(":")

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See ``IStreamServerEndpoint``: it cannot."""
        del factory
        why = OSError("systemd has not handed over this socket")
        return fail(CannotListenError(self._kind, self._which, why))


@implementer(IProtocolFactory)
class _FromProxies:
    """Let only proxies connect, as what they say of others is believed.

    Who comes by a Unix socket has the right to open it, which is enough.
    """

    _log = Logger()

    def __init__(
        self, factory: IProtocolFactory, networks: list[IPv4Network | IPv6Network]
    ) -> None:
        self._factory = factory
        self._networks = networks

    def doStart(self) -> None:  # noqa: N802 - Twisted's
        """See ``IProtocolFactory``."""
        self._factory.doStart()

    def doStop(self) -> None:  # noqa: N802 - Twisted's
        """See ``IProtocolFactory``."""
        self._factory.doStop()

    def buildProtocol(self, address: IAddress) -> IProtocol | None:
        """See ``IProtocolFactory``."""
        host = getattr(address, "host", None)
        if host is None or _is_within(host, self._networks):
            return self._factory.buildProtocol(address)
        self._log.info("{peer} is none of http.proxies, and was dropped", peer=address)
        return None


def make_endpoints(
    reactor: Any,
    http: Http,
    tls: ServerTls | None = None,
    inherited: Sequence[IStreamServerEndpoint] | None = None,
) -> list[tuple[IStreamServerEndpoint, tuple[str, ...]]]:
    """Make the endpoints to listen at: on loopback only, unless told otherwise.

    Args:
        reactor: What listens.
        http: Where.
        tls: Speaks TLS, where there are certificates.
        inherited: What listens already in place of the endpoints that the settings
            describe, in their order; None where nothing does.

    Returns:
        The endpoints, and the APIs that each is to speak.

    Raises:
        SettingsError: one of the settings cannot be used.
        ValueError: there are certificates, and nothing that uses them.
    """
    if tls is None and http.tls.certificate is not None:
        raise ValueError("TLS is asked for, and nothing is there that speaks it")
    found = []
    speaks_tls = False
    given = None if inherited is None else iter(inherited)

    def make(description: str) -> IStreamServerEndpoint:
        if http.worker_count > 1 and not can_share(description):
            raise SettingsError(
                f"http.listen: {description!r} cannot be used with http.workers: "
                f"{http.workers!r}: workers cannot share it; allowed are: "
                f"{shareable()}."
            )
        return _from_string(reactor, description) if given is None else next(given)

    for each in http.listen:
        listener = Listener(each) if isinstance(each, str) else each
        apis = http.apis if listener.apis is None else listener.apis
        found.append((_make_endpoint(make, http, listener, tls), apis))
        speaks_tls |= listener.tls
    if http.addr is not None:
        endpoint = from_address(reactor, "http.addr", http.addr)
        if given is not None:
            endpoint = next(given)
        if tls is not None:
            endpoint = _Wrapped(endpoint, tls.wrap)
        found.append((endpoint, http.apis))
    elif tls is not None and not speaks_tls:
        raise SettingsError(
            "http.tls: nothing listens with it: it is for http.addr, and for entries "
            "of http.listen with tls: true."
        )
    return found or [(make(DEFAULT), http.apis)]


def reaches_others(http: Http) -> bool:
    """Say whether anybody is listened to who is not on this machine."""
    strings = [each if isinstance(each, str) else each.endpoint for each in http.listen]
    inner = [each.removeprefix(_PROXY) for each in strings]
    if any(not each.startswith("unix:") and not _LOCAL.search(each) for each in inner):
        return True
    return http.addr is not None and is_for_others(http.addr)


def is_for_others(address: str) -> bool:
    """Say whether an address, with its port, is not of this machine alone."""
    match = _ADDRESS.fullmatch(address)
    return match is not None and not LOOPBACK.fullmatch(match[1] or match[2])


def _make_endpoint(
    make: Callable[[str], IStreamServerEndpoint],
    http: Http,
    listener: Listener,
    tls: ServerTls | None,
) -> IStreamServerEndpoint:
    description = listener.endpoint.removeprefix(_PROXY)
    wraps: list[Wrap] = []
    if listener.tls:
        if tls is None:
            raise SettingsError(
                f"http.listen: {listener.endpoint!r} cannot be used with tls: true: "
                "http.tls.certificate is needed too."
            )
        wraps.append(tls.wrap)
    if listener.proxyprotocol or description != listener.endpoint:
        if not http.proxies and not description.startswith("unix:"):
            raise SettingsError(
                f"http.listen: {listener.endpoint!r} cannot be used: what PROXY "
                "headers say is believed, so http.proxies must name who may send them."
            )
        # It takes a while to load, and only this needs it.
        from twisted.protocols.haproxy._wrapper import (  # noqa: PLC0415 - as said
            HAProxyWrappingFactory,
        )

        networks = [_network(each) for each in http.proxies]
        wraps.append(HAProxyWrappingFactory)
        wraps.append(lambda factory: _FromProxies(factory, networks))
    endpoint = make(description)
    return _Wrapped(endpoint, *wraps) if wraps else endpoint


def _from_string(reactor: Any, description: str) -> IStreamServerEndpoint:
    kind = description.partition(":")[0]
    whole = description
    if kind in {"tcp", "tcp6", "ssl", "unix"} and ":backlog=" not in description:
        whole = f"{description}:backlog={_BACKLOG}"  # Twisted's 50 are too few
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, whole)
    except (ValueError, TypeError, LookupError, AttributeError, OSError) as error:
        if kind == "systemd" and isinstance(error, LookupError):
            return _NotHandedOver(description)
        raise SettingsError(
            f"http.listen: {description!r} is no endpoint that Twisted knows, such as "
            f"'tcp:5000:interface=127.0.0.1': {error}."
        ) from error
    return endpoint


def from_address(reactor: Any, setting: str, address: str) -> IStreamServerEndpoint:
    """Make what listens at an address, as Go spells them.

    Args:
        reactor: What listens.
        setting: What it is said by.
        address: The address, with its port.

    Raises:
        SettingsError: it is none.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[3]) > 65535:  # noqa: PLR2004 - the largest port
        raise SettingsError(
            f"{setting}: {address!r} cannot be used; it must be 'host:port', ':port' "
            "or '[IPv6 address]:port'."
        )
    six, host, port = match[1], match[2], int(match[3])
    host = "127.0.0.1" if host == "localhost" else host
    if six is not None:
        return TCP6ServerEndpoint(reactor, port, backlog=_BACKLOG, interface=six)
    return TCP4ServerEndpoint(reactor, port, backlog=_BACKLOG, interface=host)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise SettingsError(
            f"http.proxies: {text!r} cannot be used: it must be an IP address or a "
            "network such as 10.1.0.0/16."
        ) from error


def _is_within(host: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    """Say whether an address is in a network, also as IPv6 spells one of IPv4."""
    address = ip_address(host)
    return any(
        (getattr(address, "ipv4_mapped", None) or address) in each for each in networks
    )
