"""What a registry shows, and that it is whole; and what of it is needed."""

import json
from typing import Final

from tests.registry.breaking.node import Node
from tests.registry.breaking.works import IDS, ROTTEN, SECOND, A
from tests.registry.images import BASE, TOP
from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.errors import BlobUnknown, DigestInvalid
from txregistry.model.manifests import Manifest, parse_manifest
from txregistry.model.names import RepositoryName
from txregistry.registry.imagetags import ID_ANNOTATION
from txregistry.registry.referrers import _MARK
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound
from txregistry.storage.kinds import Blob, Link, recognize
from txregistry.streams import read_all

Seen = dict[tuple[str, ...], str]
"""What a registry shows, by kind and place."""

EVERYTHING: Final = "docker/"
_LIMIT: Final = 1 << 20
_PASSING: Final = (
    f"{keys.PRIVATE}scratch/",
    keys.single_uploads(),
    keys.image_uploads(),
)
"""Where nothing is left after a while."""


async def look(node: Node) -> Seen:
    """Look at everything that clients can see."""
    registry = node.registry
    seen: Seen = {}
    async for name in registry.catalog.all():
        seen["repository", str(name)] = ""
        tagged = set()
        for tag in (await registry.tags.page(name, "", None)).tags:
            digest = await registry.tags.find(name, tag)
            seen["tag", str(name), str(tag)] = str(digest)
            tagged.add(digest)
        for digest in await registry.manifests.all(name):
            # A small list of referrers may stay that was made here, and is of no use.
            if digest in tagged or not await _is_list(node, name, digest):
                seen["manifest", str(name), str(digest)] = ""
        prefix = keys.layer_links(name)
        for key in await all_keys(node.store, prefix):
            try:
                digest = keys.reference_digest(prefix, key)
            except DigestInvalid:
                continue
            seen["blob", str(name), str(digest)] = ""
        for image_id in IDS:
            if await registry.images.holds(name, image_id):
                seen["image", str(name), str(image_id)] = ""
        page = await registry.referrers.page(
            name, Digest.of(SECOND), limit=9, room=_LIMIT
        )
        for each in page.descriptors:
            seen["referrer", str(name), str(each.digest)] = ""
    return seen


async def _is_list(node: Node, name: RepositoryName, digest: Digest) -> bool:
    found = await node.registry.manifests.find(name, digest)
    return _MARK in found.parse().annotations


def lies_between(now: Seen, before: Seen, after: Seen) -> list[object]:
    """Say what is neither as it was before some work nor as it is after that."""
    return [
        (place, now.get(place))
        for place in {*now, *before, *after}
        if now.get(place) not in (before.get(place), after.get(place))
    ]


async def check_whole(node: Node, seen: Seen, *, rots: bool) -> None:
    """Pull everything that is shown, to its last byte.

    Args:
        node: Whose it is.
        seen: What it shows.
        rots: Whether a blob may be rotten, or be gone for that.
    """
    registry = node.registry
    for kind, name, *rest in seen:
        repository = RepositoryName(name)
        if kind == "tag":
            digest = Digest.parse(seen[kind, name, *rest])
            assert ("manifest", name, str(digest)) in seen, (name, rest, digest)
        if kind == "manifest":
            found = await registry.manifests.find(repository, Digest.parse(rest[0]))
            manifest = found.parse()
            for each in manifest.blobs:
                assert ("blob", name, str(each.digest)) in seen, (name, each)
        if kind == "image":
            old = BASE if rest[0] == BASE.image_id else TOP
            image = await registry.images.find(repository, IDS[old is TOP])
            assert (image.json, image.layer.digest) == (
                old.json,
                Digest.of(old.layer),
            ), rest
    pulled: set[Digest] = set()
    for kind, name, *rest in seen:
        if kind == "blob":
            digest = Digest.parse(rest[0])
            await _pull(node, RepositoryName(name), digest, pulled, rots=rots)
    await _check_content(node.store, rots=rots)


async def _pull(
    node: Node,
    name: RepositoryName,
    digest: Digest,
    pulled: set[Digest],
    *,
    rots: bool,
) -> None:
    blobs = node.registry.blobs
    try:
        blob = await blobs.find(name, digest)
        if digest in pulled:
            return
        data = await read_all(await blobs.open(blob, 0, blob.size), blob.size)
    except BlobUnknown:
        assert rots, (name, digest)
        assert digest == Digest.of(A), (name, digest)
        return
    assert data is not None
    assert Digest.of(data, digest.algorithm) == digest
    pulled.add(digest)


