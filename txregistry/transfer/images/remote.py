"""Images from and to a host behind SSH."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.names import RepositoryName
from txregistry.streams import IReader, read_all
from txregistry.tasks import Blocking
from txregistry.transfer.archives.checking import ArchiveChecker
from txregistry.transfer.archives.writing import ArchiveWriter, Wanted
from txregistry.transfer.images.descriptors import Interruption
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.interfaces import (
    Asked,
    IImageSource,
    IImageTarget,
    Opened,
    Placement,
)
from txregistry.transfer.images.passing import Passing
from txregistry.transfer.images.programs import Program
from txregistry.transfer.images.registries import RegistryTarget
from txregistry.transfer.images.remotecommands import SshPlace
from txregistry.transfer.images.scratch import scratch_registry

_ANSWER: Final = 16 * 1024 * 1024
"""Bytes of an answer that is read whole."""
_BROKEN: Final = 255
"""The status with which OpenSSH says that it was not a command that failed."""
_NO_COMMAND: Final = 127
_SECRETS: Final = ("TXREGISTRY_PASSWORD", "TXREGISTRY_USERNAME")
_REFUSALS: Final = ("Permission denied", "Host key verification failed")


class _Plan(msgspec.Struct):
    """As far as it is of use here."""

    digest: str
    size: int
    identity: str


_plan_decoder: Final = msgspec.json.Decoder(_Plan)


@dataclass(frozen=True, slots=True)
class Ssh:
    """How programs are run at a host.

    Attributes:
        place: The host.
        program: OpenSSH's ``ssh``, and maybe options of it.
        reactor: Runs it.
        blocking: Where work goes that waits for it.
        interruption: Ends waiting.
        environment: Its variables.
    """

    place: SshPlace
    program: tuple[str, ...]
    reactor: Any
    blocking: Blocking
    interruption: Interruption
    environment: Mapping[str, str]

    def run(self, command: str, *, reads: bool = False) -> Program:
        """Run a command there.

        Raises:
            TransferFailed: there is no such program as ``ssh`` here.
        """
        environment = {
            name: text
            for name, text in self.environment.items()
            if name not in _SECRETS
        }
        try:
            return Program(
                self.reactor,
                self.place.arguments(self.program, command),
                environment,
                self.blocking,
                self.interruption,
                reads=reads,
            )
        except OSError as error:
            raise TransferFailed(
                Ending.FAILED, f"{self.program[0]} cannot be run: {error.strerror}."
            ) from error

    async def ask(self, command: str) -> bytes:
        """Run a command there that answers in short.

        Raises:
            TransferFailed: it did not succeed.
        """
        program = self.run(command)
        try:
            data = await read_all(program.reader, _ANSWER)
            if data is None:
                raise TransferFailed(
                    Ending.DAMAGED, f"{self.place.host}: the answer is too long."
                )
            await self.see_the_end(program)
        finally:
            await program.close()
        return data

    async def see_the_end(self, program: Program) -> None:
        """See that a command ended well.

        Raises:
            TransferFailed: it did not.
        """
        status = await program.ended()
        if not status and status is not None:
            return
        remark = program.remark
        for name in ("registryget: ", "registryput: ", "txregistry: "):
            remark = remark.removeprefix(name)
        message = f"{self.place.host}: {remark or _reason(status)}"
        raise TransferFailed(_ending(status, remark), message)


@implementer(IImageSource)
class SshSource:
    """Have archives written at a host.

    Args:
        ssh: The host.
    """

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh

    async def open(
        self, asked: Asked, start: int = 0, expected: Digest | None = None
    ) -> Opened:
        """See `IImageSource`.

        Raises:
            TransferFailed: the image is another one than was expected.
        """
        size, identity = None, None
        if start:
            plan = await self._plan(asked)
            if expected is not None and plan.digest != str(expected):
                raise TransferFailed(
                    Ending.NOT_FOUND,
                    f"{asked.reference} is another image now than the one that was "
                    "begun; begin anew.",
                )
            size, identity = plan.size, Digest.parse(plan.identity)
        program = self._ssh.run(self._ssh.place.get(asked, start, identity))
        return Opened(_ProgramReader(self._ssh, program), size)

    async def close(self) -> None:
        """See `IImageSource`."""

    async def _plan(self, asked: Asked) -> _Plan:
        data = await self._ssh.ask(self._ssh.place.plan(asked))
        try:
            return _plan_decoder.decode(data)
        except msgspec.DecodeError:
            raise TransferFailed(
                Ending.DAMAGED,
                f"{self._ssh.place.host} does not say what the archive is.",
            ) from None


@implementer(IReader)
class _ProgramReader:
    """Read what a program writes; its end only if it ended well."""

    def __init__(self, ssh: Ssh, program: Program) -> None:
        self._ssh = ssh
        self._program = program

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._program.reader.read(limit)
        if not data:
            await self._ssh.see_the_end(self._program)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._program.close()


@implementer(IImageTarget)
class SshTarget:
    """Have archives read at a host.

    Args:
        ssh: The host.
    """

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh

    async def receive(
        self, source: IReader, placements: Sequence[Placement], *, resume: bool = False
    ) -> Sequence[Digest]:
        """See `IImageTarget`.

        To resume, the archive is taken into a folder first: what of it is there already
        can be left out of another one then.

        Raises:
            TransferFailed: there is more than one image.
        """
        if len(placements) != 1:
            raise TransferFailed(Ending.USAGE, "Over SSH, one image is put at a time.")
        placement = placements[0]
        if not resume:
            return [await self._send(source, placement)]
        ssh = self._ssh
        known = frozenset(await self.held(placement.name))

        async def holds(_: RepositoryName, wanted: Any) -> bool:
            return wanted.digest in known

        async with scratch_registry(ssh.reactor, ssh.blocking) as registry:
            target = RegistryTarget(registry, ssh.blocking, beyond=holds)
            untagged = Placement(placement.name, (), placement.called)
            (digest,) = await target.receive(source, [untagged])
            writer = ArchiveWriter(registry, ssh.blocking, have=known)
            plan = await writer.plan([Wanted(placement.name, digest)])
            sent = Placement(placement.name, placement.tags)
            return [await self._send(plan.open(), sent)]

    async def held(self, name: RepositoryName) -> Sequence[Digest]:
        """See `IImageTarget`."""
        try:
            data = await self._ssh.ask(self._ssh.place.held(name))
        except TransferFailed as failure:
            if failure.ending is Ending.USAGE:
                return []  # it cannot say that
            raise
        try:
            return [Digest.parse(line) for line in data.decode().split()]
        except (DigestInvalid, UnicodeDecodeError):
            raise TransferFailed(
                Ending.DAMAGED, f"{self._ssh.place.host} does not say what it has."
            ) from None

    async def close(self) -> None:
        """See `IImageTarget`."""

    async def _send(self, source: IReader, placement: Placement) -> Digest:
        """Send an archive, and check it on the way."""
        ssh = self._ssh
        program = ssh.run(ssh.place.put(placement), reads=True)
        passing = Passing(source, program.writer)
        checker = ArchiveChecker(ssh.reactor, ssh.blocking, unpacks=False)
        try:
            try:
                await checker.check(passing)
                await passing.finish()
            except BrokenPipeError:
                await ssh.see_the_end(program)  # it says why it wants no more
                raise
            await program.writer.close()
            answer = await read_all(program.reader, _ANSWER)
            await ssh.see_the_end(program)
            return Digest.parse((answer or b"").decode().strip())
        except (DigestInvalid, UnicodeDecodeError):
            raise TransferFailed(
                Ending.DAMAGED, f"{ssh.place.host} does not say what became of it."
            ) from None
        finally:
            await passing.close()
            await program.close()


def _ending(status: int | None, remark: str) -> Ending:
    if status == _BROKEN:
        refused = any(each in remark for each in _REFUSALS)
        return Ending.REFUSED if refused else Ending.UNREACHABLE
    if status == _NO_COMMAND:
        return Ending.NOT_FOUND
    if status is None or status not in {*Ending}:
        return Ending.FAILED
    return Ending(status)


def _reason(status: int | None) -> str:
    if status is None:
        return "a signal ended ssh."
    return f"the command there ended with {status}, and said nothing."
