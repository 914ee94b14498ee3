"""Settings of Distribution's registry, with accounts: they are taken unchanged."""

from pathlib import Path

from tests.integration.clients import logins
from tests.integration.clients.couriers import Skopeo
from tests.integration.clients.logins import PASSWORDS, TEAM
from tests.integration.clients.programs import find
from tests.integration.clients.remote import Remote
from tests.integration.daemon import LOOPBACK, ConfiguredDaemon, Daemon
from tests.integration.tuned import write_htpasswd

CONFIG = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
{storage}{auth}http:
  addr: {address}
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""
"""What comes in Distribution's packages and images, with its places filled in."""

FILESYSTEM = """\
  filesystem:
    rootdirectory: {directory}
"""

AUTH = """\
auth:
  htpasswd:
    realm: basic-realm
    path: {path}
"""
"""As in its documentation."""


class Stock(ConfiguredDaemon):
    """A registry, this or Distribution's, with a file and variables as of the latter.

    Args:
        directory: Where it keeps content.
        auth: What is in the file on accounts.
        variables: Its environment, over that of the tests.
        program: Distribution's; empty for this one.
        storage: What is in the file on the store; empty for the directory.
    """

    def __init__(
        self,
        directory: Path,
        auth: str,
        variables: dict[str, str],
        program: str = "",
        storage: str = "",
    ) -> None:
        self._auth = auth
        self._storage = storage or FILESYSTEM.format(directory=directory)
        self._variables = [f"{name}={value}" for name, value in variables.items()]
        self._program = program
        super().__init__(directory, {})

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        command = super().command(port)
        path = self.scratch / "config.yml"
        address = f"{LOOPBACK}:{port}"
        path.write_text(
            CONFIG.format(storage=self._storage, auth=self._auth, address=address)
        )
        if self._program:
            command = [self._program, "serve", str(path)]
        return ["env", *self._variables, *command]


class StockTests(logins.AccountsCase):
    def setUp(self) -> None:
        super().setUp()
        find(Skopeo.program)
        self.place = self.directory / "registry"
        self.accounts = write_htpasswd(self.directory / "htpasswd", PASSWORDS)

    def check(self, auth: str, variables: dict[str, str]) -> None:
        """Push to Distribution's registry, and pull from this in its place."""
        theirs = Stock(self.place, auth, variables, find("registry"))
        self.keep(theirs)
        expected = self.use(theirs, push=True)
        theirs.stop()
        ours = Stock(self.place, auth, variables)
        self.keep(ours)
        self.assertEqual(self.use(ours, push=False), expected)

    def use(self, daemon: Daemon, *, push: bool) -> tuple[object, ...]:
        """Push, or not; pull; give what who is not known is told."""
        client = Skopeo(self, daemon.host)
        client.refuse_login("alice", PASSWORDS["bob"])
        client.refuse_pull("team/app:1")
        client.log_in("alice", PASSWORDS["alice"])
        if push:
            client.push("team/app:1", TEAM)
        client.pull("team/app:1", TEAM)
        client.push("team/app:2", TEAM)
        answer = Remote(daemon.host).ask("GET", "/v2/")
        told = answer.headers.get_all("WWW-Authenticate")
        return answer.status, told, answer.headers["X-Content-Type-Options"]

    def test_accounts_in_the_file(self) -> None:
        self.check(AUTH.format(path=self.accounts), {})

    def test_accounts_in_variables(self) -> None:
        variables = {
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "Registry Realm",
            "REGISTRY_AUTH_HTPASSWD_PATH": str(self.accounts),
        }
        self.check("", variables)

    def test_all_in_variables(self) -> None:
        """As images are run, on what is in their file."""
        variables = {
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "Registry Realm",
            "REGISTRY_AUTH_HTPASSWD_PATH": str(self.accounts),
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(self.directory / "other"),
            "REGISTRY_STORAGE_DELETE_ENABLED": "true",
        }
        self.check("", variables)
        self.assertTrue((self.directory / "other" / "docker").is_dir())
