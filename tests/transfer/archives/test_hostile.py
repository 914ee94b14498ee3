"""Archives that are to be refused, each with the kind of its fault."""

import gzip
import json
import lzma
import tarfile
from typing import Any

from twisted.internet.defer import CancelledError

from tests.integration.clients.images import Content, digest_of, make_image, make_index
from tests.registry.case import NAME
from tests.transfer.archives import case
from tests.transfer.archives.building import (
    END,
    TAR,
    Member,
    blobs,
    header,
    image_of,
    index_json,
    layout,
    link,
    member,
    pack,
    place,
    saved,
    stored,
)
from tests.transfer.archives.sources import Stalling
from txregistry.model.errors import Denied
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.transfer.archives.limits import ArchiveLimits
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveRefused,
    ArchiveTooLarge,
    ArchiveTruncated,
    ArchiveUnsupported,
    ArchiveWrongDigest,
)

APP = make_image("app")
GOOD = layout({"1": APP})
OLD = "a" * 64
LAYER = APP.layers[0]


def changed(name: str, data: bytes) -> list[Member]:
    """Give a good layout in which one member has other content."""
    return [
        (each[0], data) if isinstance(each, tuple) and each[0] == name else each
        for each in GOOD
    ]


def listing(**more: Any) -> list[Member]:
    """Give a good layout whose index says something else of the image."""
    index = {"schemaVersion": 2, "manifests": [{**APP.manifest.descriptor(), **more}]}
    return changed("index.json", json.dumps(index).encode())


