"""Where everything lies: the one module that spells keys.

The layout is that of CNCF Distribution (registry 2 and 3), so that either can serve
what the other wrote; what only we understand lies below ``PRIVATE`` or, within a
repository, below ``_referrers``, both of which Distribution ignores.
"""

import re
from typing import Final

from txregistry.model.digest import Digest
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.storage.interfaces import Key

ROOT: Final = "docker/registry/v2/"
PRIVATE: Final = "docker/registry/txregistry/"
REPOSITORIES: Final = ROOT + "repositories/"
BLOBS: Final = ROOT + "blobs/"
SECRETS: Final = PRIVATE + "secrets/"
"""What nobody but the registry itself may read."""

COLLECTION: Final = PRIVATE + "collection/"
"""What those who collect garbage, and those who do not want that, write down."""
USES: Final = PRIVATE + "uses/"
"""When things were used last."""
CONDEMNED: Final = COLLECTION + "condemned/"
SPARED: Final = COLLECTION + "spared/"

_V1: Final = PRIVATE + "v1/"
V1_REPOSITORIES: Final = _V1 + "repositories/"
GZIP_FORMS: Final = PRIVATE + "gzip/"

MANIFESTS_FOLDER: Final = "_manifests"
LAYERS_FOLDER: Final = "_layers"
UPLOADS_FOLDER: Final = "_uploads"
ANNOUNCED_FOLDER: Final = "_announced"
LINK_LIMIT: Final = 256
"""Bytes in a link at most: an algorithm's name and 128 hexadecimal digits."""

COMPANIONS: Final = {MANIFESTS_FOLDER: LAYERS_FOLDER}
"""Without the second beside the first, Distribution's collection breaks off."""

FLEETING: Final = re.compile(
    rf"{REPOSITORIES}(?:[^_/][^/]*/)+{UPLOADS_FOLDER}/|{PRIVATE}uploads/"
)
"""How keys begin of what need not outlast a power failure: uploads under way."""

PASSED: Final = f"{PRIVATE}mirror/passed/"
"""Below it lies how names begin of which another registry decided who may pull."""


def repository(name: RepositoryName) -> str:
    """Give the prefix of everything in a repository, and of those nested in it."""
    return f"{REPOSITORIES}{name}/"


def blob(digest: Digest) -> Key:
    """Place the bytes of a blob or manifest, once for the whole registry."""
    encoded = digest.encoded
    return Key(f"{BLOBS}{digest.algorithm}/{encoded[:2]}/{encoded}/data")


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


def referrers_folder(name: RepositoryName) -> str:
    """Give the prefix of the links to all manifests that refer to others."""
    return f"{REPOSITORIES}{name}/_referrers/"


def referrers(name: RepositoryName, subject: Digest) -> str:
    """Give the prefix of the links to manifests that refer to a subject."""
    folder = referrers_folder(name)
    return f"{folder}subjects/{subject.algorithm}/{subject.encoded}/"


def referrer_link(name: RepositoryName, subject: Digest, referrer: Digest) -> Key:
    """Place the link to one manifest that refers to a subject."""
    return link(referrers(name, subject), referrer)


def gzip_form(layer: Digest) -> Key:
    """Place the link from a layer to the same tar, compressed with gzip."""
    return link(GZIP_FORMS, layer)


def schema2_forms(name: RepositoryName) -> str:
    """Give the prefix of the links from a repository's manifests to their forms."""
    return f"{PRIVATE}schema2/{name}/_links/"


def schema2_form(name: RepositoryName, manifest: Digest) -> Key:
    """Place the link from an OCI manifest to its form for engines of Docker's own."""
    return link(schema2_forms(name), manifest)


def secret(purpose: str) -> Key:
    """Place a key that is made once, and is the same on every node."""
    return Key(f"{SECRETS}{purpose}")


def all_images() -> str:
    """Give the prefix of the records of all images."""
    return f"{_V1}images/"


