"""Every route that there is, and what one needs for it, written by hand.

``{R}`` stands for a repository, ``{I}`` for an image that is in it, ``{D}`` for the
digest of its manifest.
"""

from dataclasses import dataclass
from typing import Final

from tests.web.content import ABSENT

OPEN, LOG_IN, CATALOG, STATUS = "open", "log-in", "catalog", "status"
LIST, PULL, PUSH, DELETE, ADMIN = "list", "pull", "push", "delete", "admin"
SEARCH, IMAGE_PULL, IMAGE_PUSH = "search", "image pull", "image push"
NOBODY, TOKEN = "nobody", "token"


@dataclass(frozen=True)
class Route:
    """A route.

    Attributes:
        endpoint: Its name.
        method: How it is asked.
        path: What is asked.
        needs: What one needs.
        body: A body to send.
    """

    endpoint: str
    method: str
    path: str
    needs: str
    body: bytes | None = None


_R2: Final = "/v2/{R}"
_R1: Final = "/v1/repositories/{R}"
_I1: Final = "/v1/images/{I}"
_P1: Final = "/v1/private_images/{I}"
_UPLOAD: Final = f"{_R2}/blobs/uploads/7a5b1a4e-0000-4000-8000-000000000000"

ROUTES: Final = (
    Route("tell_name", "GET", "/", OPEN),
    Route("ping", "GET", "/_ping", OPEN),
    Route("ping", "GET", "/v1/_ping", OPEN),
    Route("tell_status", "GET", "/_status", STATUS),
    Route("tell_status", "GET", "/v1/_status", STATUS),
    Route("get_version", "GET", "/v2/", LOG_IN),
    Route("get_extensions", "GET", "/v2/_oci/ext/discover", LOG_IN),
    Route("list_repositories", "GET", "/v2/_catalog", CATALOG),
    Route("get_manifest", "GET", f"{_R2}/manifests/latest", PULL),
    Route("get_manifest", "HEAD", f"{_R2}/manifests/{{D}}", PULL),
    Route("get_blob", "GET", f"{_R2}/blobs/{ABSENT}", PULL),
    Route("list_referrers", "GET", f"{_R2}/referrers/{{D}}", PULL),
    Route("list_tags", "GET", f"{_R2}/tags/list", LIST),
    Route("get_upload", "GET", _UPLOAD, PUSH),
    Route("begin_upload", "POST", f"{_R2}/blobs/uploads/", PUSH, b""),
    Route("append_upload", "PATCH", _UPLOAD, PUSH, b"x"),
    Route("finish_upload", "PUT", f"{_UPLOAD}?digest={ABSENT}", PUSH, b"x"),
    Route("cancel_upload", "DELETE", _UPLOAD, PUSH),
    Route("put_manifest", "PUT", f"{_R2}/manifests/new", PUSH, b"{}"),
    Route("get_image_json", "GET", f"{_I1}/json", IMAGE_PULL),
    Route("get_image_layer", "GET", f"{_I1}/layer", IMAGE_PULL),
    Route("get_image_ancestry", "GET", f"{_I1}/ancestry", IMAGE_PULL),
    Route("get_image_files", "GET", f"{_I1}/files", IMAGE_PULL),
    Route("get_image_diff", "GET", f"{_I1}/diff", IMAGE_PULL),
    Route("get_private_json", "GET", f"{_P1}/json", NOBODY),
    Route("get_private_layer", "GET", f"{_P1}/layer", NOBODY),
    Route("get_private_files", "GET", f"{_P1}/files", NOBODY),
    Route("put_image_json", "PUT", f"{_I1}/json", IMAGE_PUSH, b"{}"),
    Route("put_image_layer", "PUT", f"{_I1}/layer", IMAGE_PUSH, b"x"),
    Route("put_image_checksum", "PUT", f"{_I1}/checksum", IMAGE_PUSH, b""),
    Route("get_tags", "GET", f"{_R1}/tags", PULL),
    Route("get_tag", "GET", f"{_R1}/tags/latest", PULL),
    Route("get_tag_properties", "GET", f"{_R1}/tags/latest/json", PULL),
    Route("get_latest_properties", "GET", f"{_R1}/json", PULL),
    Route("get_properties", "GET", f"{_R1}/properties", PULL),
    Route("get_images", "GET", f"{_R1}/images", PULL),
    Route("get_layer_access", "GET", f"{_R1}/layer/{{I}}/access", PULL),
    Route("put_tag", "PUT", f"{_R1}/tags/new", PUSH, b'"x"'),
    Route("put_properties", "PUT", f"{_R1}/properties", PUSH, b"{}"),
    Route("put_repository_0", "PUT", f"{_R1}/", PUSH, b"[]"),
    Route("put_repository_1", "PUT", _R1, PUSH, b"[]"),
    Route("put_images", "PUT", f"{_R1}/images", PUSH, b"[]"),
    Route("search", "GET", "/v1/search?q=app", SEARCH),
    Route("get_user", "GET", "/v1/users/", LOG_IN),
    Route("put_user", "PUT", "/v1/users/bob", NOBODY, b"{}"),
    Route("post_user", "POST", "/v1/users/", NOBODY, b"{}"),
    Route("get_token", "GET", "/auth/token?scope=repository:{R}:pull", TOKEN),
    Route("delete_images", "DELETE", f"{_R1}/images", DELETE),
    Route("put_auth", "PUT", f"{_R1}/auth", DELETE, b""),
    Route("delete_tag", "DELETE", f"{_R1}/tags/latest", DELETE),
    Route("delete_blob", "DELETE", f"{_R2}/blobs/{ABSENT}", DELETE),
    Route("delete_manifest", "DELETE", f"{_R2}/manifests/{{D}}", DELETE),
    Route("delete_repository_0", "DELETE", f"{_R1}/tags", DELETE),
    Route("delete_repository_1", "DELETE", f"{_R1}/", DELETE),
    Route("delete_repository_2", "DELETE", _R1, DELETE),
    Route("delete_repository", "DELETE", f"{_R2}/_txregistry/repository/all", ADMIN),
)
"""What takes from a repository comes last: the rest is asked while it is whole."""
