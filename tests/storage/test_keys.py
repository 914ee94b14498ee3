"""Tests of ``txregistry/storage/keys.py``: the layout of CNCF Distribution."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
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
