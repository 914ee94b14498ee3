"""What a registry does that writes: each work is broken off at each of its writes."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tests.registry.breaking.node import Node
from tests.registry.case import chunk
from tests.registry.content import CONFIG, image, index
from tests.registry.images import BASE, TOP
from txregistry.auth.patterns import Patterns
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    BlobUnknown,
    ManifestUnknown,
    NameUnknown,
    UploadUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.retention import Retention, RetentionRule
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.storage import keys

ONE: Final = RepositoryName("a/one")
TWO: Final = RepositoryName("b/two")
NEW: Final = RepositoryName("c/new")
V1, V2, MULTI = Tag("v1"), Tag("v2"), Tag("multi")
A, B, C, D = b"layer a", b"layer b", b"layer c", b"layer d" * 20
FIRST, SECOND, THIRD, FOURTH = (image(layers=[each]) for each in (A, B, C, D))
INDEX: Final = index([FIRST, SECOND])
SIGNATURE: Final = image(layers=[b"signature"], subject=SECOND)
GARBAGE: Final = b"garbage"
REVIVED: Final = image(layers=[GARBAGE])
ROTTEN: Final = b"lAyer a"

Do = Callable[[Node], Coroutine[Any, Any, object]]


async def fill(node: Node) -> None:
    """Have some of everything, in two repositories."""
    await node.push_image(ONE, V1, FIRST, A)
    await node.push_image(ONE, V1, SECOND, B)
    await node.push_image(ONE, None, SIGNATURE, b"signature")
    await node.push(ONE, MULTI, INDEX)
    await node.push_image(TWO, V1, THIRD, C)
    await node.push_image(TWO, V2, FIRST, A)
    await node.registry.acceptance.delete(TWO, V2)
    await node.push_blob(ONE, GARBAGE)


async def _nothing(_: Node) -> None:
    """Have nothing more."""


@dataclass(frozen=True)
class Work:
    """Something that writes.

    Attributes:
        run: Does it; once more after it was broken off, too.
        prepare: Is done before, besides what is always there.
        rots: Whether content may be rotten, or taken away for that.
        lost: Whether it cannot be done any more after collection.
        rounds: Rounds of collection after which only that is left which is needed.
    """

    run: Do
    prepare: Do = _nothing
    rots: bool = False
    lost: bool = False
    rounds: int = 2


async def _push(node: Node) -> None:
    await node.push_image(NEW, V1, FOURTH, D)


async def _push_over(node: Node) -> None:
    await node.push_image(ONE, V1, FOURTH, D)


async def _push_in_chunks(node: Node) -> None:
    uploads = node.registry.uploads
    session = await uploads.begin(NEW)
    await uploads.append(NEW, session, chunk(D[:70]))
    await uploads.append(NEW, session, chunk(D[70:], 70))
    await uploads.finish(NEW, session, Digest.of(D), chunk(b""))
    await node.push_image(NEW, V1, FOURTH, D)


async def _push_by_sha512(node: Node) -> None:
    for data in (CONFIG, D):
        digest = Digest.of(data, "sha512")
        await node.registry.uploads.push(NEW, digest, chunk(data))
    data = image(layers=[{**_layer(D)}])
    await node.push(NEW, Digest.of(data, "sha512"), data)


def _layer(data: bytes) -> dict[str, object]:
    return {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": str(Digest.of(data, "sha512")),
        "size": len(data),
    }


async def _refer(node: Node) -> None:
    await node.push_image(ONE, Tag("signed"), _REFERRER, D)


_REFERRER: Final = image(layers=[D], subject=FIRST)


async def _push_old(node: Node) -> None:
    await node.push_old_image(NEW, V1, BASE, TOP)


async def _mount(node: Node) -> None:
    for data in (CONFIG, C):
        await node.registry.blobs.mount(NEW, Digest.of(data), TWO)
    await node.push(NEW, V1, THIRD)


async def _point(node: Node) -> None:
    await node.registry.acceptance.point(ONE, V1, Digest.of(FIRST))


def _delete(reference: Reference) -> Do:
    async def delete(node: Node) -> None:
        with suppress(ManifestUnknown, NameUnknown):
            await node.registry.acceptance.delete(ONE, reference)

    return delete


async def _unlink(node: Node) -> None:
    with suppress(BlobUnknown):
        await node.registry.acceptance.delete_blob(ONE, Digest.of(GARBAGE))


async def _remove(node: Node) -> None:
    await node.registry.removal.delete(ONE)


async def _remove_all(node: Node) -> None:
    await node.registry.acceptance.delete_all(ONE)


def _undo(name: RepositoryName, tag: Tag, manifest: bytes) -> Do:
    async def undo(node: Node) -> None:
        # It is not undone twice.
        if await node.registry.tags.find(name, tag) != Digest.of(manifest):
            await node.registry.restoration.undo(name, tag)

    return undo


async def _go_back(node: Node) -> None:
    await node.registry.restoration.undo(ONE, V1, Digest.of(FIRST))


async def _cancel(node: Node) -> None:
    session = await node.registry.uploads.begin(ONE)
    await node.registry.uploads.append(ONE, session, chunk(D))
    with suppress(UploadUnknown):
        await node.registry.uploads.cancel(ONE, session)


async def _expire(node: Node) -> None:
    session = await node.registry.uploads.begin(ONE)
    await node.registry.uploads.append(ONE, session, chunk(D))
    await node.tidy()


async def _leave_garbage(node: Node) -> None:
    await node.push_old_image(ONE, Tag("old"), BASE, TOP)
    await node.push_old_image(TWO, Tag("old"), BASE)
    await node.registry.acceptance.delete(ONE, Tag("old"))
    for digest in await node.registry.manifests.all(ONE):
        if digest not in map(Digest.of, (FIRST, SECOND, SIGNATURE, INDEX)):
            with suppress(ManifestUnknown):
                await node.registry.acceptance.delete(ONE, digest)
    await node.push_image(NEW, V1, FOURTH, D)
    await node.registry.acceptance.delete(NEW, Digest.of(FOURTH))


async def _collect(node: Node) -> None:
    await node.collect(3)


async def _condemn(node: Node) -> None:
    await node.collect(1)


async def _revive(node: Node) -> None:
    await node.push_image(ONE, Tag("revived"), REVIVED, GARBAGE)
    await node.collect(2)


async def _retain(node: Node) -> None:
    rule = RetentionRule(
        Patterns(["**"]),
        TagPatterns(["v*", "multi"]),
        newest=0,
        keep=TagPatterns(["v1"]),
        untagged=0.0,
    )
    await node.collect(4, Retention(node.bare, [rule], node.registry.uses))


async def _rot(node: Node) -> None:
    await node.store.put(keys.blob(Digest.of(A)), ROTTEN)


async def _scrub(node: Node) -> None:
    await node.scrub()


async def _heal(node: Node) -> None:
    await node.scrub()
    await node.push_image(ONE, None, FIRST, A)


async def _old_tag_removed(node: Node) -> None:
    with suppress(NameUnknown):
        await node.registry.image_tags.remove_all(NEW)


WORKS: Final[dict[str, Work]] = {
    "push": Work(_push),
    "push over a tag": Work(_push_over),
    "push in chunks": Work(_push_in_chunks),
    # A second name of content counts for a round longer.
    "push by sha512": Work(_push_by_sha512, rounds=3),
    "push of a referrer": Work(_refer),
    "push by version 1": Work(_push_old),
    "mount": Work(_mount),
    "setting a tag": Work(_point),
    "deleting a tag": Work(_delete(V1)),
    "deleting a manifest": Work(_delete(Digest.of(SECOND))),
    "deleting an index": Work(_delete(Digest.of(INDEX))),
    "deleting a signature": Work(_delete(Digest.of(SIGNATURE))),
    "deleting all manifests": Work(_remove_all),
    "deleting a blob": Work(_unlink),
    "removing a repository": Work(_remove),
    "removing by version 1": Work(_old_tag_removed, _push_old),
    "undoing": Work(_undo(TWO, V2, FIRST)),
    "undoing a deletion": Work(
        _undo(ONE, V1, SECOND), _delete(Digest.of(SECOND)), lost=True
    ),
    "going back": Work(_go_back),
    "ending an upload": Work(_cancel),
    "ending uploads": Work(_expire),
    "collecting": Work(_collect, _leave_garbage),
    "coming back": Work(_revive, _condemn),
    "retention": Work(_retain, _leave_garbage),
    "scrubbing": Work(_scrub, _rot, rots=True),
    "healing": Work(_heal, _rot, rots=True),
}
IDS: Final = tuple(ImageId(each.image_id) for each in (BASE, TOP))
