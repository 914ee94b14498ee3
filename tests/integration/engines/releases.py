"""The releases of Docker that are played, and what tells one from another.

Docker Registry API v1 was spoken by Docker 0.3 to 17.11. Each trait was observed on the
wire or stands in the sources of the release.
"""

from dataclasses import dataclass, replace
from enum import Enum


class Probe(Enum):
    """How a release looks for version 2 before it turns to version 1."""

    NEVER = "it does not"
    PING = "GET /v2/ once; its version header decides"
    FIRST = "the whole operation by version 2 first; the version header decides"
    STUBBORN = "the same, and without the header it goes on until the next error"


@dataclass(frozen=True)
class Release:
    """What a release does; the values given here are those of Docker 1.6.

    Attributes:
        user_agent: What it calls itself.
        go_agent: What Go calls it, where it forgets to say.
        probe: How it looks for version 2.
        named_pings: Pings say which engine asks.
        lasting_pings: Pings leave the connection open.
        named_posts: The POST of a login says which engine asks.
        lasting_posts: It leaves the connection open.
        login_pings: How often a login pings the endpoint that it found once more.
        login_posts: A login tries to make an account first.
        keeps_tokens: Its transport keeps any token that any answer brings (1.7+).
        needs_token: The index must give a token for a push.
        lookups: How many images it asks for at a time before a push.
        looks_up_first: It asks for all images before it sends the first.
        raw_content_type: The index is told ``Content-type``, not ``Content-Type``.
        types_layers: Layers are sent with a content type.
        names_login: A 401 on the announcement of a push asks for a login; and the
            bodies of other errors are shown.
        asks_one_tag: A pull of one tag asks for that alone.
        heads_layers: HEAD before GET of a layer says whether it can be resumed.
        resumes: A layer that was cut off is resumed.
        layer_attempts: How often a layer is asked for if no answer comes.
        layers_at_once: How many layers are fetched at a time, after all JSON; 0 for
            JSON and layer of each image in turn.
        restarts: How often a layer is begun again that cannot be resumed.
        opens_json: The id in the JSON is the one that the layer is fetched by.
        strict_ids: Ids are 64 digits.
        explains_missing: A 404 of the index is told as an image that was not found.
        chained_ids: Ids that it pushes are chain ids.
        needs_version: A host is a registry only if its ping names a version.
        needs_size: The JSON must come with a size.
        needs_endpoints: The index must name endpoints for a pull, too.
        splits_endpoints: One header line may name several endpoints.
        copies_headers: A redirected request has the headers of the first.
        limits_search: A search says how many results it wants.
        searches_hosts: A search may name a host, which is pinged.
        login_required: What it says to a 401.
        quotes: The body of an error is shown in quotes.
    """

    user_agent: str
    go_agent: str = "Go 1.1 package http"
    probe: Probe = Probe.PING
    named_pings: bool = True
    lasting_pings: bool = False
    named_posts: bool = False
    lasting_posts: bool = False
    login_pings: int = 0
    login_posts: bool = True
    keeps_tokens: bool = False
    needs_token: bool = True
    lookups: int = 5
    looks_up_first: bool = True
    raw_content_type: bool = True
    types_layers: bool = True
    names_login: bool = True
    asks_one_tag: bool = False
    heads_layers: bool = False
    resumes: bool = True
    layer_attempts: int = 5
    layers_at_once: int = 0
    restarts: int = 0
    opens_json: bool = True
    strict_ids: bool = True
    explains_missing: bool = True
    chained_ids: bool = False
    needs_version: bool = False
    needs_size: bool = False
    needs_endpoints: bool = False
    splits_endpoints: bool = True
    copies_headers: bool = True
    limits_search: bool = False
    searches_hosts: bool = True
    login_required: str = "Authentication is required."
    quotes: bool = True


def _agent(version: str, go: str, commit: str) -> str:
    return (
        f"docker/{version} go/go{go} git-commit/{commit} "
        "kernel/3.13.0 os/linux arch/amd64"
    )


_1_6 = Release(_agent("1.6.2", "1.4.2", "7c8fca2"))
_1_5 = replace(
    _1_6,
    user_agent=_agent("1.5.0", "1.4.1", "a8a31ef"),
    named_pings=False,
    lasting_posts=True,
    names_login=False,
    quotes=False,
)
_1_3 = replace(
    _1_5,
    user_agent=_agent("1.3.3", "1.3.3", "d344625"),
    probe=Probe.NEVER,
    login_pings=1,
    lookups=1,
    looks_up_first=False,
    raw_content_type=False,
)
_1_0 = replace(
    _1_3,
    user_agent=_agent("1.0.0", "1.2.1", "63fe64c"),
    lasting_pings=True,
    login_pings=0,
    types_layers=False,
    heads_layers=True,
    layer_attempts=1,
    strict_ids=False,
    explains_missing=False,
    searches_hosts=False,
)
_0_10 = replace(
    _1_0,
    user_agent=_agent("0.10.0", "1.2.1", "dc9c28f"),
    heads_layers=False,
    resumes=False,
    needs_version=True,
    needs_size=True,
    needs_endpoints=True,
    splits_endpoints=False,
    copies_headers=False,
)
_1_9 = replace(
    _1_6,
    user_agent=_agent("1.9.1", "1.4.2", "a34a1d5"),
    probe=Probe.FIRST,
    named_posts=True,
    keeps_tokens=True,
    needs_token=False,
    asks_one_tag=True,
)
_1_12 = replace(
    _1_9,
    user_agent=_agent("1.12.6", "1.6.4", "78d1802")
    + r" UpstreamClient(Docker-Client/1.12.6 \(linux\))",
    go_agent="Go-http-client/1.1",
    probe=Probe.STUBBORN,
    login_posts=False,
    layer_attempts=1,
    layers_at_once=3,
    restarts=4,
    opens_json=False,
    chained_ids=True,
    limits_search=True,
    login_required="unauthorized: authentication required",
)
_17_05 = replace(
    _1_12,
    user_agent=_agent("17.05.0-ce", "1.7.5", "89658be")
    + r" UpstreamClient(Docker-Client/17.05.0-ce \(linux\))",
)

RELEASES = {
    "0.10.0": _0_10,
    "1.0.0": _1_0,
    "1.3.3": _1_3,
    "1.5.0": _1_5,
    "1.6.2": _1_6,
    "1.9.1": _1_9,
    "1.12.6": _1_12,
    "17.05.0": _17_05,
}
"""The releases that are played, by what ``docker version`` says."""
