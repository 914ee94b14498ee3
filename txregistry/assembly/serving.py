"""Who serves: this process, or workers that it begins."""

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint

from txregistry.assembly.listening import make_endpoints
from txregistry.assembly.secrets import Kept
from txregistry.assembly.sites import Sites
from txregistry.assembly.watching import Served, Workers
from txregistry.settings.sections import Http, Settings
from txregistry.tasks import Blocking
from txregistry.tls.server import ServerTls
from txregistry.web.site import RegistrySite
from txregistry.workers.launch import Launch
from txregistry.workers.ports import HeldPorts, inherit
from txregistry.workers.setup import Setup


@dataclass(frozen=True, slots=True)
class Part:
    """What a process does of all that there is to do.

    Attributes:
        setup: What it was told, if it is a worker.
        launch: How it begins workers, if it is none.
    """

    setup: Setup | None = None
    launch: Launch | None = None

    @property
    def is_worker(self) -> bool:
        """Whether another process does what one has to do for all."""
        return self.setup is not None

    @property
    def kept(self) -> Kept | None:
        """What the store keeps for the registry; None where nobody has read that."""
        if self.setup is None:
            return None
        return Kept(self.setup.secrets, tuple(self.setup.closed))

    def leads(self, http: Http) -> bool:
        """Say whether others serve, so that this process does not."""
        return self.setup is None and http.worker_count > 1

    @property
    def tickets(self) -> bytes | None:
        """What keys of TLS sessions are made of; None where nobody else has them."""
        return None if self.setup is None else self.setup.tickets


def make_tls(
    http: Http, part: Part, reactor: Any, blocking: Blocking
) -> ServerTls | None:
    """Make what speaks TLS; None where nothing does.

    Raises:
        SettingsError: a file cannot be used.
    """
    if http.tls.certificate is None:
        return None
    return ServerTls(http.tls, reactor, blocking, tickets=part.tickets)


def make_listeners(
    http: Http, sites: Sites, tls: ServerTls | None, part: Part, reactor: Any
) -> list[tuple[IStreamServerEndpoint, RegistrySite]]:
    """Make what this process serves, and where.

    Raises:
        SettingsError: a setting cannot be used.
    """
    inherited = None
    if part.setup is not None:
        inherited = inherit(reactor, part.setup.ports)
    return [
        (endpoint, sites.site(apis))
        for endpoint, apis in make_endpoints(reactor, http, tls, inherited)
    ]


def make_crew(
    settings: Settings, tls: ServerTls | None, kept: Kept, part: Part, reactor: Any
) -> tuple[Workers, list[tuple[IStreamServerEndpoint, Served]]]:
    """Make the workers, who serve in place of this process, and where they do.

    Raises:
        SettingsError: a setting cannot be used.
    """
    # Who serves by itself, and who is a worker, need not wait until it is loaded.
    from txregistry.workers.crew import Crew  # noqa: PLC0415 - as said

    http, launch = settings.http, part.launch or Launch()
    ports = HeldPorts(http.worker_count)
    setup = Setup(launch.options, settings, dict(kept.secrets), list(kept.closed))
    crew = Crew(reactor, setup, ports, launch, speaks_tls=tls is not None)
    return crew, [(each, crew) for each, _ in make_endpoints(ports, http, tls)]
