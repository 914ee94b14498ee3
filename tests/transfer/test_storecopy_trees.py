"""Any tree, copied by any number of runs of which all but the last are broken off."""

from itertools import chain
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry.faulty import Killed
from tests.transfer import copying
from tests.transfer.copying import (
    CONTENTS,
    IMAGE,
    INDEX,
    NESTED,
    OTHER,
    V1,
    V2,
    A,
    B,
    contents,
    link,
    pushed,
    sound,
)
from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.storage import keys
from txregistry.storage.interfaces import Key
from txregistry.storage.kinds import Upload, recognize
from txregistry.transfer.storecopy import CopyStopped

Tree = dict[str, bytes]
DIGESTS: Final = [
    Digest.of(data, algorithm)
    for data in (*CONTENTS, b"nowhere")
    for algorithm in ("sha256", "sha512")
]
SESSION: Final = "8f14e45f-ceea-467f-9575-2f5a5b6c2f10"
LINKS: Final = [
    *(
        key
        for name in (A, B, NESTED)
        for digest in DIGESTS
        for key in (
            keys.layer_link(name, digest),
            keys.revision_link(name, digest),
            keys.tag_history_link(name, V1, digest),
            keys.referrer_link(name, Digest.of(IMAGE), digest),
            keys.schema2_form(name, digest),
            Key(
                keys.revision_link(name, digest).removesuffix("link")
                + f"signatures/{digest.algorithm}/{digest.encoded}/link"
            ),
        )
    ),
    *map(keys.gzip_form, DIGESTS),
    *(keys.tag_link(name, tag) for name in (A, B, NESTED) for tag in (V1, V2)),
]
OTHERS: Final = [
    keys.secret("cookies"),
    keys.image_record(A, ImageId("a" * 64)),
    keys.repository_properties(B),
    keys.tag_property(NESTED, V1),
    keys.upload_data(A, SESSION),
    keys.upload_started(A, SESSION),
    keys.single_upload(SESSION),
    Key(f"{keys.ROOT}strange"),
    Key(f"{keys.REPOSITORIES}a/strange"),
    Key("elsewhere/strange"),
]
PUSHES: Final = st.lists(
    st.builds(
        pushed,
        st.sampled_from((A, B, NESTED)),
        st.sampled_from((IMAGE, OTHER, INDEX)),
        st.sampled_from((V1, V2)),
    ),
    max_size=4,
)
TREES: Final = st.builds(
    lambda pushes, *oddities: {
        key: data
        for objects in (
            chain.from_iterable(pushes),
            *(each.items() for each in oddities),
        )
        for key, data in objects
    },
    PUSHES,
    st.dictionaries(
        st.sampled_from([keys.blob(each) for each in DIGESTS]),
        st.sampled_from((*CONTENTS, b"rotten")),
        max_size=5,
    ),
    st.dictionaries(
        st.sampled_from(LINKS),
        st.sampled_from(
            (b"", link(IMAGE) + b"\n", *(str(each).encode() for each in DIGESTS))
        ),
        max_size=15,
    ),
    st.dictionaries(st.sampled_from(OTHERS), st.binary(max_size=9), max_size=5),
)
STRANGE: Final[Tree] = {"docker/registry/strange": b""}
"""So that there is always something."""


class TreeTests(copying.StoreCopyCase):
    def begin(self, tree: Tree) -> None:
        """Begin with a tree."""
        self.store = self.make_lively(tree)
        self.target = self.make_target()

    def make_lively(self, tree: Tree) -> copying.Lively:
        """Make a store to copy from."""
        objects = {Key(key): data for key, data in (tree | STRANGE).items()}
        return copying.Lively(self.clock, objects)

    def break_off(self, write: int, *, kills: bool, **switches: Any) -> None:
        """Copy, and let the target fail at some write."""
        self.target.fail_before(write, kills=kills)
        done = self.finish(self.make_copy(**switches).run())
        self.target.heal()
        if kills and self.target.failed:
            self.failureResultOf(done, Killed)
        else:
            self.successResultOf(done.addErrback(lambda why: why.trap(CopyStopped)))

    def finished(self) -> dict[str, bytes]:
        """Give what the target has but what is left of broken off runs."""
        return {
            key: data
            for key, data in contents(self.target).items()
            if not isinstance(recognize(key), Upload)
        }

    @settings(max_examples=200)
    @given(
        TREES,
        st.lists(st.tuples(st.integers(1, 120), st.booleans()), max_size=4),
        st.integers(1, 5),
        st.integers(1, 30),
    )
    def test_all_that_is_sound_is_there_in_the_end(
        self,
        tree: Tree,
        breaks: list[tuple[int, bool]],
        parallel: int,
        page: int,
    ) -> None:
        self.begin(tree)
        for write, kills in breaks:
            self.break_off(write, kills=kills, parallel=parallel, page=page)
            self.assertLessEqual(self.finished().items(), sound(tree).items())
        report = self.copy(parallel=parallel, page=page)
        self.assertEqual(self.finished(), sound(tree))
        rotten = {key for _, key in self.troubles(report) if key.endswith("/data")}
        blobs = {key for key in tree if key.startswith(f"{keys.ROOT}blobs/")}
        self.assertEqual(rotten, blobs - sound(tree).keys())
        self.assertEqual(report.is_complete, not rotten)

    @settings(max_examples=100)
    @given(TREES, TREES)
    def test_what_changed_is_brought(self, before: Tree, after: Tree) -> None:
        self.begin(before)
        self.copy()
        self.target.strict = False  # links from before may lead to what is rotten now
        self.store = self.target.source = self.make_lively(after)
        self.copy()
        secrets = {key: data for key, data in before.items() if "/secrets/" in key}
        self.assertLessEqual(
            {**sound(after), **secrets}.items(), self.finished().items()
        )
        for key, data in self.finished().items():
            self.assertIn(data, {before.get(key), after.get(key)})

    @settings(max_examples=200)
    @given(PUSHES, PUSHES, st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
    def test_nothing_leads_nowhere_while_others_push(
        self,
        before: list[list[tuple[Key, bytes]]],
        coming: list[list[tuple[Key, bytes]]],
        each: int,
        parallel: int,
        page: int,
    ) -> None:
        self.begin({key: data for each in before for key, data in each})
        source = self.store
        assert isinstance(source, copying.Lively)
        source.coming, source.each = chain.from_iterable(coming), each
        report = self.copy(parallel=parallel, page=page)
        self.assertEqual(report.left_out, [])
        for key, data in source.coming:
            self.put(key, data)
        self.copy()
        self.expect_all()
