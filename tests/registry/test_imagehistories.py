"""Pushes of version 1 against a model, through any history of requests."""

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.contracts.storecase import BrokenOff, BrokenReader
from tests.registry.case import NAME, OTHER
from tests.registry.imagemodel import LAYERS, Layer, Pushed, Upload, make_json
from tests.registry.images import ENGINE, ImageTestCase, V1Image
from txregistry.model.errors import (
    BlobUnknown,
    ChecksumInvalid,
    ChecksumUnexpected,
    ImageExists,
    ImageInvalid,
    ImageUnknown,
    ManifestUnknown,
    NameUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.scopes import Scope
from txregistry.streams import BytesReader

IDS = tuple(letter * 64 for letter in "abc")
TAG = Tag("latest")


Names = tuple[RepositoryName, ...]

OWNERS = st.sampled_from(("one", "two"))
REPOSITORIES = st.sampled_from((NAME, OTHER))
PLACES: st.SearchStrategy[Names] = st.sampled_from(((NAME,), (OTHER,), (NAME, OTHER)))
IMAGE = st.sampled_from(IDS)
PARENT = st.sampled_from((None, *IDS))
LAYER = st.sampled_from(LAYERS)


class ImageHistory(RuleBasedStateMachine):
    """Push, keep account, and compare."""

    def __init__(self) -> None:
        super().__init__()
        self.uploads: dict[tuple[str, str], Upload] = {}
        self.images: dict[tuple[RepositoryName, str], Pushed] = {}
        self.linked: dict[RepositoryName, set[Layer]] = {NAME: set(), OTHER: set()}

    @initialize()
    def begin(self) -> None:
        """Make an empty registry."""
        self.case = ImageTestCase()
        self.case.setUp()

    def visible(self, name: RepositoryName, image_id: str) -> Pushed | None:
        """Give an image of a repository."""
        found = self.images.get((name, image_id))
        return None if found is None or found.layer not in self.linked[name] else found

    def complete(self, names: Names, image_id: str) -> bool:
        """Say whether all repositories have an image."""
        return all(self.visible(name, image_id) for name in names)

    def whole(self, name: RepositoryName, image_id: str) -> bool:
        """Say whether a repository has an image and all below it, as it was pushed."""
        top = self.visible(name, image_id)
        if top is None:
            return False
        below = [self.visible(name, each) for each in top.ancestry]
        return all(
            each is not None and each.ancestry == top.ancestry[place:]
            for place, each in enumerate(below)
        )

    def ask(self, work: Any, *refusals: type[Exception]) -> type[Exception] | None:
        """Say how a request was refused; None if it was not."""
        failed: list[Any] = []
        _ = self.case.finish(work).addErrback(failed.append)
        for failure in failed:
            found: type[Exception] | None = failure.check(*refusals)
            if found is None:
                failure.raiseException()
            return found
        return None

    @rule()
    def restart(self) -> None:
        """Let another process go on."""
        self.case.registry = self.case.make_registry()

    @rule()
    def expire(self) -> None:
        """Let uploads expire."""
        self.case.clock.advance(100)
        count = self.case.result(self.case.registry.image_states.expire(50))
        assert count == len(self.uploads)
        self.uploads.clear()

    @rule(
        owner=OWNERS,
        names=PLACES,
        image_id=IMAGE,
        parent=PARENT,
        flavour=st.integers(0, 1),
    )
    def put_json(
        self, owner: str, names: Names, image_id: str, parent: str | None, flavour: int
    ) -> None:
        """Push the JSON of an image."""
        data = make_json(image_id, parent, flavour)
        work = self.case.registry.image_uploads.begin(
            Scope(names, owner), ImageId(image_id), data, None
        )
        refused = self.ask(work, ImageInvalid, ImageExists)
        below = self.below(owner, names, parent)
        if below is None or image_id in below:
            assert refused is ImageInvalid
            return
        if self.complete(names, image_id):
            assert refused is ImageExists
            self.uploads.pop((owner, image_id), None)
            return
        assert refused is None
        self.uploads[owner, image_id] = Upload(data, parent, (image_id, *below))

    def below(
        self, owner: str, names: Names, parent: str | None
    ) -> tuple[str, ...] | None:
        """Give what an image would stand on; None where that is not there."""
        if parent is None:
            return ()
        upload = self.uploads.get((owner, parent))
        if upload is not None:
            return upload.ancestry
        found = self.visible(names[0], parent)
        return found.ancestry if found and self.complete(names, parent) else None

    @rule(
        owner=OWNERS,
        names=PLACES,
        image_id=IMAGE,
        layer=LAYER,
        way=st.sampled_from(("whole", "whole", "broken off", "cut off")),
    )
    def put_layer(
        self, owner: str, names: Names, image_id: str, layer: Layer, way: str
    ) -> None:
        """Push the layer of an image."""
        body = layer.data
        if way != "whole":
            body = body[: len(body) // 2]
        work = self.case.registry.image_uploads.take_layer(
            Scope(names, owner),
            ImageId(image_id),
            BrokenReader(body, BrokenOff())
            if way == "broken off"
            else BytesReader(body),
            None,
        )
        refused = self.ask(work, ImageUnknown, ImageExists, ImageInvalid, BrokenOff)
        upload = self.uploads.get((owner, image_id))
        if upload is None:
            complete = self.complete(names, image_id)
            assert refused is (ImageExists if complete else ImageUnknown)
        elif way == "broken off":
            assert refused is BrokenOff
            upload.lose_layer()
        elif way == "cut off" and layer.data != layer.tar:
            assert refused is ImageInvalid
            upload.lose_layer()
        elif way == "cut off":  # nobody can tell that of a plain archive
            self.case.result(
                self.case.registry.image_states.forget(owner, ImageId(image_id))
            )
            del self.uploads[owner, image_id]
        else:
            assert refused is None
            upload.layer = layer

    @rule(
        owner=OWNERS,
        names=PLACES,
        image_id=IMAGE,
        other=st.sampled_from((None, None, None, *LAYERS)),
    )
    def put_checksum(
        self, owner: str, names: Names, image_id: str, other: Layer | None
    ) -> None:
        """Push the checksum of an image: its own, or that of another layer."""
        upload = self.uploads.get((owner, image_id))
        layer = other or (upload and (upload.layer or upload.before)) or LAYERS[0]
        data = upload.json if upload else b"{}"
        work = self.case.registry.image_uploads.finish(
            Scope(names, owner),
            ImageId(image_id),
            V1Image(image_id, data, layer.data).payload,
            None,
        )
        refused = self.ask(
            work,
            ImageUnknown,
            ImageExists,
            ImageInvalid,
            ChecksumInvalid,
            ChecksumUnexpected,
        )
        if upload is None:
            complete = self.complete(names, image_id)
            assert refused is (ChecksumUnexpected if complete else ImageUnknown)
        elif upload.layer != layer:
            assert refused is ChecksumInvalid
        elif upload.parent is not None and (
            not self.complete(names, upload.parent)
            or image_id in self.images[names[0], upload.parent].ancestry
        ):
            assert refused is ImageInvalid
        else:
            below: tuple[str, ...] = ()
            if upload.parent is not None:
                below = self.images[names[0], upload.parent].ancestry
            pushed = Pushed(upload.json, layer, (image_id, *below))
            assert refused is self.publish(names, image_id, pushed)
            del self.uploads[owner, image_id]

    def publish(
        self, names: Names, image_id: str, pushed: Pushed
    ) -> type[Exception] | None:
        """Say how an image is refused that was pushed whole."""
        for name in names:
            self.linked[name].add(pushed.layer)
            found = self.visible(name, image_id)
            if found is None:
                self.images[name, image_id] = pushed
            elif found.content != pushed.content:
                return ImageExists
        return None

    @rule(
        owner=OWNERS,
        names=PLACES,
        image_id=IMAGE,
        parent=PARENT,
        flavour=st.integers(0, 1),
        layer=LAYER,
    )
    def push(
        self,
        owner: str,
        names: Names,
        image_id: str,
        parent: str | None,
        flavour: int,
        layer: Layer,
    ) -> None:
        """Push an image as engines do."""
        if image_id in (self.below(owner, names, parent) or (image_id,)):
            parent = None
        self.put_json(owner, names, image_id, parent, flavour)
        self.put_layer(owner, names, image_id, layer, "whole")
        self.put_checksum(owner, names, image_id, None)

    @rule(name=REPOSITORIES, image_id=IMAGE)
    def tag(self, name: RepositoryName, image_id: str) -> None:
        """Let a tag name an image."""
        work = self.case.registry.image_tags.point(name, TAG, ImageId(image_id), ENGINE)
        refused = self.ask(work, ImageUnknown)
        assert (refused is None) == self.whole(name, image_id)
        if refused is None:
            found = self.case.registry.image_tags.find(name, TAG, "amd64")
            assert str(self.case.result(found)) == image_id

    @rule(name=REPOSITORIES)
    def delete_tag(self, name: RepositoryName) -> None:
        """Delete the tag by version 2."""
        work = self.case.registry.acceptance.delete(name, TAG)
        self.ask(work, ManifestUnknown, NameUnknown)

    @rule(name=REPOSITORIES)
    def delete_manifests(self, name: RepositoryName) -> None:
        """Delete all manifests."""
        self.case.result(self.case.registry.acceptance.delete_all(name))
        assert self.case.tags(name) == []

    @rule(name=REPOSITORIES, place=st.integers(0, 4))
    def delete_blob(self, name: RepositoryName, place: int) -> None:
        """Delete a layer by version 2."""
        layers = sorted(self.linked[name] or LAYERS)
        layer = layers[place % len(layers)]
        work = self.case.registry.blobs.unlink(name, layer.digest)
        refused = self.ask(work, BlobUnknown)
        assert (refused is None) == (layer in self.linked[name])
        self.linked[name].discard(layer)

    @rule(name=REPOSITORIES, layer=LAYER)
    def push_blob(self, name: RepositoryName, layer: Layer) -> None:
        """Push a layer by version 2."""
        self.case.push_blob(layer.data, name)
        self.linked[name].add(layer)

    @invariant()
    def images_are_what_was_pushed_and_nothing_else(self) -> None:
        """Compare all images of all repositories."""
        for name in (NAME, OTHER):
            for text in IDS:
                image_id, wanted = ImageId(text), self.visible(name, text)
                holds = self.case.registry.images.holds(name, image_id)
                assert self.case.result(holds) == (wanted is not None)
                if wanted is None:
                    continue
                found = self.case.result(self.case.registry.images.find(name, image_id))
                assert found.json == wanted.json
                assert tuple(map(str, found.ancestry)) == wanted.ancestry
                assert (
                    self.case.pull_blob(found.layer.digest, name) == wanted.layer.data
                )

    @invariant()
    def ancestry_is_what_the_images_say(self) -> None:
        """Follow the parents of all images that are whole."""
        for name in (NAME, OTHER):
            for text in IDS:
                work = self.case.registry.images.chain(name, ImageId(text))
                if not self.whole(name, text):
                    assert self.ask(work, ImageUnknown) is ImageUnknown
                    continue
                above = None
                for image in reversed(self.case.result(work)):
                    assert above is None or above == str(image.image_id)
                    above = json.loads(image.json).get("parent")
                assert above is None

    @invariant()
    def uploads_are_seen_by_their_owners(self) -> None:
        """Compare what is in progress."""
        for owner in ("one", "two"):
            for text in IDS:
                work = self.case.registry.image_uploads.in_progress(
                    Scope((NAME,), owner), ImageId(text)
                )
                assert self.case.result(work) == ((owner, text) in self.uploads)


class ImageHistoryTests(SynchronousTestCase):
    def test_memory(self) -> None:
        case = ImageHistory.TestCase
        case.settings = settings(max_examples=60, stateful_step_count=40)
        case("runTest").runTest()
