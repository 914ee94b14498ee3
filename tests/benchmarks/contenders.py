"""Who takes part: this registry, and others that are on the PATH."""

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.certificates import Certificates
from tests.benchmarks.servers import HOST, Side, peer_command, twistd_command

DISTRIBUTION, ZOT, OLD = "Distribution 3", "zot", "docker-registry 2.8"
#: The others, in the order of the report, with the programs that they are.
PEERS = {DISTRIBUTION: "registry", ZOT: "zot", OLD: "docker-registry"}


class Zot(Side):
    """A zot, which has a configuration of its own kind."""

    def configure(self, data: Path, port: int) -> str:
        """Write it: what is not said is as zot has it by itself."""
        http: dict[str, object] = {"address": HOST, "port": str(port)}
        if self.certificates is not None:
            http["tls"] = {
                "cert": self.certificates.certificate,
                "key": self.certificates.key,
                "cacert": self.certificates.authority,
            }
        told = {
            "distSpecVersion": "1.1.1",
            "storage": {"rootDirectory": str(data), "dedupe": True, "gc": False},
            "http": http,
            "log": {"level": "error"},
        }
        return json.dumps(told, indent=1)


#: What our settings are called, by how many workers there are.
OURS = {workers: f"txregistry, {workers}" for workers in (1, 2)}


def sides(
    workers: tuple[int, ...],
    peers: tuple[str, ...],
    certificates: Certificates | None = None,
) -> Iterator[Side]:
    """Give who takes part, ours first.

    Args:
        workers: Of how many workers we are, each of which is a side.
        peers: The names of others; those that are not here are left out.
        certificates: Those of both ends, if TLS is to be spoken.
    """
    for number in workers:
        command = twistd_command(f"--config {{config}} --workers {number}")
        yield Side(OURS[number], command, certificates=certificates)
    for name in peers:
        found = _find(name)
        if found is not None:
            kind = Zot if name == ZOT else Side
            yield kind(name, found, certificates=certificates)


def _find(name: str) -> str | None:
    """Find the command that starts one of the others."""
    if name == DISTRIBUTION:
        return peer_command()
    program = shutil.which(PEERS[name])
    return f"{shlex.quote(program)} serve {{config}}" if program else None
