"""The resource tree: one Klein application, to which each module adds its routes."""

from txregistry.registry.repositories import Registry
from txregistry.web.access import Access, open_access
from txregistry.web.addressing import Addressing
from txregistry.web.errors import add_error_handlers
from txregistry.web.fastpath import FastResource
from txregistry.web.guards import Guards
from txregistry.web.routing import new_app
from txregistry.web.sendfile import Sender
from txregistry.web.tokens import TokenRoute, add_token_routes
from txregistry.web.v1.root import Version1, add_v1_routes
from txregistry.web.v2.blobs import add_blob_routes
from txregistry.web.v2.catalog import add_catalog_routes
from txregistry.web.v2.manifests import add_manifest_routes
from txregistry.web.v2.referrers import add_referrer_routes
from txregistry.web.v2.repositories import add_repository_routes
from txregistry.web.v2.tags import add_tag_routes
from txregistry.web.v2.uploads import add_upload_routes
from txregistry.web.v2.version import add_version_routes


def make_root(
    registry: Registry,
    sender: Sender,
    access: Access | None = None,
    version1: Version1 | None = None,
    *,
    version2: bool = True,
    tokens: TokenRoute | None = None,
    fallback: bool = True,
) -> FastResource:
    """Make what answers every request.

    Args:
        registry: What is served.
        sender: Sends content.
        access: Who may do what; None for everybody everything.
        version1: What version 1 is to be; None where there is none.
        version2: Whether there is version 2.
        tokens: Gives tokens of our own; None where there are none.
        fallback: Whether version 2 seems absent to engines that had better speak
            version 1.
    """
    app = new_app(Addressing(registry.mirror.rules))
    add_error_handlers(app)
    if version1 is not None:
        add_v1_routes(app, version1, registry, sender)
    if version2:
        guards = Guards(access or open_access(registry))
        add_version_routes(app, guards)
        add_manifest_routes(app, guards, registry, sender)
        add_blob_routes(app, guards, registry, sender)
        add_upload_routes(app, guards, registry)
        add_tag_routes(app, guards, registry)
        add_referrer_routes(app, guards, registry)
        add_catalog_routes(app, guards, registry)
        add_repository_routes(app, guards, registry)
        if tokens is not None:
            add_token_routes(app, tokens)
    return FastResource(
        app,
        version1=version1 is not None,
        version2=version2,
        hides_version2=fallback and version1 is not None,
        witness=registry.witness,
    )
