"""A static tree, read as clients read it: what leads somewhere leads to all of it."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

TYPES = {
    "oci-index": "application/vnd.oci.image.index.v1+json",
    "oci-manifest": "application/vnd.oci.image.manifest.v1+json",
    "docker-list": "application/vnd.docker.distribution.manifest.list.v2+json",
    "docker-manifest": "application/vnd.docker.distribution.manifest.v2+json",
}


class Broken(AssertionError):
    """Something is not as a client must find it."""


class Tree:
    """A folder that was exported to.

    Args:
        root: The folder.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def check(self) -> None:
        """See that all is whole that clients of whatever version find."""
        self.check_layout()
        self.check_version2()
        self.check_version1()

    def check_layout(self) -> None:
        """See that all is there that the index of the layout leads to."""
        for image in self.images():
            self._check_in_layout(image["digest"], image["size"])

    def check_version2(self) -> None:
        """See that all is there that tags and lists of version 2 lead to."""
        for name in self.repositories():
            for reference in self.references(name):
                self._check_manifest(name, reference)
            for tag in self.tags(name):
                if tag not in self.references(name):
                    raise Broken(f"{name}:{tag} is listed, and not there")

    def check_version1(self) -> None:
        """See that all is there that tags of version 1 lead to."""
        for path in sorted(self.root.glob("v1/repositories/**/tags/*")):
            found = json.loads(path.read_bytes())
            ids = found.values() if path.name == "index.html" else [found]
            if path.name == "index.html":
                for tag in found:
                    if tag != "index.html" and not (path.parent / tag).is_file():
                        raise Broken(f"{path} names {tag}, which is not there")
            for image in ids:
                self._check_image(image)

    def images(self) -> list[dict[str, Any]]:
        """Give what the index of the layout lists; nothing, while there is none."""
        path = self.root / "index.json"
        if not path.exists():
            return []
        document = json.loads(path.read_bytes())
        assert isinstance(document["manifests"], list)
        return document["manifests"]

    def repositories(self) -> list[str]:
        """Name the repositories of version 2."""
        return sorted(
            str(path.parent.relative_to(self.root / "v2"))
            for path in self.root.glob("v2/**/_manifests")
        )

    def references(self, name: str) -> dict[str, tuple[str, bytes]]:
        """Give the manifests of a repository, each with its type, as a server does."""
        found = {}
        for slug, media_type in reversed(TYPES.items()):
            for path in self.root.glob(f"v2/{name}/_manifests/{slug}/*"):
                found[path.name] = media_type, path.read_bytes()
        return found

    def tags(self, name: str) -> list[str]:
        """Give the tags that are listed."""
        path = self.root / "v2" / name / "tags" / "list"
        if not path.exists():
            return []
        document = json.loads(path.read_bytes())
        if document["name"] != name:
            raise Broken(f"{path} is about {document['name']}")
        assert isinstance(document["tags"], list)
        return document["tags"]

    def image_tags(self, name: str) -> dict[str, str]:
        """Give the ids of a repository's tags, as version 1 lists them."""
        path = self.root / "v1" / "repositories" / name / "tags" / "index.html"
        if not path.exists():
            return {}
        found = json.loads(path.read_bytes())
        assert isinstance(found, dict)
        return found

    def state(self) -> dict[str, tuple[int, int, int]]:
        """Say which file is where, since when: all that a change would change."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                stat = os.lstat(path)
                inner = os.path.relpath(path, self.root)
                found[inner] = stat.st_ino, stat.st_mtime_ns, stat.st_size
        return found

    def _check_in_layout(self, digest: str, size: int | None = None) -> None:
        data = self._content(self.root / "blobs" / digest.replace(":", "/"), digest)
        if size is not None and size != len(data):
            raise Broken(f"{digest} has {len(data)} bytes, and not {size}")
        for each in parts_of(data):
            self._check_in_layout(each)

    def _check_manifest(self, name: str, reference: str) -> None:
        media_type, data = self.references(name)[reference]
        if json.loads(data)["mediaType"] != media_type:
            raise Broken(f"{name}:{reference} is of another type than {media_type}")
        if ":" in reference and digest_of(data, reference) != reference:
            raise Broken(f"{name}@{reference} is something else")
        document = json.loads(data)
        for child in document.get("manifests", ()):
            if child["digest"] not in self.references(name):
                raise Broken(f"{name}:{reference} lacks {child['digest']}")
            self._check_manifest(name, child["digest"])
        for each in blobs_of(document):
            self._content(self.root / "v2" / name / "blobs" / each, each)

    def _check_image(self, image: str) -> None:
        folder = self.root / "v1" / "images" / image
        for each in json.loads((folder / "ancestry").read_bytes()):
            inner = folder.parent / each
            if json.loads((inner / "json").read_bytes())["id"] != each:
                raise Broken(f"{each} is another image")
            if not (inner / "layer").stat().st_size:
                raise Broken(f"{each} has no layer")

    @staticmethod
    def _content(path: Path, digest: str) -> bytes:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise Broken(f"{path} is not there") from None
        if digest_of(data, digest) != digest:
            raise Broken(f"{path} has other content")
        return data


def digest_of(data: bytes, like: str) -> str:
    """Name some content by the algorithm of another name."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def parts_of(data: bytes) -> list[str]:
    """Give the digests of what some content names, if it is a manifest."""
    try:
        document = json.loads(data)
    except ValueError:
        return []
    if not isinstance(document, dict) or "schemaVersion" not in document:
        return []
    children = [each["digest"] for each in document.get("manifests", ())]
    return [*children, *blobs_of(document)]


def blobs_of(document: dict[str, Any]) -> list[str]:
    """Give the digests of an image's config and layers."""
    if "config" not in document:
        return []
    return [each["digest"] for each in (document["config"], *document["layers"])]
