"""Large stores, written straight to disk in the layout of Distribution."""

import hashlib
import json
from pathlib import Path

from tests.benchmarks.load import CONFIG, MANIFEST

NAME = "benchmarks/tags"
_ROOT = Path("docker/registry/v2")
_EMPTY = b"{}"


def write_tags(directory: Path, count: int) -> list[str]:
    """Write one repository with so many tags.

    Returns:
        The tags, in order.
    """
    manifest = _write_manifest(directory)
    repository = directory / _ROOT / "repositories" / NAME
    _write_repository(repository, manifest)
    tags = [f"v{number:06d}" for number in range(count)]
    for tag in tags:
        _write_link(repository / "_manifests/tags" / tag / "current", manifest)
        _write_link(
            repository / "_manifests/tags" / tag / "index" / "sha256" / manifest,
            manifest,
        )
    return tags


def write_catalog(directory: Path, count: int) -> list[str]:
    """Write so many repositories.

    Returns:
        Their names, in order.
    """
    manifest = _write_manifest(directory)
    names = _names(count)
    for name in names:
        _write_repository(directory / _ROOT / "repositories" / name, manifest)
    return names


def catalog_objects(count: int) -> tuple[list[str], dict[str, bytes]]:
    """Give what a store of so many repositories consists of, without their content.

    Returns:
        Their names, in order, and objects: of each, a manifest, a tag and a layer.
    """
    names = _names(count)
    digest = hashlib.sha256(_EMPTY).hexdigest()
    places = (
        f"_manifests/revisions/sha256/{digest}",
        "_manifests/tags/latest/current",
        f"_layers/sha256/{digest}",
    )
    repositories = _ROOT / "repositories"
    objects = {
        str(repositories / name / place / "link"): f"sha256:{digest}".encode()
        for name in names
        for place in places
    }
    return names, objects


def _names(count: int) -> list[str]:
    """Name so many repositories, a thousand below each first component."""
    return [
        f"team{number // 1000:03d}/image{number % 1000:03d}" for number in range(count)
    ]


def _write_manifest(directory: Path) -> str:
    """Write the blobs all repositories share: a config and a manifest.

    Returns:
        The hexadecimal part of the manifest's digest.
    """
    config = _write_blob(directory, _EMPTY)
    descriptor = {
        "mediaType": CONFIG,
        "digest": f"sha256:{config}",
        "size": len(_EMPTY),
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor,
        "layers": [],
    }
    return _write_blob(directory, json.dumps(manifest).encode())


def _write_blob(directory: Path, data: bytes) -> str:
    found = hashlib.sha256(data).hexdigest()
    blob = directory / _ROOT / "blobs" / "sha256" / found[:2] / found
    blob.mkdir(parents=True)
    (blob / "data").write_bytes(data)
    return found


def _write_repository(repository: Path, manifest: str) -> None:
    """Write a repository without links to layers, which no list looks at."""
    (repository / "_layers").mkdir(parents=True)
    _write_link(repository / "_manifests" / "revisions" / "sha256" / manifest, manifest)


def _write_link(place: Path, digest: str) -> None:
    """Write a link: the digest's text, without the end of a line."""
    place.mkdir(parents=True)
    (place / "link").write_bytes(b"sha256:" + digest.encode())