async def _check_content(store: IObjectStore, *, rots: bool) -> None:
    """See that all content is what its name says; and that what rotted is kept."""
    rotten = keys.blob(Digest.of(A))
    for key in await all_keys(store, keys.BLOBS):
        kind = recognize(key)
        assert isinstance(kind, Blob), key
        data = await store.get(key, _LIMIT)
        if key == rotten and data == ROTTEN:
            assert rots
        else:
            assert Digest.of(data, kind.digest.algorithm) == kind.digest, key
    if rots and not await _has(store, rotten):
        assert await store.get(keys.quarantined(Digest.of(A)), _LIMIT) == ROTTEN


async def _has(store: IObjectStore, key: Key) -> bool:
    try:
        await store.stat(key)
    except NotFound:
        return False
    return True


async def check_clean(node: Node) -> None:
    """See that nothing is left that nobody needs, nor what passes."""
    store = node.store
    found = await all_keys(store, EVERYTHING)
    needed = await _needed(node, found)
    of_interest = (keys.BLOBS, keys.all_images())
    kept = {
        key
        for key in found
        if key.startswith(of_interest)
        or (isinstance(kind := recognize(key), Link) and kind.role != "referrer")
    }
    assert kept == needed, (sorted(kept - needed), sorted(needed - kept))
    passing = [
        key
        for key in found
        if key.startswith(_PASSING) or f"/{keys.UPLOADS_FOLDER}/" in key
    ]
    assert not passing, passing
    condemned = [key for key in found if key.startswith((keys.CONDEMNED, keys.SPARED))]
    assert not condemned, condemned


async def _needed(node: Node, found: list[Key]) -> set[Key]:
    """Say what manifests need, and those themselves."""
    needed: set[Key] = set()
    for key in found:
        kind = recognize(key)
        if not isinstance(kind, Link) or kind.role != "revision":
            continue
        stored = Digest.parse((await node.store.get(key, 256)).decode())
        manifest = parse_manifest(await node.store.get(keys.blob(stored), _LIMIT), None)
        needed |= {key, keys.blob(stored)}
        name = kind.repository
        for each in manifest.blobs:
            link = keys.layer_link(name, each.digest)
            data = Digest.parse((await node.store.get(link, 256)).decode())
            needed |= {link, keys.layer_link(name, data), keys.blob(data)}
        for each in manifest.children:
            needed |= await _of_member(node.store, each.digest)
        needed |= await _of_old_images(node, name, manifest)
    for key in found:  # other names stay as long as what they are names of
        kind = recognize(key)
        if isinstance(kind, Link) and kind.role in {"layer", "revision"}:
            stored = Digest.parse((await node.store.get(key, 256)).decode())
            same = {
                keys.layer_link(kind.repository, stored),
                keys.revision_link(kind.repository, stored),
            }
            if needed & same:
                needed.add(key)
    if not await _has(node.store, keys.blob(Digest.of(A))):
        needed.discard(keys.blob(Digest.of(A)))  # it was taken away
    return needed


async def _of_member(store: IObjectStore, member: Digest) -> set[Key]:
    """Give what an index may get back, whose member was deleted."""
    key = keys.blob(member)
    if not await _has(store, key):
        return set()
    manifest = parse_manifest(await store.get(key, _LIMIT), None)
    return {key, *(keys.blob(each.digest) for each in manifest.blobs)}


async def _of_old_images(
    node: Node, name: RepositoryName, manifest: Manifest
) -> set[Key]:
    needed: set[Key] = set()
    top = manifest.annotations.get(ID_ANNOTATION)
    for image_id in IDS:
        if image_id.text != top:
            continue
        found = await node.registry.images.find(name, image_id)
        for each in found.ancestry:
            record = keys.image_record(name, each)
            layer = json.loads(await node.store.get(record, _LIMIT))["layer"]
            digest = Digest.parse(layer)
            assert digest.algorithm == CANONICAL
            needed |= {record, keys.layer_link(name, digest), keys.blob(digest)}
    return needed


async def all_keys(store: IObjectStore, prefix: str) -> list[Key]:
    """List what is there, which is little."""
    return [Key(name) for name in (await store.list(prefix, limit=10_000)).names]