def images(image_id: ImageId) -> str:
    """Give the prefix of the records of an image id, in whatever repository."""
    return f"{all_images()}{image_id}/"


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


def all_announcers() -> str:
    """Give the prefix of what all announced, to whom no token binds requests."""
    return f"{_V1}announcers/"


def announcers(owner: str) -> str:
    """Give the prefix of what somebody announced, to whom no token binds requests."""
    return f"{all_announcers()}{owner}/"


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
    return Key(f"{COLLECTION}lease")


def collection_report() -> Key:
    """Place what the last round of collection came to."""
    return Key(f"{COLLECTION}report")


def quota_count() -> Key:
    """Place what the repositories of each quota hold, as was counted last."""
    return Key(f"{COLLECTION}quotas/count")


def quota_additions() -> str:
    """Give the prefix of what each node let in since that was counted."""
    return f"{COLLECTION}quotas/added/"


def quota_addition(node: str) -> Key:
    """Place what one node let in since."""
    return Key(f"{quota_additions()}{node}")


def scrub_lease() -> Key:
    """Place what says who scrubs."""
    return Key(f"{COLLECTION}scrub/lease")


def scrub_state() -> Key:
    """Place how far scrubbing is."""
    return Key(f"{COLLECTION}scrub/state")


def condemned_blobs(bucket: int) -> Key:
    """Place the list of blobs that nobody needs, of those that begin with a byte."""
    return Key(f"{condemned_blobs_folder()}{bucket:02x}")


def condemned_blobs_folder() -> str:
    """Give the prefix of all such lists."""
    return f"{CONDEMNED}blobs/"


def condemned_links(name: RepositoryName) -> Key:
    """Place the list of what nobody needs in a repository."""
    return Key(f"{condemned_links_folder()}{name}/_list")


def condemned_links_folder() -> str:
    """Give the prefix of all such lists."""
    return f"{CONDEMNED}links/"


def spared(condemned: Key) -> str:
    """Give the prefix of the notes on what somebody needs of a condemned list."""
    return f"{SPARED}{condemned.removeprefix(CONDEMNED)}/"


def spared_note(condemned: Key, item: str) -> Key:
    """Place the note that somebody needs something of a condemned list."""
    return Key(f"{spared(condemned)}{item}")


def place_of_note(note: Key) -> Key:
    """Give the condemned list that a note is about."""
    path = note.removeprefix(SPARED)
    if path.startswith("blobs/"):
        path = path.rpartition("/")[0]
    else:
        path = path.partition("/_list/")[0] + "/_list"
    return Key(f"{CONDEMNED}{path}")


def uses(name: RepositoryName) -> Key:
    """Place when the tags and manifests of a repository were used last."""
    return Key(f"{USES}{name}/_uses")


def all_deleted_tags() -> str:
    """Give the prefix of what is remembered of all deleted tags."""
    return f"{PRIVATE}deleted/"


def untagged(name: RepositoryName) -> Key:
    """Place since when manifests of a repository have no tag."""
    return Key(f"{PRIVATE}untagged/{name}/_since")


def deleted_tags(name: RepositoryName) -> str:
    """Give the prefix of what is remembered of a repository's deleted tags."""
    return f"{all_deleted_tags()}{name}/_tags/"


def deleted_tag_prefix(name: RepositoryName, tag: Tag) -> str:
    """Give the prefix of what is remembered of a deleted tag."""
    return f"{deleted_tags(name)}{tag}/"


def deleted_tag(name: RepositoryName, tag: Tag, deleted: int, digest: Digest) -> Key:
    """Place what is remembered of a tag that was deleted, at a time in milliseconds."""
    place = deleted_tag_prefix(name, tag)
    return Key(f"{place}{deleted:016x}-{digest.algorithm}-{digest.encoded}")


def quarantined(digest: Digest) -> Key:
    """Place bytes that lay where those of a digest belong, and are others."""
    return Key(f"{PRIVATE}quarantine/{digest.algorithm}/{digest.encoded}")


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
