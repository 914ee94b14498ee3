"""Find what is wrong in a store, and mend it, while registries use it.

Blobs are listed first, and only then what needs them; so whatever seems to lead nowhere
is looked at once more before it is told, since it may have been pushed meanwhile. Every
repair looks again just before it writes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime

from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.checking.contents import ContentCheck
from txregistry.registry.checking.findings import Finding, Findings
from txregistry.registry.checking.links import LinkCheck
from txregistry.registry.checking.manifests import ManifestCheck
from txregistry.registry.checking.pace import Pace
from txregistry.registry.checking.permissions import PermissionCheck
from txregistry.registry.checking.private import PrivateCheck
from txregistry.registry.checking.referrers import ReferrerCheck
from txregistry.registry.checking.strays import tell_unrecognised, tell_upload
from txregistry.registry.checking.tags import TagCheck
from txregistry.registry.checking.tree import Contents, Position, Tree
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectSource, IObjectStore, Key
from txregistry.storage.kinds import Upload, recognize
from txregistry.tasks import Blocking

Chosen = Callable[[RepositoryName], bool]


def all_repositories(name: RepositoryName) -> bool:
    """Choose every repository."""
    del name
    return True


def no_repository(name: RepositoryName) -> bool:
    """Choose none."""
    del name
    return False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked, and how.

    Attributes:
        hashing: Whether the content of blobs is hashed.
        rate: Bytes that are hashed in a second, at most; None for as many as can be.
        chosen: Which repositories are looked at; None for all, and what is nobody's.
        partial: Which may lack what their manifests name: mirrored ones.
        folder: The folder of the store, where that is a local one.
    """

    hashing: bool = True
    rate: int | None = None
    chosen: Chosen | None = None
    partial: Chosen = no_repository
    folder: str | None = None


class StoreCheck:
    """Check a store; once.

    Args:
        source: What is checked.
        target: The same, to be mended; None where nothing is to be changed.
        flat: Whether it has no folders.
        clock: Tells the time, and lets others have their turn.
        blocking: Where bytes are hashed.
        tell: Hears of each finding.
        hear: Hears how far it is; what it raises breaks the check off.
        wanted: What is to be checked.
    """

    def __init__(
        self,
        source: IObjectSource,
        target: IObjectStore | None,
        clock: IReactorTime,
        blocking: Blocking,
        tell: Callable[[Finding], None],
        hear: Callable[[Position], None] = lambda position: None,  # noqa: ARG005
        *,
        flat: bool,
        wanted: Wanted | None = None,
    ) -> None:
        self.findings = Findings(tell, mending=target is not None)
        self._wanted = wanted or Wanted()
        self._chosen = self._wanted.chosen or all_repositories
        self._tree = Tree(source, target, flat, clock, blocking, self.findings, hear)
        self._pace = Pace(self._tree, self._wanted.rate)

    async def run(self) -> Findings:
        """Check everything that is wanted.

        Raises:
            StorageUnavailable: the store cannot be listed.
        """
        wanted, tree = self._wanted, self._tree
        if wanted.folder is not None:
            await PermissionCheck(tree, wanted.folder).check()
        # Mending may leave something there.
        ours = bool((await tree.source.list(keys.PRIVATE, limit=1)).names)
        contents = ContentCheck(tree, self._pace)
        await contents.survey(strays=wanted.chosen is None)
        if wanted.hashing and wanted.chosen is None:
            await contents.prove(marked_only=False)
        await self._check_repositories(ours=ours)
        await PrivateCheck(tree, self._chosen).check(strays=wanted.chosen is None)
        if wanted.hashing and wanted.chosen is not None:
            await contents.prove(marked_only=True)
        if wanted.chosen is None:
            await contents.find_orphans()
        return self.findings

    async def _check_repositories(self, *, ours: bool) -> None:
        """Look at all repositories, and at what lies between them.

        Args:
            ours: Whether this registry has served the tree.
        """
        tree = self._tree
        tree.begin("checking repositories")
        checks = _Checks(tree, self._pace, self._wanted, ours=ours)
        seen: set[str] = set()
        upload = ""
        async for key in tree.keys(keys.REPOSITORIES):
            kind = recognize(key)
            text = key.removeprefix(keys.REPOSITORIES).partition("/_")[0]
            if isinstance(kind, Upload):
                if kind.prefix != upload and self._is_chosen(text):
                    upload = kind.prefix
                    await tell_upload(tree, upload)
            elif kind is None and self._is_mine(text) and not _is_in_tags(key):
                await tell_unrecognised(tree, key)
            if text not in seen:
                seen.add(text)
                await self._check(checks, text)
        if not tree.flat:
            await self._check_folders(checks, seen)

    async def _check_folders(self, checks: "_Checks", seen: set[str]) -> None:
        """Look at repositories in which there is nothing but folders."""
        waiting = [keys.REPOSITORIES]
        while waiting:
            prefix = waiting.pop()
            async for key in self._tree.keys(prefix, delimiter=True):
                text = key.removeprefix(keys.REPOSITORIES)[:-1]
                last = text.rpartition("/")[2]
                if not key.endswith("/") or (last[:1] == "_" and last != "_manifests"):
                    continue
                if last != keys.MANIFESTS_FOLDER:
                    waiting.append(key)
                elif (name := text.rpartition("/")[0]) not in seen:
                    seen.add(name)
                    await self._check(checks, name)

    async def _check(self, checks: "_Checks", text: str) -> None:
        if self._is_chosen(text):
            await checks.check(RepositoryName(text))

    def _is_mine(self, text: str) -> bool:
        """Say whether what lies there is to be told of."""
        return self._wanted.chosen is None or self._is_chosen(text)

    def _is_chosen(self, text: str) -> bool:
        try:
            return self._chosen(RepositoryName.parse(text))
        except NameInvalid:
            return False


