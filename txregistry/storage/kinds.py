"""What lies under a key: the names that ``storage/keys.py`` spells, read back."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from txregistry.model.digest import Digest
from txregistry.model.errors import (
    DigestInvalid,
    ImageIdInvalid,
    NameInvalid,
    TagInvalid,
)
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.storage.keys import (
    COLLECTION,
    PRIVATE,
    REPOSITORIES,
    ROOT,
    SECRETS,
)

Role = Literal["layer", "revision", "signature", "referrer", "form"]


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a blob or manifest."""

    digest: Digest


@dataclass(frozen=True, slots=True)
class Link:
    """A repository's link to content, under the name that the content has there.

    Attributes:
        repository: The repository.
        role: What the content is to it. Signatures are those of schema 1, which old
            releases of Distribution kept; a form is a manifest's, in schema 2.
        digest: The name; of a form, that of the manifest that it is made from.
    """

    repository: RepositoryName
    role: Role
    digest: Digest


@dataclass(frozen=True, slots=True)
class GzipLink:
    """A link from a layer to the same tar, compressed with gzip."""

    digest: Digest


@dataclass(frozen=True, slots=True)
class TagLink:
    """A link to what a tag points to."""

    repository: RepositoryName
    tag: Tag


@dataclass(frozen=True, slots=True)
class PastLink:
    """A link to something that a tag pointed to at some time."""

    repository: RepositoryName
    tag: Tag
    digest: Digest


@dataclass(frozen=True, slots=True)
class Document:
    """A small document: of version 1, of a turn of mirroring, or of last uses."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of replication.

    Attributes:
        rule: The name of its rule.
        repository: The repository.
        reference: The tag, or the manifest, that is replicated.
        noted: When it was written, in thousandths of a second since 1970.
        is_claim: Whether it only says that somebody is setting the tag there.
    """

    rule: str
    repository: RepositoryName
    reference: Reference
    noted: int
    is_claim: bool


@dataclass(frozen=True, slots=True)
class DeletedTag:
    """What is remembered of a tag that was deleted.

    Attributes:
        repository: The repository.
        tag: The tag, which may be there again.
        deleted: When it was deleted, in thousandths of a second since 1970.
        digest: What it pointed to then.
    """

    repository: RepositoryName
    tag: Tag
    deleted: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that is made once."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes that lay where those of a digest belong, and are others."""

    digest: Digest


@dataclass(frozen=True, slots=True)
class Upload:
    """Part of an upload on its way.

    Attributes:
        prefix: The prefix of all that belongs to it.
    """

    prefix: str


@dataclass(frozen=True, slots=True)
class Scratch:
    """Something that is nobody's in a moment."""


AnyLink = Link | GzipLink | TagLink | PastLink
Kind = (
    Blob
    | AnyLink
    | Document
    | Job
    | DeletedTag
    | Secret
    | Quarantined
    | Upload
    | Scratch
)

_NAME: Final = r"([^/]+/[^/]+)"
"""A digest, as keys have it."""
_LINKS: Final[tuple[tuple[Role, re.Pattern[str]], ...]] = (
    ("layer", re.compile(rf"_layers/{_NAME}/link")),
    ("revision", re.compile(rf"_manifests/revisions/{_NAME}/link")),
    (
        "signature",
        re.compile(rf"_manifests/revisions/{_NAME}/signatures/{_NAME}/link"),
    ),
    ("referrer", re.compile(rf"_referrers/subjects/{_NAME}/{_NAME}/link")),
)
_TAG: Final = re.compile(rf"_manifests/tags/([^/]+)/(?:current|index/{_NAME})/link")
_UPLOAD: Final = re.compile(r"_uploads/[^/]+/")
_BLOB: Final = re.compile(r"([^/]+)/([^/]{2})/(\2[^/]*)/data")
_SECRET: Final = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_SCRATCH: Final = re.compile(r"scratch/.+")
_SINGLE_UPLOAD: Final = re.compile(r"uploads/[^/]+/")
_GZIP: Final = re.compile(rf"gzip/{_NAME}/link")
_FORM: Final = re.compile(rf"schema2/(.+)/_links/{_NAME}/link")
_QUARANTINED: Final = re.compile(rf"quarantine/{_NAME}")
_IMAGE: Final = re.compile(r"v1/images/([^/]+)/(.+)/_record")
_IMAGE_UPLOAD: Final = re.compile(r"v1/uploads/[^/]+/[^/]+/")
_ANNOUNCER: Final = re.compile(r"v1/announcers/[^/]+/(.+)/_images")
_OF_REPOSITORY: Final = re.compile(
    r"v1/repositories/(.+)/(?:_properties|_announced/[0-9a-f]+|_tags/([^/]+))"
)
_USES: Final = re.compile(r"(?:uses|untagged)/(.+)/_(?:uses|since)")
_PASSED: Final = re.compile(r"mirror/passed/[0-9a-f]{64}", re.ASCII)
_MIRROR_TURN: Final = re.compile(r"mirror/turns/[0-9a-f]{32}/[0-9]{12}", re.ASCII)
_JOB: Final = re.compile(
    rf"replication/([a-z0-9][a-z0-9.-]{{0,99}})/(.+)/_(?:tags/([^/]+)|digests/{_NAME})"
    r"/([0-9a-f]{16})-[0-9a-f]{16}(-claim)?",
    re.ASCII,
)
_DELETED_TAG: Final = re.compile(
    r"deleted/(.+)/_tags/([^/]+)/([0-9a-f]{16})-([^/-]+)-([0-9a-f]+)", re.ASCII
)
_REFUSALS: Final = (DigestInvalid, ImageIdInvalid, NameInvalid, TagInvalid)


