"""What work costs: measured numbers, which are kept in a file of JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

#: Those of the machine that ``docs/capacity.md`` describes.
DEFAULTS = Path(__file__).with_name("costs.json")


@dataclass(frozen=True)
class Costs:
    """Seconds of CPU, of all the server's processes and threads; and memory.

    What passes is in seconds for a GB of 10⁹ bytes, small things in seconds for a
    thousand of them, memory in bytes.

    Args:
        machine: Where they were measured.
        pull: A GB pulled without TLS, which the kernel has in memory.
        pull_cold: The same, from the disk.
        verify: A GB more where a process gives a blob for the first time.
        push: A GB pushed in chunks, as docker does, in blobs of 100 MiB.
        tls_pull: A GB pulled by TLS.
        tls_push: A GB pushed by TLS.
        s3_pull: A GB from S3, through the node.
        s3_push: A GB to S3, as docker pushes.
        swift_pull: A GB from Swift, through the node.
        swift_push: A GB to Swift, as docker pushes.
        fill: A GB that a mirror fetches and keeps.
        follow: A GB for a client of what a mirror is just fetching.
        tls_follow: The same by TLS.
        manifest: A thousand manifests by tag.
        head: A thousand questions whether a blob is there.
        blob: A thousand small blobs pushed, each in three requests.
        s3_blob: The same to S3.
        redirect: A thousand answers that send clients to S3 for a blob.
        s3_manifest: A thousand manifests by tag out of S3.
        connect: A thousand new connections of mTLS, each with one small request.
        resume: A thousand that go on with a session, likewise.
        process: A process that does nothing.
        puller: What a pull adds.
        pusher: What a push adds.
    """

    machine: str
    pull: float
    pull_cold: float
    verify: float
    push: float
    tls_pull: float
    tls_push: float
    s3_pull: float
    s3_push: float
    swift_pull: float
    swift_push: float
    fill: float
    follow: float
    tls_follow: float
    manifest: float
    head: float
    blob: float
    s3_blob: float
    redirect: float
    s3_manifest: float
    connect: float
    resume: float
    process: float
    puller: float
    pusher: float


class CostsError(Exception):
    """A file that does not hold costs."""


def load(path: Path = DEFAULTS) -> Costs:
    """Read costs; what a file does not say is as in the defaults.

    Raises:
        CostsError: It cannot be used.
    """
    told = _read(DEFAULTS) | (_read(path) if path != DEFAULTS else {})
    numbers = {}
    for field in fields(Costs):
        if field.name == "machine":
            continue
        number = told.get(field.name)
        if not isinstance(number, int | float) or not number >= 0:
            raise CostsError(f"{path}: {field.name} is no number from 0 on")
        numbers[field.name] = float(number)
    if unknown := sorted(set(told) - {"machine", *numbers}):
        raise CostsError(f"{path}: nobody knows {', '.join(unknown)}")
    return Costs(machine=str(told["machine"]), **numbers)


def keep(path: Path, measured: Mapping[str, object]) -> None:
    """Write down what was measured, beside what the file has of earlier times."""
    before = _read(path) if path.exists() else {}
    path.write_text(json.dumps({**before, **measured}, indent=1) + "\n")


def show(costs: Costs) -> str:
    """Write them as they are kept."""
    return json.dumps(asdict(costs), indent=1)


def _read(path: Path) -> dict[str, object]:
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CostsError(f"{path}: {error}") from error
    if not isinstance(told, dict):
        raise CostsError(f"{path}: it holds no object")
    return told
