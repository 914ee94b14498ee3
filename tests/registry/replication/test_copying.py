"""Tests of ``txregistry/registry/replication/copying.py``: what goes where."""

from tests.registry.content import CONFIG, LAYER, descriptor, image, index
from tests.registry.replication import case
from tests.registry.replication.case import (
    APP,
    BASE,
    IMAGE,
    OTHER,
    V1,
    V2,
)
from txregistry.auth.patterns import Patterns
from txregistry.client.upstreams.interfaces import UpstreamFault, UpstreamUnavailable
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, fallback_tag
from txregistry.registry.tagpatterns import TagPatterns

CONFIG_DIGEST, LAYER_DIGEST = Digest.of(CONFIG), Digest.of(LAYER)
IMAGE_DIGEST, OTHER_DIGEST = Digest.of(IMAGE), Digest.of(OTHER)
SIGNATURE = image(subject=IMAGE, annotations={"a": "signature"})
SIGNATURE_DIGEST = Digest.of(SIGNATURE)
OF_SIGNATURE = image(subject=SIGNATURE, annotations={"a": "of a signature"})


class CopyTests(case.ReplicationCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_image(self) -> None:
        self.push_tag()
        self.pass_()
        pushed = [CONFIG_DIGEST, LAYER_DIGEST, IMAGE_DIGEST, V1]
        self.assertEqual(self.downstream.pushed(), list(map(str, pushed)))
        self.assert_there(IMAGE, V1)
        self.assert_done()

    def test_index(self) -> None:
        self.push_tag(V1, IMAGE)
        self.push(OTHER, None, APP)
        self.pass_()
        self.downstream.take()
        listed = index([IMAGE, OTHER])
        self.push_tag(V2, listed)
        self.pass_()
        pushed = [Digest.of(b"another layer"), OTHER_DIGEST, Digest.of(listed), V2]
        self.assertEqual(self.downstream.pushed(), list(map(str, pushed)))
        self.assert_there(listed, V2)
        self.assert_done()

    def test_index_in_an_index(self) -> None:
        self.push_tag(V1, IMAGE)
        inner = index([IMAGE])
        self.push(inner, None, APP)
        outer = index([inner, IMAGE])
        self.push_tag(V2, outer)
        self.pass_()
        self.assert_there(outer, V2)

    def test_index_that_lists_blobs(self) -> None:
        self.push_blob(LAYER, APP)
        listed = index([LAYER])
        self.push_tag(V1, listed)
        self.pass_()
        self.assertEqual(self.downstream.tag(APP.text, "v1"), listed)
        self.assertIn((APP.text, LAYER_DIGEST), self.downstream.blobs)
        self.assert_done()

    def test_what_is_there_is_not_pushed_again(self) -> None:
        self.push_tag(V1)
        self.push_tag(V2)
        self.pass_()
        pushed = [CONFIG_DIGEST, LAYER_DIGEST, IMAGE_DIGEST, V1, V2]
        self.assertEqual(self.downstream.pushed(), list(map(str, pushed)))
        self.push_tag(V1)
        self.pass_()
        self.assertEqual(self.downstream.pushed(), [])
        self.assert_done()

    def test_blobs_are_taken_over_from_others(self) -> None:
        self.push_tag(V1)
        self.pass_()
        self.downstream.take()
        self.push_tag(V1, name=BASE)
        self.pass_()
        asked = self.downstream.take()
        mounted = ("mount", BASE.text, APP.text, str(LAYER_DIGEST))
        self.assertIn(mounted, asked)
        self.assertNotIn("push", [each[0] for each in asked])
        self.assert_there(IMAGE, V1, BASE.text)

    def test_who_does_not_mount(self) -> None:
        self.downstream.mounts = False
        self.push_tag(V1)
        self.push_tag(V1, name=BASE)
        self.pass_()
        self.assert_there(IMAGE, V1, BASE.text)

    def test_layers_that_nobody_may_push(self) -> None:
        foreign = descriptor(
            LAYER, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        )
        data = image(layers=(foreign,))
        self.push_tag(V1, data)
        self.pass_()
        self.assertEqual(self.downstream.tag(APP.text, "v1"), data)
        self.assertNotIn((APP.text, LAYER_DIGEST), self.downstream.blobs)

    def test_blob_that_is_named_by_another_algorithm(self) -> None:
        wide = descriptor(LAYER, "a/b", "sha512")
        self.push_blob(LAYER, APP, "sha512")
        data = image(layers=(wide,))
        self.push_tag(V1, data)
        self.pass_()
        self.assert_there(data, V1)

    def test_tag_that_moved_goes_as_it_is(self) -> None:
        self.push_tag(V1, IMAGE)
        self.push_tag(V1, OTHER)
        self.assertEqual(self.jobs(), ["vendor/app/_tags/v1"])
        self.pass_()
        self.assertNotIn(str(IMAGE_DIGEST), self.downstream.pushed())
        self.assert_there(OTHER, V1)
        self.assert_done()


class NamesTests(case.ReplicationCase):
    def replicate(self, name: str, **rule: object) -> str | None:
        """Push to a repository, and say what it is called there."""
        self.restart(self.make_rule(**rule))
        self.push_tag(name=RepositoryName(name))
        self.pass_()
        found = [place for place, tag in self.downstream.manifests if tag == "v1"]
        return found[0] if found else None

    def test_same_name(self) -> None:
        self.assertEqual(self.replicate("team/app"), "team/app")

    def test_prefix(self) -> None:
        self.assertEqual(self.replicate("app", prefix="vendor/"), "vendor/app")

    def test_replacement(self) -> None:
        found = self.replicate("team/app", prefix="vendor/", replaces="team/")
        self.assertEqual(found, "vendor/app")

    def test_name_that_there_cannot_be(self) -> None:
        self.assertIsNone(self.replicate("app", prefix="v" * 240))
        self.pass_(60)
        self.assert_done()

    def test_only_some_repositories(self) -> None:
        only = Patterns(["team/*"])
        self.assertIsNone(self.replicate("other/app", repositories=only))
        self.assertEqual(self.keys(), self.keys("docker/registry/v2/"))
        self.assertEqual(self.replicate("team/app", repositories=only), "team/app")

    def test_only_some_tags(self) -> None:
        self.assertIsNone(self.replicate("app", tags=TagPatterns(["release-*"])))

    def test_rules_that_cannot_be(self) -> None:
        with self.assertRaises(ValueError):
            self.make_replication(self.make_rule(), self.make_rule())
        for name in ("", "A", "a/b", "-", "a" * 101):
            with self.assertRaises(ValueError):
                type(self.make_rule())(name, self.downstream)


class ReferrersTests(case.ReplicationCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def has(self, data: bytes) -> bool:
        """Whether a manifest is there."""
        return (APP.text, str(Digest.of(data))) in self.downstream.manifests

    def test_they_go_along(self) -> None:
        self.push_tag()
        self.push(SIGNATURE, None, APP)
        self.push(OF_SIGNATURE, None, APP)
        self.pass_()
        pushed = self.downstream.pushed()[2:]
        wanted = [IMAGE_DIGEST, SIGNATURE_DIGEST, Digest.of(OF_SIGNATURE), V1]
        self.assertEqual(pushed, list(map(str, wanted)))
        self.assert_done()

    def test_those_of_what_an_index_lists(self) -> None:
        self.push_tag(V1, IMAGE)
        self.push(SIGNATURE, None, APP)
        self.push_tag(V1, index([IMAGE]))
        self.pass_()
        self.assertTrue(self.has(SIGNATURE))

    def test_those_that_come_later(self) -> None:
        self.push_tag()
        self.pass_()
        self.push_referrer(SIGNATURE)
        self.pass_()
        self.assertTrue(self.has(SIGNATURE))
        self.assert_done()

    def test_those_of_what_is_not_there_stay_here(self) -> None:
        self.push_tag(V1, OTHER)
        self.push(IMAGE, None, APP)
        self.push_referrer(SIGNATURE)
        self.pass_()
        self.assertFalse(self.has(SIGNATURE))
        self.assert_done()

    def test_those_that_came_first_go_with_what_they_refer_to(self) -> None:
        for data in case.BLOBS:
            self.push_blob(data, APP)
        self.push_referrer(SIGNATURE)
        self.pass_()
        self.assertFalse(self.has(SIGNATURE))
        self.push_tag()
        self.pass_()
        self.assertTrue(self.has(SIGNATURE))

    def test_rule_may_leave_them_here(self) -> None:
        self.restart(self.make_rule(referrers=False))
        self.push_tag()
        self.push_referrer(SIGNATURE)
        self.pass_()
        self.assertFalse(self.has(SIGNATURE))
        self.assert_done()

    def test_one_that_is_not_whole_does_not_hold_up_the_rest(self) -> None:
        config = b"of a signature"
        lost = image(config=config, subject=IMAGE)
        digest = self.push_blob(config, APP)
        self.push_tag()
        self.push(lost, None, APP)
        self.push(SIGNATURE, None, APP)
        self.result(self.registry.blobs.unlink(APP, digest))
        self.pass_()
        self.assert_there(IMAGE, V1)
        self.assertTrue(self.has(SIGNATURE))
        self.assert_done()

    def test_who_knows_none_gets_their_tag(self) -> None:
        self.downstream.minds = False
        self.push_tag()
        self.push(SIGNATURE, None, APP)
        self.pass_()
        tag = fallback_tag(IMAGE_DIGEST)
        found = self.downstream.tag(APP.text, str(tag))
        assert found is not None
        self.assertIn(str(SIGNATURE_DIGEST).encode(), found)
        self.assert_done()
        self.downstream.take()
        self.push_referrer(SIGNATURE)
        self.pass_()
        self.assertNotIn(str(tag), self.downstream.pushed())
        self.assert_done()

    def test_their_tag_is_kept_in_step(self) -> None:
        self.downstream.minds = False
        self.push_tag()
        self.pass_()
        later = image(subject=IMAGE, annotations={"a": "later"})
        for data in (SIGNATURE, later):
            self.push_referrer(data)
            self.pass_()
        tag = fallback_tag(IMAGE_DIGEST)
        digest = self.result(self.registry.tags.find(APP, tag))
        found = self.downstream.tag(APP.text, str(tag))
        self.assertEqual(Digest.of(found or b""), digest)
        self.assert_done()

    def test_circle_of_such_tags_ends(self) -> None:
        self.downstream.minds = False
        listed = image(subject=IMAGE, annotations={"a": "listed"})
        self.push_tag()
        self.push(SIGNATURE, None, APP)
        self.push(listed, None, APP)
        self.push(index([listed], subject=descriptor(SIGNATURE, "a/b")), None, APP)
        self.pass_()
        self.assert_there(IMAGE, V1)
        self.assert_done()

    def fail_once(self, what: str, digest: Digest) -> None:
        """Let something fail the first time that it is done with a manifest."""
        left = [1]

        def failing(step: str) -> UpstreamFault | None:
            if (
                left[0]
                and step == what
                and self.downstream.asked[-1][-1] == str(digest)
            ):
                left[0] -= 1
                return UpstreamUnavailable("x", "is not there")
            return None

        self.downstream.failing = failing

    def test_those_of_what_an_index_lists_after_a_failure(self) -> None:
        self.fail_once("put", SIGNATURE_DIGEST)
        for data in case.BLOBS:
            self.push_blob(data, APP)
        for data in (IMAGE, SIGNATURE):
            self.push(data, None, APP)
        self.push_tag(V1, index([IMAGE]))
        self.pass_(60)
        self.assertTrue(self.has(SIGNATURE))
        self.assert_done()

    def test_their_tag_after_a_failure(self) -> None:
        self.downstream.minds = False
        self.fail_once("put done", SIGNATURE_DIGEST)
        self.push_tag()
        self.push(SIGNATURE, None, APP)
        self.pass_(60)
        tag = fallback_tag(IMAGE_DIGEST)
        self.assertIsNotNone(self.downstream.tag(APP.text, str(tag)))
        self.assert_done()

    def test_chain_of_them_is_followed(self) -> None:
        self.push_tag()
        chain = [IMAGE]
        for number in range(100):
            chain.append(image(subject=chain[-1], annotations={"n": str(number)}))
            self.push(chain[-1], None, APP)
        self.pass_()
        self.assertTrue(self.has(chain[-1]))


class MissingTests(case.ReplicationCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_blob_that_was_deleted(self) -> None:
        self.push_tag()
        self.result(self.registry.blobs.unlink(APP, LAYER_DIGEST))
        self.pass_()
        self.assertEqual(self.status().waiting, 1)
        self.pass_(60)
        self.assertIsNone(self.downstream.tag(APP.text, "v1"))
        self.assert_done()

    def test_blob_that_comes_back_at_once(self) -> None:
        self.push_tag()
        self.result(self.registry.blobs.unlink(APP, LAYER_DIGEST))
        self.pass_()
        self.push_blob(LAYER, APP)
        self.pass_(60)
        self.assert_there(IMAGE, V1)
        self.assert_done()

    def test_blob_that_is_damaged(self) -> None:
        self.push_tag()
        self.put(
            f"docker/registry/v2/blobs/sha256/{LAYER_DIGEST.encoded[:2]}/"
            f"{LAYER_DIGEST.encoded}/data",
            b"a lay3r",
        )
        self.restart()
        self.pass_(60)
        self.assertIsNone(self.downstream.tag(APP.text, "v1"))
        self.assertNotIn((APP.text, LAYER_DIGEST), self.downstream.blobs)
        self.assert_done()

    def test_manifest_that_was_deleted(self) -> None:
        self.push_tag()
        self.result(self.registry.manifests.forget(APP, IMAGE_DIGEST))
        self.pass_(60)
        self.assertEqual(self.downstream.pushed(), [])
        self.assert_done()

    def test_tag_that_was_deleted(self) -> None:
        self.push_tag()
        self.result(self.registry.acceptance.delete(APP, V1))
        self.pass_()
        self.assertEqual(self.downstream.take(), [])
        self.assert_done()

    def test_deep_indexes_are_given_up(self) -> None:
        self.push_tag()
        data = IMAGE
        for _ in range(30):
            data = index([data])
            self.push(data, None, APP)
        self.push_tag(V2, data)
        self.pass_(60)
        self.assertIsNone(self.downstream.tag(APP.text, "v2"))
        self.assert_done()

    def test_tag_is_pushed_again_before_it_is_given_up(self) -> None:
        self.push_tag()
        self.result(self.registry.blobs.unlink(APP, LAYER_DIGEST))
        self.pass_()
        self.push_tag()
        self.pass_()
        self.assert_there(IMAGE, V1)
        self.assert_done()