def recognize(key: str) -> Kind | None:
    """Say what lies under a key; None where it is nothing of a registry's.

    Everything that belongs to an upload is of that, whatever else it may be.
    """
    try:
        if key.startswith(REPOSITORIES):
            return _in_repository(key.removeprefix(REPOSITORIES))
        if key.startswith(PRIVATE):
            return _private(key)
        if key.startswith(f"{ROOT}blobs/"):
            return _blob(key.removeprefix(f"{ROOT}blobs/"))
    except _REFUSALS:
        return None
    return None


def _blob(path: str) -> Blob | None:
    found = _BLOB.fullmatch(path)
    return found and Blob(_digest(f"{found[1]}/{found[3]}"))


def _in_repository(path: str) -> Kind | None:
    """Read what follows the prefix of all repositories."""
    text, _, rest = path.partition("/_")
    rest = f"_{rest}"
    if found := _UPLOAD.match(rest):
        return Upload(f"{REPOSITORIES}{text}/{found[0]}")
    name = RepositoryName.parse(text)
    for role, pattern in _LINKS:
        if found := pattern.fullmatch(rest):
            return Link(name, role, [*map(_digest, found.groups())][-1])
    if found := _TAG.fullmatch(rest):
        tag = Tag.parse(found[1])
        if found[2] is None:
            return TagLink(name, tag)
        return PastLink(name, tag, _digest(found[2]))
    return None


def _private(key: str) -> Kind | None:
    """Read a key of what only we understand."""
    path = key.removeprefix(PRIVATE)
    if _SCRATCH.fullmatch(path) or key.startswith(COLLECTION):
        return Scratch()
    for pattern in (_SINGLE_UPLOAD, _IMAGE_UPLOAD):
        if found := pattern.match(path):
            return Upload(PRIVATE + found[0])
    if found := _GZIP.fullmatch(path):
        return GzipLink(_digest(found[1]))
    if found := _FORM.fullmatch(path):
        return Link(RepositoryName.parse(found[1]), "form", _digest(found[2]))
    if key.startswith(SECRETS):
        return Secret() if _SECRET.fullmatch(key.removeprefix(SECRETS)) else None
    return _job(path) or _deleted_tag(path) or _quarantined(path) or _document(path)


def _quarantined(path: str) -> Quarantined | None:
    found = _QUARANTINED.fullmatch(path)
    return found and Quarantined(_digest(found[1]))


def _job(path: str) -> Job | None:
    found = _JOB.fullmatch(path)
    if found is None:
        return None
    rule, name, tag, digest, noted, claim = found.groups()
    reference = _digest(digest) if tag is None else Tag.parse(tag)
    repository = RepositoryName.parse(name)
    return Job(rule, repository, reference, int(noted, 16), claim is not None)


def _deleted_tag(path: str) -> DeletedTag | None:
    found = _DELETED_TAG.fullmatch(path)
    if found is None:
        return None
    name, tag, deleted, algorithm, encoded = found.groups()
    digest = Digest.parse(f"{algorithm}:{encoded}")
    repository = RepositoryName.parse(name)
    return DeletedTag(repository, Tag.parse(tag), int(deleted, 16), digest)


def _document(path: str) -> Document | None:
    if _MIRROR_TURN.fullmatch(path) or _PASSED.fullmatch(path):
        return Document()
    if found := _IMAGE.fullmatch(path):
        ImageId.parse(found[1])
        RepositoryName.parse(found[2])
        return Document()
    if found := _ANNOUNCER.fullmatch(path) or _USES.fullmatch(path):
        RepositoryName.parse(found[1])
        return Document()
    if found := _OF_REPOSITORY.fullmatch(path):
        RepositoryName.parse(found[1])
        if found[2] is not None:
            Tag.parse(found[2])
        return Document()
    return None


def _digest(path: str) -> Digest:
    """Read ``algorithm/hex``."""
    return Digest.parse(path.replace("/", ":", 1))
