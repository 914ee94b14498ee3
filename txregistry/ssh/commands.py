"""What the commands do: the same by our own server and by OpenSSH's."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from txregistry.auth.interfaces import Caller
from txregistry.model.access import Action, Identity
from txregistry.model.errors import Denied, ManifestUnknown, NameUnknown, Unsupported
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.platforms import Platforms
from txregistry.registry.repositories import Registry
from txregistry.ssh.failures import explain
from txregistry.ssh.interfaces import IExchange, Permission
from txregistry.ssh.requests import (
    USAGE,
    Get,
    Held,
    Help,
    History,
    Image,
    List,
    Plan,
    Put,
    Remove,
    Request,
    Tags,
    parse_request,
)
from txregistry.streams import BytesReader
from txregistry.tasks import Blocking
from txregistry.transfer.archives.reading import ArchiveReader
from txregistry.transfer.archives.writing import ArchivePlan, ArchiveWriter, Wanted
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.registries import held

_PAGE: Final = 500
_LAST: Final = "~"
"""What sorts after all characters of names."""

_NEEDS: Final[Mapping[type, Action]] = {
    Get: Action.PULL,
    Plan: Action.PULL,
    Put: Action.PUSH,
    Held: Action.PUSH,
    Tags: Action.LIST,
    Remove: Action.DELETE,
    History: Action.PULL,
    List: Action.LIST,
}


@dataclass(slots=True)
class Done:
    """What became of a command.

    Attributes:
        request: What was asked for; None where that was not understood.
        ending: The status that it ends with.
        told: A sentence for the client; empty where nothing is to be told.
        about: The digest of what it was about; empty where there is none.
    """

    request: Request | None = None
    ending: Ending = Ending.DONE
    told: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    """One command that is allowed.

    Attributes:
        caller: Who asks.
        exchange: What they send and get.
        done: What became of it.
    """

    caller: Caller
    exchange: IExchange
    done: Done = field(default_factory=Done)

    async def answer(self, text: str) -> None:
        await self.exchange.send(BytesReader(text.encode()))


class Commands:
    """Do what is asked for.

    Args:
        registry: What it is asked of.
        blocking: Where hashing and unpacking go.
        permission: Says who may do what.
    """

    def __init__(
        self, registry: Registry, blocking: Blocking, permission: Permission
    ) -> None:
        self._registry = registry
        self._blocking = blocking
        self._permission = permission
        self._commands: dict[type, Callable[[Any, _Call], Awaitable[None]]] = {
            Get: self._get,
            Plan: self._plan,
            Put: self._put,
            List: self._list,
            Tags: self._tags,
            Held: self._held,
            Remove: self._remove,
            History: self._tell_history,
            Help: self._help,
        }

    async def run(self, line: bytes, identity: Identity, exchange: IExchange) -> Done:
        """Do what a command line asks for.

        Args:
            line: The line, whatever it is.
            identity: Who asks.
            exchange: What they send and get.

        Returns:
            What became of it; no failure is raised.
        """
        call = _Call(Caller(identity), exchange)
        done = call.done
        try:
            done.request = parse_request(line)
            self._check(call.caller, done.request)
            await self._commands[type(done.request)](done.request, call)
        except Exception as error:  # noqa: BLE001 - it is told, or logged
            done.ending, done.told = explain(error)
        return done

    def _check(self, caller: Caller, request: Request) -> None:
        """Refuse what somebody may not do, before anything is looked up.

        Raises:
            Denied: it is.
        """
        if isinstance(request, List | Help):
            return
        name = request.image.name if isinstance(request, Get | Plan) else request.name
        action = _NEEDS[type(request)]
        if not self._permission.may(caller, name, action):
            raise Denied(f"You may not {action} {name}; ask whoever runs the registry.")

    async def _get(self, request: Get, call: _Call) -> None:
        plan = await self._make(request.image, call.done)
        if request.identity not in {None, plan.identity}:
            raise TransferFailed(
                Ending.NOT_FOUND,
                f"The archive of {request.image} is another one by now; get it anew.",
            )
        if request.resume > plan.size:
            raise TransferFailed(
                Ending.USAGE, f"--resume: the archive has {plan.size} bytes."
            )
        await call.exchange.send(plan.open(request.resume))

    async def _plan(self, request: Plan, call: _Call) -> None:
        plan = await self._make(request.image, call.done)
        document = {
            "digest": call.done.about,
            "size": plan.size,
            "identity": str(plan.identity),
            "blobs": {str(each): size for each, size in plan.blobs.items()},
        }
        await call.answer(msgspec.json.encode(document).decode() + "\n")

    async def _make(self, image: Image, done: Done) -> ArchivePlan:
        writer = ArchiveWriter(
            self._registry,
            self._blocking,
            platforms=Platforms(image.platforms),
            have=image.have,
        )
        plan = await writer.plan([Wanted(image.name, image.reference)])
        done.about = str(plan.digests[0])
        return plan

    async def _put(self, request: Put, call: _Call) -> None:
        self._registry.mirror.check_push(request.name)
        if not self._registry.writes:
            raise Unsupported("This registry is read-only at present.")
        reader = ArchiveReader(self._registry, self._blocking)
        source = call.exchange.receive()
        # What came whole of an archive that is cut off need not come once more.
        async with reader.open(source, rescued=request.name) as archive:
            digest = await archive.publish(
                request.name, [request.tag], archive.choose(request.called)
            )
        call.done.about = str(digest)
        await call.answer(f"{digest}\n")

    async def _list(self, request: List, call: _Call) -> None:
        prefix, after, more = request.prefix, _before(request.prefix), True
        while more:
            page = await self._registry.catalog.page(after, _PAGE)
            names = [
                name
                for name in page.names
                if name.text.startswith(prefix)
                and await self._permission.lists(call.caller, name)
            ]
            await call.answer(_lines(names))
            after = page.names[-1].text if page.names else ""
            more = page.more and after[: len(prefix)] <= prefix

    async def _tags(self, request: Tags, call: _Call) -> None:
        after, more = "", True
        while more:
            page = await self._registry.tags.page(request.name, after, _PAGE)
            if not page.tags and not after:
                await self._check_there(request.name)
            await call.answer(_lines(page.tags))
            more = page.more
            after = page.tags[-1].text if page.tags else ""

    async def _held(self, request: Held, call: _Call) -> None:
        await call.answer(_lines(await held(self._registry.store, request.name)))

    async def _remove(self, request: Remove, call: _Call) -> None:
        if not self._registry.deletes:
            raise Unsupported("Deleting is switched off in this registry.")
        await self._registry.acceptance.delete(request.name, request.reference)
        await call.answer("")

    async def _tell_history(self, request: History, call: _Call) -> None:
        past = await self._registry.tags.history.past(request.name, request.tag)
        if not past:
            await self._check_there(request.name)
            raise ManifestUnknown(
                f"The repository {request.name} never had a tag {request.tag}, as far "
                "as is known."
            )
        await call.answer(_lines(f"{each.digest} {_time(each.when)}" for each in past))

    async def _help(self, request: Help, call: _Call) -> None:
        del request
        await call.answer(USAGE)

    async def _check_there(self, name: RepositoryName) -> None:
        if not await self._registry.manifests.has_repository(name):
            raise NameUnknown(f"There is no repository {name}; check its name.")


def needed(request: Request | None) -> Action | None:
    """Say what one must be allowed to for something; None where that is nothing."""
    return _NEEDS.get(type(request))


def _before(prefix: str) -> str:
    """Give what sorts before all names that begin so, and behind all that do not."""
    return prefix and f"{prefix[:-1]}{chr(ord(prefix[-1]) - 1)}{_LAST}"


def _lines(values: Iterable[object]) -> str:
    return "".join(f"{each}\n" for each in values)


def _time(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")
