"""Path segments become values of the model."""

from klein import Klein
from werkzeug.routing import BaseConverter

from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, parse_reference


class _NameConverter(BaseConverter):
    """A repository's name: as much of the path as the rest of the route leaves."""

    part_isolating = False
    regex = ".+"
    weight = 200

    def to_python(self, value: str) -> RepositoryName:
        """Read it; one that is malformed is told so, not passed over."""
        return RepositoryName.parse(value)


class _DigestConverter(BaseConverter):
    """A digest."""

    def to_python(self, value: str) -> Digest:
        """Read it."""
        return Digest.parse(value)


class _ReferenceConverter(BaseConverter):
    """A tag or a digest."""

    def to_python(self, value: str) -> Reference:
        """Read it."""
        return parse_reference(value)


def new_app() -> Klein:
    """Make the application to which every module of ``web`` adds its routes.

    Paths match the fixed end of a route and give the name as much as possible, because
    ``blobs``, ``manifests`` and the like are components that a name can have.
    """
    app = Klein()
    routes = app.url_map
    routes.converters["name"] = _NameConverter
    routes.converters["digest"] = _DigestConverter
    routes.converters["reference"] = _ReferenceConverter
    routes.strict_slashes = False
    routes.merge_slashes = False  # a redirected POST becomes a GET
    return app
