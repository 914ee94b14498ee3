"""Tests of ``txregistry/storage/keys.py``: the layout of CNCF Distribution."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.storage import keys

ROOT = "docker/registry/v2/"
NAME = RepositoryName("library/alpine")
HEX = "ab" + "c" * 62
DIGEST = Digest("sha256", HEX)
SESSION = "8f14e45f-ceea-467f-9575-2f5a5b6c2f10"


class KeysTests(SynchronousTestCase):
    """Paths as in ``registry/storage/paths.go``."""

    def check(self, found: str, wanted: str) -> None:
        self.assertEqual(found, ROOT + wanted)

    def test_only_uploads_need_not_outlast_a_power_failure(self) -> None:
        name, tag = RepositoryName("a_b/c__d"), Tag("_uploads")
        for key in (
            keys.upload_data(name, SESSION),
            keys.upload_started(NAME, SESSION),
            keys.single_upload(SESSION),
        ):
            self.assertTrue(keys.FLEETING.match(key), key)
        for key in (
            keys.blob(DIGEST),
            keys.layer_link(name, DIGEST),
            keys.tag_link(name, tag),
            keys.deleted_tag(name, tag, 1, DIGEST),
        ):
            self.assertFalse(keys.FLEETING.match(key), key)

    def test_blob(self) -> None:
        self.check(keys.blob(DIGEST), f"blobs/sha256/ab/{HEX}/data")

    def test_layer_link(self) -> None:
        found = keys.layer_link(NAME, DIGEST)
        self.check(found, f"repositories/library/alpine/_layers/sha256/{HEX}/link")

    def test_revision_link(self) -> None:
        self.check(
            keys.revision_link(NAME, DIGEST),
            f"repositories/library/alpine/_manifests/revisions/sha256/{HEX}/link",
        )

    def test_tag_link(self) -> None:
        self.check(
            keys.tag_link(NAME, Tag("v1")),
            "repositories/library/alpine/_manifests/tags/v1/current/link",
        )

    def test_tag_history_link(self) -> None:
        self.check(
            keys.tag_history_link(NAME, Tag("v1"), DIGEST),
            f"repositories/library/alpine/_manifests/tags/v1/index/sha256/{HEX}/link",
        )

    def test_upload_data(self) -> None:
        self.check(
            keys.upload_data(NAME, SESSION),
            f"repositories/library/alpine/_uploads/{SESSION}/data",
        )

    def test_upload_started(self) -> None:
        self.check(
            keys.upload_started(NAME, SESSION),
            f"repositories/library/alpine/_uploads/{SESSION}/startedat",
        )

    def test_what_only_we_understand_lies_apart(self) -> None:
        self.assertFalse(keys.single_upload(SESSION).startswith(ROOT))

    def test_referrers_lie_in_a_folder_that_distribution_ignores(self) -> None:
        self.assertIn("/_referrers/", keys.referrer_link(NAME, DIGEST, DIGEST))

    @given(st.binary(), st.sampled_from(("sha256", "sha512")))
    def test_digest_is_read_back(self, data: bytes, algorithm: str) -> None:
        digest = Digest.of(data, algorithm)
        key = keys.layer_link(NAME, digest)
        found = keys.reference_digest(keys.layer_links(NAME), key)
        self.assertEqual(found, digest)

    @given(st.text(max_size=20))
    def test_digest_of_a_strange_key_is_refused(self, text: str) -> None:
        with self.assertRaises(DigestInvalid):
            keys.reference_digest("prefix/", f"prefix/{text}")

    def test_longest_link_is_within_the_limit(self) -> None:
        digest = Digest.of(b"", "sha512")
        self.assertLessEqual(len(str(digest)), keys.LINK_LIMIT)


class Version1KeysTests(SynchronousTestCase):
    """What version 1 needs lies where Distribution never looks."""

    OWNER = "0" * 32
    IMAGE = ImageId("a" * 64)

    def all(self, name: RepositoryName) -> list[str]:
        """Give all keys of a repository."""
        return [
            keys.image_record(name, self.IMAGE),
            keys.image_upload(self.OWNER, self.IMAGE),
            keys.image_upload_layer(self.OWNER, self.IMAGE),
            keys.announcement(name, DIGEST),
            keys.announcer(self.OWNER, name),
            keys.tag_property(name, Tag("v1")),
            keys.repository_properties(name),
            keys.gzip_form(DIGEST),
            keys.schema2_form(name, DIGEST),
            keys.secret("cookies"),
        ]

    def test_all_of_it_lies_apart(self) -> None:
        for key in self.all(NAME):
            self.assertTrue(key.startswith(keys.PRIVATE), key)

    def test_each_has_a_place_of_its_own(self) -> None:
        names = ("a", "a/images", "a/tags", "a/b", "a/b/c", "v1", "library/alpine")
        found = [key for text in names for key in self.all(RepositoryName(text))]
        shared = 4  # of owners, layers and the registry itself
        wanted = len(names) * (len(self.all(NAME)) - shared) + shared
        self.assertEqual(len(set(found)), wanted)

    def test_no_repository_lies_in_what_belongs_to_another(self) -> None:
        within = RepositoryName("a/b")
        for prefix in (
            keys.announcements(RepositoryName("a")),
            keys.tag_properties(RepositoryName("a")),
            f"{keys.PRIVATE}schema2/a/_links/",
            keys.SECRETS,
        ):
            for key in self.all(within):
                if key != keys.secret("cookies"):
                    self.assertFalse(key.startswith(prefix), key)

    def test_repositories_of_an_image_lie_below_it(self) -> None:
        key = keys.image_record(NAME, self.IMAGE)
        self.assertEqual(key, f"{keys.images(self.IMAGE)}{NAME}/_record")

    def test_secrets_lie_below_their_prefix(self) -> None:
        self.assertTrue(keys.secret("cookies").startswith(keys.SECRETS))
