"""``/v1/repositories/<name>/tags`` and what else a registry keeps of a repository.

Source: Docker Registry API v1, "Tags" and "Repositories".
"""

from typing import Final, Literal

import msgspec

from txregistry.model.errors import (
    DataInvalid,
    ImageIdInvalid,
    ImageUnknown,
    NameUnknown,
    TagInvalid,
    TagUnknown,
)
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.mirror.lists import Incomplete
from txregistry.registry.privacy import Properties
from txregistry.registry.repositories import Registry
from txregistry.web.request import RegistryRequest
from txregistry.web.routing import App
from txregistry.web.staleness import warn_of_old
from txregistry.web.switches import require_deletes, require_writes
from txregistry.web.v1.access import V1Caller
from txregistry.web.v1.answers import answer, read_body, read_json
from txregistry.web.v1.guards import V1Guards

_LIMIT: Final = 4096
_REMEMBERED: Final = 200
"""Images that are made ready for clients that come back without a token."""
_TAG: Final = "Invalid tag name (must match [A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"


def add_tag_routes_of_v1(app: App, guards: V1Guards, registry: Registry) -> None:
    """Add ``{R}/tags``, ``{R}/tags/<tag>`` and ``{R}/tags/<tag>/json``."""
    tags = registry.image_tags

    @app.route(
        "/v1/repositories/<v1name:name>/tags",
        methods=["GET"],
        guard=guards.pull_telling,
    )
    async def get_tags(
        request: RegistryRequest, name: RepositoryName, asking: V1Caller
    ) -> bytes:
        try:
            listed = await registry.mirror.tag_ids(name)
        except Incomplete as incomplete:
            return await tags_here(request, name, asking, incomplete)
        if listed is not None:  # what is here of them is seen to when it is asked for
            return answer(
                request, {str(tag): str(each) for tag, each in listed.items()}
            )
        return await tags_here(request, name, asking)

    async def tags_here(
        request: RegistryRequest,
        name: RepositoryName,
        asking: V1Caller,
        incomplete: Incomplete | None = None,
    ) -> bytes:
        """List what is here, maybe in place of what another registry has."""
        try:
            found = await tags.all(name, request.engine.architecture)
        except NameUnknown:
            if incomplete is None or incomplete.failure is None:
                raise
            raise incomplete.failure from incomplete
        if incomplete is not None:
            warn_of_old(request)
        for image_id in sorted(set(found.values()))[:_REMEMBERED]:
            await _remember(asking, name, image_id, request)
        return answer(request, found)

    @app.route(
        "/v1/repositories/<v1name:name>/tags/<text>",
        methods=["GET"],
        guard=guards.pull_telling,
    )
    async def get_tag(
        request: RegistryRequest, name: RepositoryName, text: str, asking: V1Caller
    ) -> bytes:
        tag = _known(text)
        await registry.mirror.ensure_tag(name, tag)
        image_id = await tags.find(name, tag, request.engine.architecture)
        await _remember(asking, name, str(image_id), request)
        return answer(request, str(image_id))

    async def _remember(
        asking: V1Caller, name: RepositoryName, image_id: str, request: RegistryRequest
    ) -> None:
        """Make sure that an image is found by its id alone.

        Who sends no token does not say next time where the image is to be.
        """
        if asking.grant is None and asking.kept is None:
            try:
                await registry.derived.ancestry(
                    name, ImageId.parse(image_id), request.engine.architecture
                )
            except ImageUnknown:
                return

    @app.route(
        "/v1/repositories/<v1name:name>/tags/<text>", methods=["PUT"], guard=guards.push
    )
    async def put_tag(
        request: RegistryRequest, name: RepositoryName, text: str
    ) -> bytes:
        require_writes(registry, name)
        try:
            tag = Tag.parse(text)
        except TagInvalid:
            raise TagInvalid(_TAG) from None
        image_id = await read_json(request, _LIMIT, str)
        try:
            parsed = ImageId.parse(image_id)
        except ImageIdInvalid:
            raise DataInvalid("Invalid data") from None
        await tags.point(name, tag, parsed, request.engine)
        return answer(request, value=True)

    @app.route(
        "/v1/repositories/<v1name:name>/tags/<text>",
        methods=["DELETE"],
        guard=guards.delete,
    )
    async def delete_tag(
        request: RegistryRequest, name: RepositoryName, text: str
    ) -> bytes:
        require_deletes(registry)
        try:
            tag = Tag.parse(text)
        except TagInvalid:
            raise TagUnknown(f"Tag not found: {text[:128]}") from None
        await tags.remove(name, tag)
        return answer(request, value=True)

    @app.route(
        "/v1/repositories/<v1name:name>/tags/<text>/json",
        methods=["GET"],
        guard=guards.pull,
    )
    async def get_tag_properties(
        request: RegistryRequest, name: RepositoryName, text: str
    ) -> bytes:
        return answer(request, await tags.properties(name, _known(text)))

    @app.route(
        "/v1/repositories/<v1name:name>/json", methods=["GET"], guard=guards.pull
    )
    async def get_latest_properties(
        request: RegistryRequest, name: RepositoryName
    ) -> bytes:
        return answer(request, await tags.properties(name, Tag("latest")))


def add_repository_routes(app: App, guards: V1Guards, registry: Registry) -> None:
    """Add ``{R}/properties``, and DELETE of ``{R}/`` and ``{R}/tags``."""

    @app.route(
        "/v1/repositories/<v1name:name>/properties", methods=["GET"], guard=guards.pull
    )
    async def get_properties(request: RegistryRequest, name: RepositoryName) -> bytes:
        return answer(request, await registry.privacy.get(name))

    @app.route(
        "/v1/repositories/<v1name:name>/properties", methods=["PUT"], guard=guards.push
    )
    async def put_properties(request: RegistryRequest, name: RepositoryName) -> bytes:
        require_writes(registry, name)
        try:
            properties = msgspec.json.decode(
                await read_body(request, _LIMIT), type=_GivenProperties
            )
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise DataInvalid("Invalid data") from None
        await registry.privacy.set(name, Properties(properties.access))
        return answer(request, value=True)

    async def delete_repository(
        request: RegistryRequest, name: RepositoryName
    ) -> bytes:
        require_deletes(registry)
        found = await registry.image_tags.remove_all(name)
        # Its images stay for the next push, and so must what keeps them from others.
        announced = await registry.announcements.forget(name)
        if not (found or announced):
            raise NameUnknown("Repository not found")
        return answer(request, value=True)

    for place, path in enumerate(("/tags", "/", "")):
        app.route(
            f"/v1/repositories/<v1name:name>{path}",
            methods=["DELETE"],
            guard=guards.delete,
            endpoint=f"delete_repository_{place}",
        )(delete_repository)


class _GivenProperties(msgspec.Struct):
    """What a request says of a repository: nothing would be no answer."""

    access: Literal["public", "private"]


def _known(text: str) -> Tag:
    """Read a tag that is asked for; one that cannot be is not there."""
    try:
        return Tag.parse(text)
    except TagInvalid:
        raise TagUnknown("Tag not found") from None
