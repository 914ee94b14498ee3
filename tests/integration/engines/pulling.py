"""A pull, as engines go about it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.integration.engines.connection import Reply, Url
from tests.integration.engines.download import Download
from tests.integration.engines.errors import EngineError, Interrupted, Unreachable
from tests.integration.engines.gojson import (
    GoError,
    decode,
    fields_of,
    strings,
    text,
    text_of,
    texts,
)
from tests.integration.engines.index import Index
from tests.integration.engines.layers import files_of
from tests.integration.engines.session import Session

_ATTEMPTS = 5
_MAGIC = 10
"""How many bytes engines up to 1.9 want to see of every layer."""


@dataclass(frozen=True)
class Stored:
    """An image that was pulled.

    Attributes:
        json: Its JSON, as received.
        layer: Its layer, as received.
        size: What its JSON came with as the size of the layer; -1 for nothing.
    """

    json: bytes
    layer: bytes
    size: int

    @property
    def files(self) -> dict[str, bytes]:
        """The regular files of the layer, by path."""
        return files_of(self.layer)


@dataclass(frozen=True)
class Pulled:
    """What was pulled under a tag.

    Attributes:
        id: The image that has the tag.
        ancestry: All ids as the registry lists them: the image first, the base last.
        images: The images, by id.
    """

    id: str
    ancestry: tuple[str, ...]
    images: Mapping[str, Stored]

    @property
    def jsons(self) -> dict[str, bytes]:
        """The JSON of the images as received, by id."""
        return {image: stored.json for image, stored in self.images.items()}

    @property
    def layers(self) -> dict[str, bytes]:
        """The layers as received, by id."""
        return {image: stored.layer for image, stored in self.images.items()}

    @property
    def files(self) -> dict[str, bytes]:
        """The regular files of all layers, by path; white-outs hide nothing."""
        merged: dict[str, bytes] = {}
        for image in reversed(self.ancestry):
            merged |= self.images[image].files
        return merged


class Pull:
    """One pull, into an engine that has no image at all.

    Args:
        session: The session.
        name: The repository.
        cuts: After how many bytes answers with a layer are cut off; see `Download`.
    """

    def __init__(self, session: Session, name: str, cuts: Sequence[int] = ()) -> None:
        self._session = session
        self._release = session.setting.release
        self._name = name
        self._full_name = f"{session.setting.address}/{name}"
        self._cuts = cuts
        self._graph: dict[str, Stored] = {}
        self._ancestries: dict[str, tuple[str, ...]] = {}

    def run(self, tag: str | None) -> dict[str, Pulled]:
        """Pull one tag, or all.

        Returns:
            What was pulled, by tag.
        """
        listed, registries = self._list_images(tag)
        tags = self._list_tags(registries, tag)
        if tag is not None and tag not in tags:
            raise EngineError(f"Tag {tag} not found in repository {self._full_name}")
        listed |= {image: name for name, image in tags.items()}
        if tag is not None:
            listed[tags[tag]] = tag
            tags = {tag: tags[tag]}
        for image, name in listed.items():
            if name and tag in (None, name):
                self._pull_image(image, name, registries)
        if not self._release.opens_json:  # one tag is set for each image, no more
            tags = {
                name: image for name, image in tags.items() if listed[image] == name
            }
        return {name: self._set_tag(image) for name, image in tags.items()}

    def _list_images(self, tag: str | None) -> tuple[dict[str, str], list[str]]:
        try:
            return Index(self._session).images(self._name)
        except EngineError as error:
            if "HTTP code: 404" not in str(error) or not self._release.explains_missing:
                raise
            shown = self._name
            if tag is not None and self._release.names_login:
                shown += f":{tag}"
            raise EngineError(f"Error: image {shown} not found") from error

    def _list_tags(self, registries: Sequence[str], tag: str | None) -> dict[str, str]:
        """Ask the first registry that knows; without a namespace, for ``library``."""
        name = self._name if "/" in self._name else f"library/{self._name}"
        one = tag if self._release.asks_one_tag else None
        path = f"repositories/{name}/tags" + (f"/{one}" if one is not None else "")
        for registry in registries:
            reply = self._session.must("GET", Url.parse(registry + path))
            body = reply.body()
            if reply.status == 404 and one is not None:
                raise EngineError(
                    f"Tag {one} not found in repository {self._full_name}"
                )
            if reply.status == 404:
                raise EngineError("Repository not found")
            if reply.status == 200:
                try:
                    return {one: text(body)} if one is not None else self._tags_in(body)
                except GoError as error:
                    raise EngineError(str(error)) from None
        raise EngineError("Could not reach any registry endpoint")

    def _tags_in(self, body: bytes) -> dict[str, str]:
        return strings(body, whole=not self._release.raw_content_type)

    def _pull_image(self, image: str, tag: str, registries: Sequence[str]) -> None:
        if self._release.keeps_tokens:
            _check_id(image)
        last: EngineError | None = None
        for registry in registries:
            try:
                self._pull_from(registry, image)
            except EngineError as error:
                last = error
            else:
                return
        raise EngineError(
            f"Error pulling image ({tag}) from {self._full_name}, {last}"
        ) from last

    def _pull_from(self, registry: str, image: str) -> None:
        ancestry = self._ancestry(registry, image)
        if not ancestry:
            raise EngineError(f"empty history for image {image}")
        self._ancestries[image] = ancestry
        if self._release.layers_at_once:
            self._pull_together(registry, ancestry)
            return
        for below in reversed(ancestry):
            if below not in self._graph:
                document, size = self._json(registry, below)
                self._register(registry, document, size)

    def _pull_together(self, registry: str, ancestry: Sequence[str]) -> None:
        """Fetch all JSON, then the layers, several at a time."""
        documents = {}
        for image in reversed(ancestry):
            documents[image] = self._json(registry, image)
            try:
                fields_of(decode(documents[image][0], whole=True))
            except GoError as error:
                raise EngineError(str(error)) from None
        missing = [image for image in documents if image not in self._graph]

        def fetch(image: str) -> bytes:
            layer = self._layer(registry, image, documents[image][1])
            self._check_layer(layer)
            return layer

        with ThreadPoolExecutor(self._release.layers_at_once) as pool:
            for image, layer in zip(missing, pool.map(fetch, missing), strict=True):
                document, size = documents[image]
                self._graph[image] = Stored(document, layer, size)

    def _register(self, registry: str, document: bytes, size: int) -> None:
        """Fetch the layer that the JSON names, and keep it on what is there."""
        fields = fields_of(decode(document, whole=True))
        image, parent = text_of(fields.get("id")), text_of(fields.get("parent"))
        layer = self._layer(registry, image, size)
        if self._release.strict_ids:
            _check_id(image)
        elif not image or ":" in image:
            raise EngineError("Id can't be empty")
        if image in self._graph:
            raise EngineError(f"Image {image} already exists")
        if parent and parent not in self._graph:
            raise EngineError(f"Driver failed to create image rootfs {image}: {parent}")
        self._check_layer(layer)
        self._graph[image] = Stored(document, layer, size)

    def _check_layer(self, layer: bytes) -> None:
        if len(layer) < _MAGIC and self._release.opens_json:
            raise EngineError("EOF")
        try:
            files_of(layer)
        except ValueError as error:
            raise EngineError(f"Untar {error}") from error

    def _ancestry(self, registry: str, image: str) -> tuple[str, ...]:
        reply = self._session.must(
            "GET", Url.parse(f"{registry}images/{image}/ancestry")
        )
        body = _whole(reply)
        if reply.status == 401:
            raise EngineError(self._release.login_required)
        if reply.status != 200:
            raise EngineError(
                f"Server error: {reply.status} trying to fetch remote history for "
                + image
            )
        try:
            return tuple(texts(body, whole=not self._release.keeps_tokens))
        except GoError as error:
            raise EngineError(str(error)) from None

    def _json(self, registry: str, image: str) -> tuple[bytes, int]:
        """Fetch the JSON of an image, five times if need be; and its size."""
        url = Url.parse(f"{registry}images/{image}/json")
        failures = []
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                document, size = self._json_once(url)
                if self._release.opens_json:
                    for value in _names_in(document):
                        text_of(value)
            except (EngineError, GoError) as error:
                failures.append(str(error))
                if attempt < _ATTEMPTS:
                    self._session.setting.wait(attempt * 0.5)
            else:
                return document, size
        raise EngineError(failures[-1])

    def _json_once(self, url: Url) -> tuple[bytes, int]:
        try:
            reply = self._session.ask("GET", url)
        except Unreachable as error:
            raise EngineError(f"Failed to download json: {error}") from error
        if reply.status != 200:
            reply.close()
            raise EngineError(f"HTTP code {reply.status}")
        header = reply.header("X-Docker-Size")
        body = _whole(reply)
        if not header and not self._release.needs_size:
            return body, -1
        if not re.fullmatch(r"[+-]?[0-9]+", header, re.ASCII):
            raise EngineError(f'strconv.ParseInt: parsing "{header}": invalid syntax')
        return body, int(header)

    def _layer(self, registry: str, image: str, size: int) -> bytes:
        url = Url.parse(f"{registry}images/{image}/layer")
        return Download(self._session, url, size, self._cuts).run()

    def _set_tag(self, image: str) -> Pulled:
        ancestry = self._ancestries.get(image, ())
        missing = [below for below in (image, *ancestry) if below not in self._graph]
        if missing:
            raise EngineError(f"No such id: {missing[0]}")
        return Pulled(
            image, ancestry, {below: self._graph[below] for below in ancestry}
        )


def _whole(reply: Reply) -> bytes:
    try:
        return reply.body()
    except Interrupted as error:
        raise EngineError(f"Error while reading the http response: {error}") from error


def _names_in(document: bytes) -> Iterator[object]:
    fields = fields_of(decode(document, whole=True))
    yield from (fields.get("id"), fields.get("parent"))


def _check_id(image: str) -> None:
    if not re.fullmatch(r"[a-f0-9]{64}", image, re.ASCII):
        raise EngineError(f"image ID '{image}' is invalid")