class _Checks:
    """What is looked at in each repository."""

    def __init__(self, tree: Tree, pace: Pace, wanted: Wanted, *, ours: bool) -> None:
        self._tree = tree
        self._links = LinkCheck(tree, pace, hashing=wanted.hashing)
        self._referrers = ReferrerCheck(tree, ours=ours)
        self._manifests = ManifestCheck(tree, self._referrers, wanted.partial)
        self._tags = TagCheck(tree, self._manifests)

    async def check(self, name: RepositoryName) -> None:
        """Look at a repository: first at what others need."""
        found = Contents(name)
        self._referrers.begin()
        if not self._tree.flat:
            await self._check_companions(name)
        await self._links.check(found, "layer")
        await self._links.check(found, "revision")
        await self._manifests.check(found)
        await self._tags.check(found)
        await self._referrers.check(name)

    async def _check_companions(self, name: RepositoryName) -> None:
        """See that there is no folder alone that does not stand alone."""
        tree, prefix = self._tree, keys.repository(name)
        held = {each async for each in tree.keys(prefix, delimiter=True)}
        for folder, companion in keys.COMPANIONS.items():
            if f"{prefix}{folder}/" not in held or f"{prefix}{companion}/" in held:
                continue
            place = f"{prefix}{companion}/"

            async def mend(place: str = place) -> bool:
                # The store keeps such a folder when the last of it goes.
                key = Key(f"{place}{uuid4()}")
                await tree.mender.put(key, b"")
                await tree.mender.delete([key])
                return True

            await tree.findings.tell(
                "missing-folder",
                place,
                "Distribution's garbage collection stops where it is missing",
                "repair makes it",
                mend,
            )


def _is_in_tags(key: str) -> bool:
    """Say whether something lies where tags do, and is told with them."""
    head, _, rest = key.partition(f"/{keys.MANIFESTS_FOLDER}/tags/")
    return bool(head) and bool(rest) and "/" not in rest
