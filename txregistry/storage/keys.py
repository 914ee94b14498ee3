"""Where everything lies: the one module that spells keys.

The layout is that of CNCF Distribution (registry 2 and 3), so that either can serve
what the other wrote; what only we understand lies below ``PRIVATE`` or, within a
repository, below ``_referrers``, both of which Distribution ignores.
"""

from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.storage.interfaces import Key

ROOT: Final = "docker/registry/v2/"
PRIVATE: Final = "docker/registry/txregistry/"
REPOSITORIES: Final = ROOT + "repositories/"
SECRETS: Final = PRIVATE + "secrets/"
"""What nobody but the registry itself may read."""

_V1: Final = PRIVATE + "v1/"
V1_REPOSITORIES: Final = _V1 + "repositories/"

MANIFESTS_FOLDER: Final = "_manifests"
LAYERS_FOLDER: Final = "_layers"
UPLOADS_FOLDER: Final = "_uploads"
ANNOUNCED_FOLDER: Final = "_announced"

LINK_LIMIT: Final = 256
"""Bytes in a link at most: an algorithm's name and 128 hexadecimal digits."""

COMPANIONS: Final = {MANIFESTS_FOLDER: LAYERS_FOLDER}
"""Folders that do not stand alone: without the second beside the first, Distribution's
collection of garbage breaks off (on local files)."""

PASSED: Final = f"{PRIVATE}mirror/passed/"
"""Below it lies how names begin of which another registry decided who may pull."""


def repository(name: RepositoryName) -> str:
    """Give the prefix of everything in a repository, and of those nested in it."""
    return f"{REPOSITORIES}{name}/"


def blob(digest: Digest) -> Key:
    """Place the bytes of a blob or manifest, once for the whole registry."""
    encoded = digest.encoded
    return Key(f"{ROOT}blobs/{digest.algorithm}/{encoded[:2]}/{encoded}/data")


def link(folder: str, digest: Digest) -> Key:
    """Place a link in a folder of links."""
    return Key(f"{folder}{digest.algorithm}/{digest.encoded}/link")


def layer_link(name: RepositoryName, digest: Digest) -> Key:
    """Place a repository's right to a blob."""
    return link(layer_links(name), digest)


def layer_links(name: RepositoryName) -> str:
    """Give the prefix of a repository's rights to blobs."""
    return f"{REPOSITORIES}{name}/{LAYERS_FOLDER}/"


def manifests(name: RepositoryName) -> str:
    """Give the prefix of a repository's manifests and tags."""
    return f"{REPOSITORIES}{name}/{MANIFESTS_FOLDER}/"


def revision_link(name: RepositoryName, digest: Digest) -> Key:
    """Place what says that a repository has a manifest."""
    return link(revision_links(name), digest)


def revision_links(name: RepositoryName) -> str:
    """Give the prefix of what says which manifests a repository has."""
    return f"{REPOSITORIES}{name}/{MANIFESTS_FOLDER}/revisions/"


def tags(name: RepositoryName) -> str:
    """Give the prefix below which each tag is a group."""
    return f"{REPOSITORIES}{name}/{MANIFESTS_FOLDER}/tags/"


def tag_link(name: RepositoryName, tag: Tag) -> Key:
    """Place the digest that a tag points to."""
    return Key(f"{tags(name)}{tag}/current/link")


def tag_history(name: RepositoryName, tag: Tag) -> str:
    """Give the prefix of every digest that a tag ever pointed to."""
    return f"{tags(name)}{tag}/index/"


def tag_history_link(name: RepositoryName, tag: Tag, digest: Digest) -> Key:
    """Place one digest that a tag ever pointed to."""
    return link(tag_history(name, tag), digest)


def uploads(name: RepositoryName) -> str:
    """Give the prefix of a repository's upload sessions."""
    return f"{REPOSITORIES}{name}/{UPLOADS_FOLDER}/"


def upload_data(name: RepositoryName, session: str) -> Key:
    """Place the bytes so far of an upload session."""
    return Key(f"{uploads(name)}{session}/data")


def upload_started(name: RepositoryName, session: str) -> Key:
    """Place the time at which an upload session began."""
    return Key(f"{uploads(name)}{session}/startedat")


def single_upload(session: str) -> Key:
    """Place the bytes of an upload that is one request and has no session."""
    return Key(f"{PRIVATE}uploads/{session}/data")


def single_uploads() -> str:
    """Give the prefix of uploads that have no session."""
    return f"{PRIVATE}uploads/"


def referrers(name: RepositoryName, subject: Digest) -> str:
    """Give the prefix of the links to manifests that refer to a subject."""
    return (
        f"{REPOSITORIES}{name}/_referrers/subjects/"
        f"{subject.algorithm}/{subject.encoded}/"
    )


