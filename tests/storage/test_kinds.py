"""Tests of ``txregistry/storage/kinds.py``: every key that we spell is read back."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.storage import keys
from txregistry.storage.kinds import (
    Blob,
    DeletedTag,
    Document,
    GzipLink,
    Job,
    Kind,
    Link,
    PastLink,
    Quarantined,
    Scratch,
    Secret,
    TagLink,
    Upload,
    recognize,
)

NAMES: Final = st.sampled_from(
    [RepositoryName(text) for text in ("a", "library/alpine", "a/0/b", "v1/images/x")]
)
TAGS: Final = st.sampled_from([Tag(text) for text in ("v1", "_", "current", "index")])
DIGESTS: Final = st.builds(
    Digest.of, st.binary(max_size=2), st.sampled_from(("sha256", "sha512"))
)
ENDS: Final = st.sampled_from(("", "-claim"))
DIGEST: Final = Digest.of(b"")
NAME: Final = RepositoryName("library/alpine")
IMAGE: Final = ImageId("a" * 64)
OWNER: Final = "0" * 32
SESSION: Final = "8f14e45f-ceea-467f-9575-2f5a5b6c2f10"


class RecognizeTests(SynchronousTestCase):
    def check(self, key: str, kind: Kind | None) -> None:
        self.assertEqual(recognize(key), kind, key)

    @given(NAMES, TAGS, DIGESTS, DIGESTS)
    def test_links_and_blobs(
        self, name: RepositoryName, tag: Tag, digest: Digest, subject: Digest
    ) -> None:
        self.check(keys.blob(digest), Blob(digest))
        self.check(keys.layer_link(name, digest), Link(name, "layer", digest))
        self.check(keys.revision_link(name, digest), Link(name, "revision", digest))
        self.check(
            keys.referrer_link(name, subject, digest), Link(name, "referrer", digest)
        )
        self.check(keys.schema2_form(name, digest), Link(name, "form", digest))
        self.check(keys.gzip_form(digest), GzipLink(digest))
        self.check(keys.quarantined(digest), Quarantined(digest))
        self.check(keys.tag_link(name, tag), TagLink(name, tag))
        self.check(
            keys.tag_history_link(name, tag, digest), PastLink(name, tag, digest)
        )
        signatures = keys.revision_link(name, subject).removesuffix("link")
        self.check(
            f"{signatures}signatures/{digest.algorithm}/{digest.encoded}/link",
            Link(name, "signature", digest),
        )

    @given(NAMES, TAGS, st.integers(0, 16**16 - 1), DIGESTS)
    def test_deleted_tags(
        self, name: RepositoryName, tag: Tag, deleted: int, digest: Digest
    ) -> None:
        self.check(
            keys.deleted_tag(name, tag, deleted, digest),
            DeletedTag(name, tag, deleted, digest),
        )

    def test_documents_and_secrets(self) -> None:
        self.check(keys.secret("cookies"), Secret())
        for key in (
            keys.image_record(NAME, IMAGE),
            keys.announcement(NAME, DIGEST),
            keys.announcer(OWNER, NAME),
            keys.tag_property(NAME, Tag("v1")),
            keys.repository_properties(NAME),
            keys.mirror_turn(OWNER, 12),
            keys.passed("a" * 64),
        ):
            self.check(key, Document())

    def test_uploads(self) -> None:
        for key, prefix in (
            (keys.upload_data(NAME, SESSION), f"{keys.uploads(NAME)}{SESSION}/"),
            (keys.upload_started(NAME, SESSION), f"{keys.uploads(NAME)}{SESSION}/"),
            (keys.single_upload(SESSION), f"{keys.single_uploads()}{SESSION}/"),
            (
                keys.image_upload_layer(OWNER, IMAGE),
                f"{keys.image_uploads()}{OWNER}/{IMAGE}/",
            ),
        ):
            for end in ("", "-parts/1", "/000001"):
                self.check(key + end, Upload(prefix))

    @given(NAMES, st.one_of(TAGS, DIGESTS), st.integers(0, 2**63), ENDS)
    def test_jobs(
        self, name: RepositoryName, reference: Reference, noted: int, end: str
    ) -> None:
        job_id = f"{noted:016x}-{'0' * 16}{end}"
        key = keys.job("a.example-1", name, reference, job_id)
        self.check(key, Job("a.example-1", name, reference, noted, bool(end)))

    def test_what_is_no_job(self) -> None:
        for end in ("", "x", "0-0", f"{0:016x}-{0:016x}-", f"{0:016x}-{0:016x}/x"):
            self.check(keys.job("a", NAME, Tag("v1"), end), None)
        end = f"{0:016x}-{0:016x}"
        for rule in ("", "-", "A", "a" * 101):
            self.check(f"{keys.jobs()}{rule}/{NAME}/_tags/v1/{end}", None)
        for rest in ("A/_tags/v1", "a/_tags/-", "a/_digests/x/y", "a/v1", "_tags/v1"):
            self.check(f"{keys.jobs('a')}{rest}/{end}", None)

    def test_scratch(self) -> None:
        self.check(f"{keys.PRIVATE}scratch/abc/data", Scratch())

    def test_what_is_nothing_of_a_registrys(self) -> None:
        encoded = "a" * 64
        for key in (
            "",
            "a",
            keys.ROOT,
            f"{keys.ROOT}strange",
            f"{keys.ROOT}blobs/sha256/{encoded}/data",
            f"{keys.ROOT}blobs/sha256/bb/{encoded}/data",
            f"{keys.ROOT}blobs/sha256/aa/{encoded}/data.tmp",
            f"{keys.ROOT}blobs/sha256/aa/{encoded[:-1]}/data",
            f"{keys.ROOT}blobs/md5/aa/{encoded[:32]}/data",
            f"sha256/aa/{encoded}/data",
            f"{keys.REPOSITORIES}a/file",
            f"{keys.REPOSITORIES}A/_layers/sha256/{encoded}/link",
            f"{keys.REPOSITORIES}_layers/sha256/{encoded}/link",
            f"{keys.REPOSITORIES}a/_layers/sha256/{encoded}/link/",
            f"{keys.REPOSITORIES}a/_layers/sha256/{encoded.upper()}/link",
            f"{keys.REPOSITORIES}a/_layers/sha256/{encoded}/link.12.tmp",
            f"{keys.REPOSITORIES}a/_manifests/tags/-/current/link",
            f"{keys.REPOSITORIES}a/_manifests/tags/v1",
            f"{keys.REPOSITORIES}a/_referrers/subjects/x/y/sha256/{encoded}/link",
            f"{keys.SECRETS}",
            f"{keys.SECRETS}a/b",
            f"{keys.PRIVATE}new/thing",
            f"{keys.mirror_turns(OWNER)}1",
            f"{keys.PASSED}{'a' * 63}",
            f"{keys.mirror_turns('x')}000000000001",
            f"{keys.PRIVATE}v1/images/zz/a/_record",
            f"{keys.V1_REPOSITORIES}A/_properties",
        ):
            self.check(key, None)

    @given(st.sampled_from((keys.ROOT, keys.REPOSITORIES, keys.PRIVATE)), st.text())
    def test_any_key_can_be_asked_about(self, prefix: str, rest: str) -> None:
        recognize(prefix + rest)
