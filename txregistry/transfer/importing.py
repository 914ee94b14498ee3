"""Take what an old tree has into a registry, tag by tag.

Nothing in the tree is changed. What is there already is not read again, so an import
that was broken off can simply be begun anew.

Source: Docker Registry API v1, "Storage layout of the original".
"""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import uuid4

from txregistry.model.engines import Engine
from txregistry.model.errors import (
    ImageExists,
    ImageUnknown,
    NameInvalid,
    RegistryError,
)
from txregistry.model.images import ImageId
from txregistry.model.layerproof import LayerProof, LayerWrong
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.images import Image
from txregistry.registry.privacy import Properties
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.tasks import breathe
from txregistry.transfer.chains import Chains
from txregistry.transfer.damage import Damaged
from txregistry.transfer.oldtree import (
    OldImage,
    OldTag,
    OldTree,
    parse_folder,
)
from txregistry.transfer.report import Progress, Report

_ANNOUNCED: Final = 10_000
"""Images in one list of announced ones."""
_PAUSE: Final = 100
_UNNAMED: Final = "no tag that was imported leads to it"


class Import:
    """Import a tree; once.

    Args:
        tree: The tree.
        registry: Where it goes; others may use it meanwhile.
        dry_run: Look at everything but the layers, and change nothing.
        progress: Hears how far it is, often.
        new_session: Makes names for layers on their way: random UUIDs.
    """

    def __init__(
        self,
        tree: OldTree,
        registry: Registry,
        *,
        dry_run: bool = False,
        progress: Progress = lambda report, place, passing: None,  # noqa: ARG005 - nobody hears
        new_session: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._tree = tree
        self._registry = registry
        self._dry_run = dry_run
        self._progress = progress
        self._new_session = new_session
        self._report = Report()
        self._place = ""
        self._passing = 0
        self._chains = Chains(tree, self._report)
        self._homes: dict[ImageId, RepositoryName] = {}
        self._here: set[ImageId] = set()
        self._tags_here: dict[Tag, ImageId] = {}

    async def run(self) -> Report:
        """Import all that can be.

        Raises:
            TreeUnavailable: the tree cannot be read, or not any more.
            StorageUnavailable: the registry's store cannot be written.
        """
        await self._tree.check()
        for name, folders in sorted((await self._repositories()).items()):
            await self._repository(await self._registry.resolve(name), folders)
        await self._look_for_others()
        return self._report

    async def _repositories(self) -> dict[RepositoryName, list[str]]:
        """Find the folders of each repository; what newer releases wrote first."""
        found: dict[RepositoryName, list[tuple[int, str]]] = {}
        async for folder in self._tree.folders():
            try:
                name, quoted = parse_folder(folder)
            except NameInvalid:
                self._report.leave_out(
                    "repository", folder, "its name is none that it can have here"
                )
                continue
            found.setdefault(name, []).append((-quoted, folder))
        return {
            name: [folder for _, folder in sorted(folders)]
            for name, folders in found.items()
        }

    async def _repository(self, name: RepositoryName, folders: Sequence[str]) -> None:
        self._here, self._tags_here = set(), {}
        for folder in folders:
            try:
                await self._keep_privacy(name, folder)
            except Damaged as error:
                self._report.leave_out("repository", folder, str(error))
                continue
            async for file in self._tree.tags(folder):
                await breathe(self._registry.clock)
                await self._tag(name, folder, file)
        self._report.repositories += bool(self._tags_here)
        if not self._dry_run:
            ids = sorted(self._here)
            for start in range(0, len(ids), _ANNOUNCED):
                await self._registry.announcements.add(
                    name, ids[start : start + _ANNOUNCED]
                )

    async def _keep_privacy(self, name: RepositoryName, folder: str) -> None:
        """See that nobody sees a private repository before it is known to be so."""
        private = await self._tree.is_private(folder)
        if private and not self._dry_run:
            await self._registry.privacy.set(name, Properties("private"))

    async def _tag(self, name: RepositoryName, folder: str, file: str) -> None:
        self._place = f"{name}:{file.removeprefix('tag_')}"
        self._tell(0)
        try:
            tag = await self._tree.tag(folder, file)
            if tag is None:
                return
            stands = await self._stands(name, tag)
            chain, fresh = await self._chains.find(tag.image_id)
            for place, image_id in enumerate(chain):
                ancestry = tuple(reversed(chain[: place + 1]))
                await self._image(name, image_id, fresh.get(image_id), ancestry)
            if not stands and not self._dry_run:
                await self._point(name, tag)
        except Damaged as error:
            self._report.leave_out("tag", self._place, str(error))
        except RegistryError as error:
            self._report.leave_out("tag", self._place, error.message)
        else:
            self._report.tags += tag.tag not in self._tags_here
            self._tags_here[tag.tag] = tag.image_id

    async def _stands(self, name: RepositoryName, old: OldTag) -> bool:
        """Say whether a tag is here as it is in the tree.

        Raises:
            Damaged: it was set by somebody else, who is not to lose it.
        """
        if self._tags_here.get(old.tag, old.image_id) != old.image_id:
            raise Damaged("a folder of a newer release has this tag too")
        if await self._registry.tags.find(name, old.tag) is None:
            return False
        try:
            image_id = await self._registry.image_tags.find(
                name, old.tag, old.properties.arch
            )
        except RegistryError:
            image_id = None
        if image_id == old.image_id:
            return True
        if image_id is not None and await self._tree.has_image(image_id):
            return False  # the tree's, from before
        raise Damaged("the registry has a tag of this name that is not from the tree")

    async def _point(self, name: RepositoryName, old: OldTag) -> None:
        told = old.properties
        engine = Engine(
            told.docker_version,
            told.docker_go_version,
            told.kernel,
            told.os,
            told.arch,
        )
        await self._registry.image_tags.point(name, old.tag, old.image_id, engine)
        if told.last_update is not None:  # and not now
            digest = await self._registry.tags.find(name, old.tag)
            if digest is not None:
                await self._registry.image_tags.describe(name, old.tag, digest, told)

    async def _image(
        self,
        name: RepositoryName,
        image_id: ImageId,
        old: OldImage | None,
        ancestry: tuple[ImageId, ...],
    ) -> None:
        """Let a repository have an image, which has been read in its first if at all.

        Raises:
            Damaged: its layer cannot be taken.
            RegistryError: it cannot be had here.
        """
        if image_id in self._here:
            return
        if old is None:
            if not self._dry_run:
                home = self._homes[image_id]
                await self._publish(
                    name, await self._registry.images.find(home, image_id)
                )
        elif not await self._is_present(name, old, ancestry):
            if not self._dry_run:
                await self._publish(name, await self._copy(old, ancestry))
            self._report.copied += old.layer.size
        if old is not None:
            self._chains.take(old)
            self._homes[image_id] = name
            self._report.images += 1
        self._here.add(image_id)

    async def _is_present(
        self, name: RepositoryName, old: OldImage, ancestry: tuple[ImageId, ...]
    ) -> bool:
        """Say whether a repository has an image, with the same layer.

        Raises:
            ImageExists: it has another one of this id.
        """
        try:
            found = await self._registry.images.find(name, old.image_id)
        except ImageUnknown:
            return False
        if (found.json, found.ancestry) != (old.json, ancestry):
            raise ImageExists
        same_size = found.layer.size == old.layer.size
        return same_size and {str(each) for each in old.checksums} <= {*found.checksums}

    async def _copy(self, old: OldImage, ancestry: tuple[ImageId, ...]) -> Image:
        """Take an image's layer into the store, if it is what it should be."""
        store = self._registry.store
        proof = LayerProof(old.json, old.checksums, old.layer.size)
        area = store.stage(keys.single_upload(self._new_session()))
        reader = self._tree.open_layer(old, self._tell)
        self._passing = 0
        try:
            await area.append(reader, proof.update, old.layer.size)
            layer, checksums = proof.finish()
            await area.commit(keys.blob(layer.digest))
            await self._registry.blobs.vouch(layer.digest)
        except Damaged as error:
            raise self._chains.reject(old.image_id, str(error)) from None
        except LayerWrong as error:
            what = f"its layer {error}"
            raise self._chains.reject(old.image_id, what) from None
        finally:
            self._passing = 0
            await reader.close()
            await area.discard()
        return Image(old.image_id, old.json, layer, ancestry, checksums)

    async def _publish(self, name: RepositoryName, image: Image) -> None:
        digest = image.layer.digest
        await self._registry.blobs.link(name, digest, digest)
        await self._registry.images.publish(name, image)

    async def _look_for_others(self) -> None:
        """Tell of images that no tag led to."""
        self._place, count = "images without a tag", 0
        async for image_id in self._tree.image_ids():
            count += 1
            if not count % _PAUSE:
                self._tell(0)
                await breathe(self._registry.clock)
            if self._chains.met(image_id):
                continue
            try:
                unfinished = await self._tree.is_unfinished(image_id)
                reason = "its upload never ended" if unfinished else _UNNAMED
            except Damaged as error:
                reason = str(error)
            self._report.leave_out("image", str(image_id), reason)

    def _tell(self, size: int) -> None:
        self._passing += size
        self._progress(self._report, self._place, self._passing)