def docker(document: object, *members: Member) -> list[Member]:
    """Give what docker saved, with any manifest."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return [("manifest.json", data), *members]


def sparse_of_pax() -> bytes:
    """Write a sparse file as pax does."""
    record = b"29 GNU.sparse.realsize=99999\n"
    assert len(record) == 29
    extended = header(member("x", b"x", size=len(record))) + stored(record)
    return extended + header(member("a", size=3)) + stored(b"abc") + END


def long_name(size: int) -> bytes:
    """Write a member whose name is long."""
    name = b"n" * size + b"\0"
    first = header(member("././@LongLink", b"L", size=len(name))) + stored(name)
    return first + header(member("short")) + END


def nested(depth: int) -> list[Member]:
    """Give indexes within each other, around an image."""
    members, inner = dict(blobs([APP])), APP.manifest
    for _ in range(depth):
        document = {"schemaVersion": 2, "manifests": [inner.descriptor()]}
        inner = Content(
            "application/vnd.oci.image.index.v1+json", json.dumps(document).encode()
        )
        members[place(inner.digest)] = inner.data
    index = {"schemaVersion": 2, "manifests": [inner.descriptor()]}
    return [("index.json", json.dumps(index).encode()), *members.items()]


DEVICE = member("dev", tarfile.CHRTYPE)
CONFIG = ("c.json", APP.config.data)
TARS = [(f"{number}.tar", tar) for number, tar in enumerate(APP.tars)]
FILES = [name for name, _ in TARS]
GZIP_BOMB = gzip.compress(bytes(1 << 21))
XZ_LAYER = Content(f"{TAR}+xz", lzma.compress(APP.tars[0]))
CUT_LAYER = Content(f"{TAR}+gzip", LAYER.data[:-9])
MALFORMED: dict[str, bytes | list[Member]] = {
    "no archive": b"This is no archive at all." * 100,
    "zeros in the middle": header(member("a")) + bytes(512) + header(member("b")) + END,
    "another format": b"PK\x03\x04" + bytes(5000),
    "a packed one that is damaged": gzip.compress(pack(GOOD))[:-8] + bytes(8),
    "garbage behind": pack(GOOD) + b"x",
    "another archive behind": pack(GOOD) + pack(GOOD),
    "a gap and garbage behind": pack(GOOD) + bytes(5000) + b"x",
    "garbage behind a packed one": gzip.compress(pack(GOOD)) + b"garbage behind",
    "no members": [],
    "no documents": [("a", b"b")],
    "parent": [*GOOD, ("../x", b"")],
    "parent within": [*GOOD, ("blobs/../../x", b"")],
    "parent at the end": [*GOOD, member("blobs/..", tarfile.DIRTYPE)],
    "absolute": [*GOOD, ("/etc/passwd", b"")],
    "absolute folder": [*GOOD, member("/", tarfile.DIRTYPE)],
    "no name": [*GOOD, member("")],
    "empty part": [*GOOD, ("blobs//x", b"")],
    "dot within": [*GOOD, ("blobs/./x", b"")],
    "control": [*GOOD, ("a\x1bb", b"")],
    "no utf-8": [*GOOD, ("a\udcff", b"")],
    "twice": [*GOOD, GOOD[-1]],
    "index twice": [*GOOD, GOOD[1]],
    "twice by a dot": [*GOOD, ("./index.json", b"{}")],
    "link and file": [
        link(f"{OLD}/layer.tar", f"../{OLD}.tar"),
        (f"{OLD}/layer.tar", b""),
    ],
    "no digest": [*GOOD, ("blobs/sha256/abc", b"")],
    "no digest with a colon": [*GOOD, (f"blobs/sha256:{OLD}", b"")],
    "other algorithm": [*GOOD, (f"blobs/md5/{OLD}", b"")],
    "no json": changed("index.json", b"no json"),
    "deep json": changed("index.json", b'{"a":' * 100_000),
    "json of another kind": changed("index.json", b"[1]"),
    "no index": changed("index.json", APP.manifest.data),
    "no layout": changed("oci-layout", b"{}"),
    "empty index": changed("index.json", index_json({})),
    "other size": listing(size=1),
    "digest that is none": listing(digest="sha256:../../x"),
    "digest that is not there": listing(digest=f"sha256:{OLD}"),
    "other type": listing(mediaType="application/vnd.oci.image.index.v1+json"),
    "type of no manifest": listing(mediaType="text/plain"),
    "manifest that is none": layout(
        {"1": type(APP)(Content(APP.manifest.media_type, b"{}"), APP.config, (), "")}
    ),
    "too deep": nested(6),
    "config that is none": layout(
        {"1": type(APP)(
            Content(
                APP.manifest.media_type,
                json.dumps({
                    "schemaVersion": 2,
                    "config": Content(APP.config.media_type, b"[]").descriptor(),
                    "layers": [],
                }).encode(),
            ),
            Content(APP.config.media_type, b"[]"),
            (),
            "",
        )}
    ),
    "fewer layers": layout({"1": image_of([LAYER], [])}),
    "null layers": layout({"1": image_of([LAYER], None)}),
    "diff_ids that are none": layout({"1": image_of([LAYER], ["x"])}),
    "damaged layer": layout({"1": image_of([CUT_LAYER], [digest_of(APP.tars[0])])}),
    "docker: no json": docker(b"{"),
    "docker: no list": docker({}),
    "docker: no members": docker([{}]),
    "docker: no images": docker([]),
    "docker: no config": docker([{"Config": "c.json", "Layers": []}]),
    "docker: empty config": docker([{"Config": "c.json"}], ("c.json", b"")),
    "docker: config outside": docker([{"Config": "../c.json"}], CONFIG),
    "docker: config is itself": docker([{"Config": "manifest.json"}]),
    "docker: layer missing": docker(
        [{"Config": "c.json", "Layers": [*FILES[:2], "9.tar"]}], CONFIG, *TARS
    ),
    "docker: too few layers": docker(
        [{"Config": "c.json", "Layers": FILES[:2]}], CONFIG, *TARS
    ),
    "docker: link to nothing": docker(
        [{"Config": "c.json", "Layers": [*FILES[:2], f"{OLD}/layer.tar"]}],
        CONFIG,
        *TARS,
        link(f"{OLD}/layer.tar", f"../{OLD}.tar"),
    ),
    "docker: links to each other": docker(
        [{"Config": "c.json", "Layers": [*FILES[:2], f"{OLD}/layer.tar"]}],
        CONFIG,
        *TARS,
        link(f"{OLD}/layer.tar", f"../{'b' * 64}/layer.tar"),
        link(f"{'b' * 64}/layer.tar", f"../{OLD}/layer.tar"),
    ),
}  # fmt: skip
WRONG: dict[str, bytes | list[Member]] = {
    "blob": changed(place(LAYER.digest), LAYER.data + b"x"),
    "blob of the same size": changed(place(LAYER.digest), LAYER.data[:-1] + b"x"),
    "manifest": changed(place(APP.digest), APP.manifest.data.replace(b"2", b"3", 1)),
    "diff_ids": layout({"1": image_of([LAYER], [f"sha256:{OLD}"])}),
    "diff_ids of what is packed": layout({"1": image_of([LAYER], [LAYER.digest])}),
    "layers in another order": layout(
        {"1": image_of(APP.layers, [digest_of(tar) for tar in APP.tars[::-1]])}
    ),
    "docker: config": docker(
        [{"Config": f"{OLD}.json", "Layers": FILES}],
        (f"{OLD}.json", APP.config.data),
        *TARS,
    ),
    "docker: layers in another order": docker(
        [{"Config": "c.json", "Layers": FILES[::-1]}], CONFIG, *TARS
    ),
}
UNSUPPORTED: dict[str, bytes | list[Member]] = {
    "device": [*GOOD, DEVICE],
    "block device": [*GOOD, member("dev", tarfile.BLKTYPE)],
    "pipe": [*GOOD, member("dev", tarfile.FIFOTYPE)],
    "hard link": [*GOOD, member("x", tarfile.LNKTYPE, linkname="index.json")],
    "link of a blob": [*GOOD, link(f"blobs/sha256/{OLD}", "../../index.json")],
    "link to outside": [*GOOD, link(f"{OLD}/layer.tar", "../../../etc/passwd")],
    "absolute link": [*GOOD, link(f"{OLD}/layer.tar", "/etc/passwd")],
    "link to a config": [*GOOD, link(f"{OLD}/layer.tar", f"../{OLD}.json")],
    "contiguous": [*GOOD, member("x", b"7")],
    "multi-volume": [*GOOD, member("x", b"M")],
    "sparse": header(member("a", b"S", size=0)) + END,
    "sparse of pax": sparse_of_pax(),
    "old layout": changed("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'),
    "docker before 1.10": [
        ("repositories", b"{}"),
        (f"{OLD}/json", b"{}"),
        (f"{OLD}/layer.tar", b""),
    ],
    "docker: a layer in xz": docker(
        [{"Config": "c.json", "Layers": ["0", *FILES[1:]]}],
        CONFIG,
        ("0", XZ_LAYER.data),
        *TARS,
    ),
}
SMALL = ArchiveLimits(
    members=20,
    name=120,
    extended=1000,
    document=2000,
    manifests=2,
    size=1 << 20,
    unpacked=1 << 20,
    trailing=10_000,
)
TOO_LARGE: dict[str, bytes | list[Member]] = {
    "members": [(str(number), b"") for number in range(21)],
    "name": [("n" * 121, b"")],
    "long name": long_name(500),
    "size that is a lie": header(member("a", size=1 << 40)) + bytes(2 << 20),
    "document": [("index.json", bytes(2001))],
    "document that is a lie": header(member("index.json", size=1 << 60)) + END,
    "manifest": layout({"1": image_of([], [], author="x" * 2000)}),
    "manifests": nested(3),
    "packed": gzip.compress(header(member("a", size=1 << 21)) + bytes(1 << 21)),
    "packed with a lie": gzip.compress(
        header(member("a", size=9 << 30)) + bytes(1 << 21)
    ),
    "layer": layout(
        {
            "1": image_of(
                [Content(f"{TAR}+gzip", GZIP_BOMB)], [digest_of(bytes(1 << 21))]
            )
        }
    ),
    "index": changed(
        "index.json",
        json.dumps(
            {"schemaVersion": 2, "manifests": [APP.manifest.descriptor()] * 3}
        ).encode(),
    ),
    "index of docker": docker(
        [{"Config": "c.json", "Layers": FILES}] * 3, CONFIG, *TARS
    ),
}


class HostileTests(case.ArchiveTestCase):
    def refuses_all(
        self, kind: type[ArchiveRefused], table: dict[str, Any], **more: Any
    ) -> None:
        """All archives of a table are refused, with one kind of failure."""
        for name, data in table.items():
            with self.subTest(name):
                self.refuses(kind, data, **more)

    def test_the_good_one_is_good(self) -> None:
        self.read(GOOD)
        self.read(saved({"app:1": APP}))
        self.read(nested(3))

    def test_malformed(self) -> None:
        self.refuses_all(ArchiveMalformed, MALFORMED)

    def test_wrong_digests(self) -> None:
        self.refuses_all(ArchiveWrongDigest, WRONG)

    def test_unsupported(self) -> None:
        self.refuses_all(ArchiveUnsupported, UNSUPPORTED)

    def test_too_large(self) -> None:
        self.refuses_all(ArchiveTooLarge, TOO_LARGE, limits=SMALL)

    def test_extended_headers_are_bounded(self) -> None:
        self.refuses(ArchiveMalformed, long_name(2000), limits=SMALL)

    def test_endless_zeros(self) -> None:
        self.refuses(ArchiveMalformed, pack(GOOD) + bytes(2 << 20))
        self.read([*GOOD], tags=())

    def test_too_many_layers(self) -> None:
        layers = ["0.tar"] * 1001
        members = docker([{"Config": "c.json", "Layers": layers}], CONFIG, *TARS)
        self.refuses(ArchiveTooLarge, members)

    def test_an_index_that_lists_the_same_many_times(self) -> None:
        index = {"schemaVersion": 2, "manifests": [APP.manifest.descriptor()] * 9000}
        data = json.dumps(index).encode()
        descriptor = Content("application/vnd.oci.image.index.v1+json", data)
        outer = {"schemaVersion": 2, "manifests": [descriptor.descriptor()]}
        members = changed("index.json", json.dumps(outer).encode())
        blob = (place(descriptor.digest), data)
        self.refuses(ArchiveTooLarge, [*members, blob])

    def test_what_others_have_stays(self) -> None:
        self.push_image(APP)
        self.test_malformed()
        self.assertHolds(APP)

    def test_tags_that_have_to_stay(self) -> None:
        self.registry = self.make_registry(
            immutability=Immutability([ImmutableTags(("**",), ("*",))])
        )
        self.push_image(make_image("other"))
        before = self.keys()
        self.fails(Denied, self.bring(pack(GOOD)))
        self.assertEqual(self.keys(), before)


class TruncationTests(case.ArchiveTestCase):
    def refuses_cuts(self, data: bytes, steps: range) -> None:
        """Every beginning of an archive is refused, as one."""
        for size in steps:
            self.refuses(ArchiveTruncated, data[:size])

    def test_at_every_byte(self) -> None:
        image = image_of([Content(TAR, b"a layer")], [digest_of(b"a layer")])
        data = pack(layout({"1": image}))
        self.refuses_cuts(data, range(len(data)))

    def test_at_every_block_of_a_larger_one(self) -> None:
        data = pack(saved({"app:1": APP}))
        self.refuses_cuts(data, range(0, len(data), 512 * 7))

    def test_in_every_byte_of_a_packed_one(self) -> None:
        image = image_of([], [])
        data = gzip.compress(pack(layout({"1": image})))
        self.refuses_cuts(data, range(len(data)))


class BrokenOffTests(case.ArchiveTestCase):
    def test_who_goes_away_leaves_nothing(self) -> None:
        data = pack(GOOD)
        for size in range(0, len(data), 5000):
            source = Stalling(data[:size])
            done = self.finish(self.bring(source))
            self.assertNoResult(done)
            done.cancel()
            self.failureResultOf(done, CancelledError)
            self.assertEqual((self.keys(), source.is_closed), ((), True))

    def test_a_source_that_fails_leaves_nothing(self) -> None:
        source = Stalling(pack(GOOD)[:20_000], OSError("gone"))
        self.fails(OSError, self.bring(source))
        self.assertEqual((self.keys(), source.is_closed), ((), True))

    def test_nothing_is_seen_before_it_is_complete(self) -> None:
        source = Stalling(pack(layout({"1": make_index("app")})))
        done = self.finish(self.bring(source))
        self.assertNoResult(done)
        self.assertFalse(self.result(self.registry.manifests.has_repository(NAME)))
        visible = [key for key in self.keys() if "uploads/" not in key]
        self.assertEqual(visible, [])
        done.cancel()
        self.failureResultOf(done, CancelledError)
