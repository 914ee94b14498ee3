"""Broken trees: how each is broken, and what is to be found and mended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.registry.case import NAME, V1
from tests.registry.checking.case import (
    CHILD,
    DAY,
    INDEX,
    MULTI,
    NEW,
    OLD,
    SIGNATURE,
    CheckTestCase,
    Told,
    blob,
    layer,
    past,
    revision,
)
from tests.registry.content import encode, image
from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.model.names import Tag, fallback_tag
from txregistry.storage import keys
from txregistry.storage.interfaces import Key

Break = Callable[[CheckTestCase], object]

TAG: Final = keys.tag_link(NAME, V1)
LAYER: Final = b"a layer"
ID: Final = ImageId("a" * 64)
ALIAS: Final = Digest.of(LAYER, "sha512")
FOREIGN: Final = f"{keys.ROOT}blobs/mine"
SESSION: Final = "8f14e45f-ceea-467f-9575-2f5a5b6c2f10"
UPLOAD: Final = f"{keys.uploads(NAME)}{SESSION}/"
SUBJECT: Final = Digest.of(NEW)
REFERRER: Final = keys.referrer_link(NAME, SUBJECT, Digest.of(SIGNATURE))
STALE: Final = keys.referrer_link(NAME, SUBJECT, Digest.of(OLD))
SCHEMA1: Final = encode({"schemaVersion": 1, "name": "old"})
RECORD: Final = keys.image_record(NAME, ID)
ORPHAN: Final = b"an orphan"
TEMPORARY: Final = f"{TAG}.{SESSION}.tmp"
SCRATCH: Final = f"{keys.PRIVATE}scratch/x"
FORM: Final = keys.schema2_form(NAME, Digest.of(NEW))
FALLBACK: Final = keys.tag_link(NAME, fallback_tag(SUBJECT))
UNLINKED: Final = image(layers=[b"another layer"], annotations={"un": "linked"})


@dataclass(frozen=True)
class Defect:
    """Something that is broken.

    Attributes:
        break_it: How.
        found: What is to be found.
        left: What is to be found after mending: of that, nothing can be mended.
        tags: What can be pulled then, besides what could before; None for what cannot.
    """

    break_it: Break
    found: Told
    left: Sequence[tuple[str, str]] = ()
    tags: tuple[tuple[Tag, bytes | None], ...] = ((V1, NEW), (MULTI, INDEX))


def text(data: bytes, algorithm: str = "sha256") -> bytes:
    """Give what a link to some content has in it."""
    return str(Digest.of(data, algorithm)).encode()


def _nothing(case: CheckTestCase) -> None:
    case.pass_time()


def _orphan(case: CheckTestCase) -> None:
    case.put(blob(ORPHAN), ORPHAN)
    case.clock.advance(2 * DAY)


def _upload(case: CheckTestCase) -> None:
    case.put(f"{UPLOAD}startedat", b"2020-01-01T00:00:00Z")
    case.put(f"{UPLOAD}data", b"half")
    case.clock.advance(8 * DAY)


def _single_upload(case: CheckTestCase) -> None:
    case.put(keys.single_upload(SESSION), b"half")
    case.clock.advance(8 * DAY)


def _old(key: str) -> Break:
    def leave(case: CheckTestCase) -> None:
        case.put(key, b"left")
        case.clock.advance(2 * DAY)

    return leave


def _ambiguous(case: CheckTestCase) -> None:
    for data in (OLD, NEW):
        case.put(past(data), text(data))
    case.put(TAG, b"")


def _tagged_only(case: CheckTestCase) -> None:
    case.put(blob(UNLINKED), UNLINKED)
    case.put(keys.tag_link(NAME, Tag("only")), text(UNLINKED))


def _index_of_unlinked(case: CheckTestCase) -> None:
    case.delete(revision(CHILD), layer(b"of the member"))


def _image_unlinked(case: CheckTestCase) -> None:
    case.put(RECORD, encode({"layer": str(Digest.of(b"loose"))}))
    case.put(blob(b"loose"), b"loose")


def _schema1(case: CheckTestCase) -> None:
    case.put(blob(SCHEMA1), SCHEMA1)
    case.put(revision(SCHEMA1), text(SCHEMA1))


def _drop(*gone: Key) -> Break:
    return lambda case: case.delete(*gone)


def _write(key: str, data: bytes) -> Break:
    return lambda case: case.put(key, data)


DEFECTS: Final[dict[str, Defect]] = {
    "nothing": Defect(_nothing, []),
    # Links
    "empty layer link": Defect(
        _write(layer(LAYER), b""), [("malformed-link", layer(LAYER))]
    ),
    "layer link with a newline": Defect(
        _write(layer(LAYER), text(LAYER) + b"\n"), [("malformed-link", layer(LAYER))]
    ),
    "layer link that is too long": Defect(
        _write(layer(LAYER), b"x" * 300), [("malformed-link", layer(LAYER))]
    ),
    "layer link that is no digest": Defect(
        _write(layer(LAYER), b"\xff sha256"), [("malformed-link", layer(LAYER))]
    ),
    "layer link to other content": Defect(
        _write(layer(LAYER), text(b"{}")), [("mismatched-link", layer(LAYER))]
    ),
    "empty layer link to what is gone": Defect(
        _write(layer(b"gone"), b""), [("malformed-link", layer(b"gone"))]
    ),
    "layer link to what is gone": Defect(
        _write(layer(b"gone"), text(b"gone")), [("dangling-layer", layer(b"gone"))]
    ),
    "good alias": Defect(_write(keys.layer_link(NAME, ALIAS), text(LAYER)), []),
    "alias of other content": Defect(
        _write(keys.layer_link(NAME, ALIAS), text(b"{}")),
        [("mismatched-link", keys.layer_link(NAME, ALIAS))],
    ),
    "alias with a newline": Defect(
        _write(keys.layer_link(NAME, ALIAS), text(LAYER) + b"\n"),
        [("malformed-link", keys.layer_link(NAME, ALIAS))],
    ),
    "empty alias": Defect(
        _write(keys.layer_link(NAME, ALIAS), b""),
        [("malformed-link", keys.layer_link(NAME, ALIAS))],
    ),
    "empty revision link": Defect(
        _write(revision(NEW), b""), [("malformed-link", revision(NEW))]
    ),
    "revision link to another manifest": Defect(
        _write(revision(CHILD), text(OLD)), [("mismatched-link", revision(CHILD))]
    ),
    "empty link of a history": Defect(
        _write(past(OLD), b""), [("malformed-link", past(OLD))]
    ),
    "link of a history that leads elsewhere": Defect(
        _write(past(OLD), text(NEW)), [("malformed-link", past(OLD))]
    ),
    "malformed link to a layer in gzip": Defect(
        _write(keys.gzip_form(SUBJECT), b""),
        [("malformed-link", keys.gzip_form(SUBJECT))],
    ),
    "good form": Defect(_write(FORM, text(OLD)), []),
    "malformed form": Defect(_write(FORM, b"?"), [("malformed-link", FORM)]),
    # Tags
    "tag with a newline": Defect(_write(TAG, text(NEW) + b"\n"), [("lost-tag", TAG)]),
    "empty tag": Defect(_write(TAG, b""), [("lost-tag", TAG)]),
    "tag without a link": Defect(_drop(TAG), [("lost-tag", TAG)]),
    "empty tag with an ambiguous history": Defect(
        _ambiguous,
        [("lost-tag", TAG)],
        [("lost-tag", TAG)],
        ((V1, None), (MULTI, INDEX)),
    ),
    "empty tag without a history": Defect(
        _write(keys.tag_link(NAME, Tag("bare")), b""),
        [("lost-tag", keys.tag_link(NAME, Tag("bare")))],
        [("lost-tag", keys.tag_link(NAME, Tag("bare")))],
        ((V1, NEW), (Tag("bare"), None)),
    ),
    "tag of a manifest that is gone": Defect(
        _write(TAG, text(b"gone")),
        [("dangling-tag", TAG)],
        [("dangling-tag", TAG)],
        ((V1, None), (MULTI, INDEX)),
    ),
    "tag of a manifest without a link": Defect(
        _tagged_only,
        [("dangling-tag", keys.tag_link(NAME, Tag("only")))],
        [],
        ((Tag("only"), UNLINKED),),
    ),
    "file among tags": Defect(
        _write(f"{keys.tags(NAME)}stray", b"x"),
        [("stray-in-tags", f"{keys.tags(NAME)}stray")],
        [("stray-in-tags", f"{keys.tags(NAME)}stray")],
    ),
    # Manifests
    "layer without a link": Defect(
        _drop(layer(b"another layer")), [("unlinked-layer", layer(b"another layer"))]
    ),
    "config without a link": Defect(
        _drop(layer(b"{}")), [("unlinked-layer", layer(b"{}"))]
    ),
    "member of an index without a link": Defect(
        _drop(revision(CHILD)), [("unlinked-manifest", revision(CHILD))]
    ),
    "member of an index without any links": Defect(
        _index_of_unlinked,
        [
            ("unlinked-layer", layer(b"of the member")),
            ("unlinked-manifest", revision(CHILD)),
        ],
    ),
    "layer that is gone": Defect(
        _drop(blob(b"another layer")),
        [
            ("absent-content", revision(NEW)),
            ("broken-tag", TAG),
            ("dangling-layer", layer(b"another layer")),
        ],
        [("absent-content", revision(NEW)), ("broken-tag", TAG)],
        ((MULTI, INDEX),),
    ),
    "layer of an index's member that is gone": Defect(
        _drop(blob(b"of the member"), layer(b"of the member")),
        [
            ("absent-content", revision(CHILD)),
            ("broken-tag", keys.tag_link(NAME, MULTI)),
        ],
        [
            ("absent-content", revision(CHILD)),
            ("broken-tag", keys.tag_link(NAME, MULTI)),
        ],
        ((V1, NEW),),
    ),
    "member of an index that is gone": Defect(
        _drop(blob(CHILD), revision(CHILD)),
        [
            ("absent-content", revision(INDEX)),
            ("broken-tag", keys.tag_link(NAME, MULTI)),
        ],
        [
            ("absent-content", revision(INDEX)),
            ("broken-tag", keys.tag_link(NAME, MULTI)),
        ],
        ((V1, NEW),),
    ),
    "manifest that is gone": Defect(
        _drop(blob(NEW)),
        [("absent-manifest", revision(NEW)), ("dangling-tag", TAG)],
        [("absent-manifest", revision(NEW)), ("dangling-tag", TAG)],
        ((MULTI, INDEX),),
    ),
    "manifest of schema 1": Defect(
        _schema1,
        [("unknown-manifest", revision(SCHEMA1))],
        [("unknown-manifest", revision(SCHEMA1))],
    ),
    # Content
    "layer that rotted": Defect(
        _write(blob(b"another layer"), b"another lAyer"),
        [
            ("absent-content", revision(NEW)),
            ("broken-tag", TAG),
            ("dangling-layer", layer(b"another layer")),
            ("rotten-blob", blob(b"another layer")),
        ],
        [
            ("absent-content", revision(NEW)),
            ("broken-tag", TAG),
            ("quarantined", keys.quarantined(Digest.of(b"another layer"))),
        ],
        ((MULTI, INDEX),),
    ),
    "layer that was cut off": Defect(
        _write(blob(b"a signature"), b""),
        [
            ("absent-content", revision(SIGNATURE)),
            ("broken-tag", FALLBACK),
            ("dangling-layer", layer(b"a signature")),
            ("rotten-blob", blob(b"a signature")),
        ],
        [
            ("absent-content", revision(SIGNATURE)),
            ("broken-tag", FALLBACK),
            ("quarantined", keys.quarantined(Digest.of(b"a signature"))),
        ],
    ),
    "manifest that rotted": Defect(
        _write(blob(NEW), b"{}"),
        [
            ("absent-manifest", revision(NEW)),
            ("dangling-tag", TAG),
            ("rotten-blob", blob(NEW)),
        ],
        [
            ("absent-manifest", revision(NEW)),
            ("dangling-tag", TAG),
            ("quarantined", keys.quarantined(SUBJECT)),
        ],
        ((MULTI, INDEX),),
    ),
    "blob that nobody links": Defect(
        _orphan, [("orphan", blob(ORPHAN))], [("orphan", blob(ORPHAN))]
    ),
    # Referrers
    "referrer that is not in the index": Defect(
        _drop(REFERRER), [("missing-referrer", REFERRER)]
    ),
    "malformed link of the index": Defect(
        _write(REFERRER, b""), [("malformed-link", REFERRER)]
    ),
    "link of the index to something else": Defect(
        _write(REFERRER, text(OLD)), [("malformed-link", REFERRER)]
    ),
    "file in the index": Defect(
        _write(f"{keys.referrers_folder(NAME)}subjects/x", b"x"),
        [("unrecognised", f"{keys.referrers_folder(NAME)}subjects/x")],
        [("unrecognised", f"{keys.referrers_folder(NAME)}subjects/x")],
    ),
    "index that says what is not so": Defect(
        _write(STALE, text(OLD)), [("stale-referrer", STALE)]
    ),
    "index that says what is gone": Defect(
        _write(keys.referrer_link(NAME, SUBJECT, Digest.of(b"gone")), text(b"gone")),
        [("stale-referrer", keys.referrer_link(NAME, SUBJECT, Digest.of(b"gone")))],
    ),
    # Version 1
    "image without a link to its layer": Defect(
        _image_unlinked, [("unlinked-layer", layer(b"loose"))]
    ),
    "image whose layer is gone": Defect(
        _write(RECORD, encode({"layer": str(Digest.of(b"gone"))})),
        [("image-record", RECORD)],
        [("image-record", RECORD)],
    ),
    "image whose layer is linked": Defect(
        _write(RECORD, encode({"layer": str(Digest.of(LAYER))})), []
    ),
    "malformed image": Defect(
        _write(RECORD, b"{"), [("image-record", RECORD)], [("image-record", RECORD)]
    ),
    # What was left, and what is somebody else's
    "upload that was given up": Defect(_upload, [("leftover", UPLOAD)]),
    "file that was being written": Defect(_old(TEMPORARY), [("leftover", TEMPORARY)]),
    "upload without a session": Defect(
        _single_upload, [("leftover", f"{keys.single_uploads()}{SESSION}/")]
    ),
    "scratch": Defect(_old(SCRATCH), [("leftover", SCRATCH)]),
    "strange blob": Defect(
        _write(FOREIGN, b"x"), [("unrecognised", FOREIGN)], [("unrecognised", FOREIGN)]
    ),
    "strange file in a repository": Defect(
        _write(f"{keys.layer_links(NAME)}sha256/x/link", b"x"),
        [("unrecognised", f"{keys.layer_links(NAME)}sha256/x/link")],
        [("unrecognised", f"{keys.layer_links(NAME)}sha256/x/link")],
    ),
    "strange file of our own": Defect(
        _write(f"{keys.PRIVATE}strange", b"x"),
        [("unrecognised", f"{keys.PRIVATE}strange")],
        [("unrecognised", f"{keys.PRIVATE}strange")],
    ),
    "strange folder": Defect(
        _write(f"{keys.ROOT}else/x", b"x"),
        [("unrecognised", f"{keys.ROOT}else/")],
        [("unrecognised", f"{keys.ROOT}else/")],
    ),
}
