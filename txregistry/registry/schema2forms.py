"""What engines 1.10 to 17.x get of OCI images: the same, as schema 2.

They speak version 2, and refuse OCI's media types. A form is made once and stored as a
manifest of the repository, with the same config and layers; only layers in zstd have to
be made in gzip for it. It is given where a tag is asked for; a digest names itself.
"""

from collections.abc import Collection

from twisted.logger import Logger

from txregistry.model.compression import Compression
from txregistry.model.descriptors import (
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGES,
    INDEXES,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
)
from txregistry.model.digest import Digest
from txregistry.model.engines import Engine
from txregistry.model.errors import (
    BlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.manifests import MAX_SIZE
from txregistry.model.names import RepositoryName
from txregistry.model.schema2 import choose_platform, to_list, to_schema2
from txregistry.registry.blobs import Blobs
from txregistry.registry.formlinks import FormLinks
from txregistry.registry.manifests import Manifests, StoredManifest
from txregistry.registry.transcoding import Transcoding


class Schema2Forms:
    """Give manifests in a form that a client accepts.

    Args:
        links: Where it is written down which form was made of what.
        manifests: Where forms are kept.
        blobs: Layers.
        transcoding: Makes layers in gzip.
    """

    _log = Logger()

    def __init__(
        self,
        links: FormLinks,
        manifests: Manifests,
        blobs: Blobs,
        transcoding: Transcoding,
    ) -> None:
        self._links = links
        self._manifests = manifests
        self._blobs = blobs
        self._transcoding = transcoding

    async def choose(
        self,
        name: RepositoryName,
        found: StoredManifest,
        accepted: Collection[str],
        engine: Engine,
    ) -> StoredManifest:
        """Give what a tag points to in a form that a client accepts.

        Args:
            name: The repository.
            found: What the tag points to.
            accepted: The media types that the client listed, none of them a wildcard.
            engine: Where the client runs, as far as it says.

        Returns:
            A form that is accepted; where there is none, what was found: a client may
            take more than it says.
        """
        try:
            form = await self._form(name, found, accepted, engine)
        except (BlobUnknown, ManifestInvalid, ManifestUnknown, NameUnknown) as error:
            self._log.info(
                "{name} has {digest}, of which there is no form of schema 2: {reason}",
                name=str(name),
                digest=str(found.digest),
                reason=error.message,
            )
            return found
        return form or found

    async def _form(
        self,
        name: RepositoryName,
        found: StoredManifest,
        accepted: Collection[str],
        engine: Engine,
    ) -> StoredManifest | None:
        if found.media_type in accepted:
            return found
        if found.media_type == OCI_MANIFEST and DOCKER_MANIFEST in accepted:
            return await self._remembered(name, found)
        if found.media_type == OCI_INDEX and DOCKER_LIST in accepted:
            return await self._remembered(name, found)
        if found.media_type in INDEXES and IMAGES.intersection(accepted):
            child = choose_platform(found.data, engine.os, engine.architecture)
            if child is not None:
                image = await self._manifests.find(name, child)
                return await self._form(name, image, accepted, engine)
        return None

    async def _remembered(
        self, name: RepositoryName, found: StoredManifest
    ) -> StoredManifest:
        """Give the form of a manifest, made now if need be."""
        made = await self._links.find(name, found.digest)
        if found.media_type == OCI_INDEX:
            data = await self._list(name, found)  # its images may come and go
        elif made is not None and await self._is_whole(name, made):
            return await self._manifests.find(name, made)
        else:
            data = await self._image(name, found)
        if len(data) > MAX_SIZE:
            raise ManifestInvalid("Its form of schema 2 is too large.")
        digest = Digest.of(data)
        if digest == made and await self._manifests.holds(name, digest):
            return await self._manifests.find(name, digest)
        if digest != made:
            # First of what it is the form, so that it always goes with that.
            await self._links.replace(name, found.digest, digest)
        await self._manifests.keep(name, digest, data)
        return await self._manifests.find(name, digest)

    async def _is_whole(self, name: RepositoryName, made: Digest) -> bool:
        """Say whether the form of an image is there with all that it names."""
        if not await self._manifests.holds(name, made):
            return False
        for blob in (await self._manifests.find(name, made)).parse().blobs:
            if blob.is_nondistributable:
                continue
            if not await self._blobs.holds(name, blob.digest):
                return False
        return True

    async def _image(self, name: RepositoryName, found: StoredManifest) -> bytes:
        replacements = {}
        for layer in found.parse().blobs[1:]:
            if layer.is_nondistributable:
                continue
            blob = await self._blobs.find(name, layer.digest)
            if await self._transcoding.compression(blob) is Compression.ZSTD:
                gzip = await self._transcoding.make(name, blob)
                replacements[layer.digest] = Descriptor(
                    DOCKER_LAYER, gzip.digest, gzip.size
                )
        return to_schema2(found.data, replacements)

    async def _list(self, name: RepositoryName, found: StoredManifest) -> bytes:
        children = {}
        for child in found.parse().children:
            try:
                image = await self._manifests.find(name, child.digest)
                if image.media_type == OCI_MANIFEST:
                    image = await self._remembered(name, image)
            except (BlobUnknown, ManifestInvalid, ManifestUnknown):
                continue  # an attestation, or a platform that was not pushed
            children[child.digest] = Descriptor(
                image.media_type, image.digest, image.size
            )
        if not children:
            raise ManifestInvalid("None of its images has a form of schema 2.")
        return to_list(found.data, children)