def referrer_link(name: RepositoryName, subject: Digest, referrer: Digest) -> Key:
    """Place the link to one manifest that refers to a subject."""
    return link(referrers(name, subject), referrer)


def gzip_form(layer: Digest) -> Key:
    """Place the link from a layer to the same tar, compressed with gzip."""
    return link(f"{PRIVATE}gzip/", layer)


def schema2_form(name: RepositoryName, manifest: Digest) -> Key:
    """Place the link from an OCI manifest to its form for engines of Docker's own."""
    return link(f"{PRIVATE}schema2/{name}/_links/", manifest)


def secret(purpose: str) -> Key:
    """Place a key that is made once, and is the same on every node."""
    return Key(f"{SECRETS}{purpose}")


def images(image_id: ImageId) -> str:
    """Give the prefix of the records of an image id, in whatever repository."""
    return f"{_V1}images/{image_id}/"


def image_record(name: RepositoryName, image_id: ImageId) -> Key:
    """Place what a repository knows of an image of version 1."""
    return Key(f"{images(image_id)}{name}/_record")


def image_uploads() -> str:
    """Give the prefix below which each owner of uploads of images is a group."""
    return f"{_V1}uploads/"


def image_upload(owner: str, image_id: ImageId) -> Key:
    """Place what is known of an image that is being pushed."""
    return Key(f"{_V1}uploads/{owner}/{image_id}/state")


def image_upload_layer(owner: str, image_id: ImageId) -> Key:
    """Place the layer of an image that is being pushed."""
    return Key(f"{_V1}uploads/{owner}/{image_id}/data")


def announcements(name: RepositoryName) -> str:
    """Give the prefix of the lists of images that were announced for a repository."""
    return f"{V1_REPOSITORIES}{name}/{ANNOUNCED_FOLDER}/"


def announcement(name: RepositoryName, content: Digest) -> Key:
    """Place a list of images that were announced for a repository."""
    return Key(f"{announcements(name)}{content.encoded}")


def announcers(owner: str) -> str:
    """Give the prefix of what somebody announced, to whom no token binds requests."""
    return f"{_V1}announcers/{owner}/"


def announcer(owner: str, name: RepositoryName) -> Key:
    """Place the list of images that somebody announced for a repository."""
    return Key(f"{announcers(owner)}{name}/_images")


def tag_properties(name: RepositoryName) -> str:
    """Give the prefix of what version 1 keeps of each tag."""
    return f"{V1_REPOSITORIES}{name}/_tags/"


def tag_property(name: RepositoryName, tag: Tag) -> Key:
    """Place what version 1 keeps of a tag."""
    return Key(f"{tag_properties(name)}{tag}")


def repository_properties(name: RepositoryName) -> Key:
    """Place what version 1 keeps of a repository."""
    return Key(f"{V1_REPOSITORIES}{name}/_properties")


def mirror_turns(plan: str) -> str:
    """Give the prefix of the turns that a plan of scheduled mirroring had."""
    return f"{PRIVATE}mirror/turns/{plan}/"


def mirror_turn(plan: str, number: int) -> Key:
    """Place the time of one turn; the keys of turns sort as they followed."""
    return Key(f"{mirror_turns(plan)}{number:012}")


def passed(number: str) -> Key:
    """Place how names begin of which another registry decided who may pull.

    Args:
        number: The SHA-256 of that, in hexadecimal digits.
    """
    return Key(f"{PASSED}{number}")


def collection_lease() -> Key:
    """Place what says who collects."""
    return Key(f"{PRIVATE}collection/lease")


def condemned(bucket: int) -> Key:
    """Place the blobs that nobody needed lately, of those that begin with a byte."""
    return Key(f"{PRIVATE}collection/condemned/{bucket:02x}")


def jobs(rule: str = "") -> str:
    """Give the prefix of the jobs of a rule of replication; of all, without one."""
    return f"{PRIVATE}replication/{rule}/" if rule else f"{PRIVATE}replication/"


def jobs_of(rule: str, name: RepositoryName, reference: Reference) -> str:
    """Give the prefix of the jobs that replicate one tag, or one manifest."""
    if isinstance(reference, Digest):
        folder = f"_digests/{reference.algorithm}/{reference.encoded}"
    else:
        folder = f"_tags/{reference}"
    return f"{jobs(rule)}{name}/{folder}/"


def job(rule: str, name: RepositoryName, reference: Reference, job_id: str) -> Key:
    """Place a job of replication."""
    return Key(f"{jobs_of(rule, name, reference)}{job_id}")


def reference_digest(prefix: str, key: str) -> Digest:
    """Read the digest back from a key ``<prefix><algorithm>/<hex>/link``.

    Raises:
        DigestInvalid: the key has another form.
    """
    algorithm, _, rest = key.removeprefix(prefix).partition("/")
    return Digest.parse(f"{algorithm}:{rest.removesuffix('/link')}")
