"""Which members of an index are wanted, by what they run on.

Source: OCI image-spec 1.1, "Image Index", for ``platform``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestInvalid
from txregistry.model.manifests import Manifest

_GRAMMAR: Final = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9.]+)?", re.ASCII)
_LONGEST: Final = 100


class _Platform(msgspec.Struct):
    os: str = ""
    architecture: str = ""
    variant: str | None = None


class _Member(msgspec.Struct):
    platform: _Platform | None = None


class _Index(msgspec.Struct):
    manifests: list[_Member]


_decoder: Final = msgspec.json.Decoder(_Index)


@dataclass(frozen=True, slots=True)
class Members:
    """Members of an index.

    Attributes:
        digests: Those that are wanted, in their order.
        none: Whether there are members, and all of them are for other platforms.
    """

    digests: tuple[Digest, ...]
    none: bool = False


class Platforms:
    """Some platforms; those of all members, where there are none.

    Args:
        texts: As clients write them: ``linux/amd64``, ``linux/arm/v7``. Without its
            third part one is of all variants.

    Raises:
        ValueError: one of them is no platform.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = tuple(texts)
        for text in self.texts:
            if len(text) > _LONGEST or _GRAMMAR.fullmatch(text) is None:
                raise ValueError(
                    f"{text[:_LONGEST]!r} is no platform: those are such as "
                    "linux/amd64 or linux/arm/v7."
                )
        self._wanted = frozenset(self.texts)

    def choose(self, data: bytes, manifest: Manifest) -> Members:
        """Choose members of an index.

        One that does not say what it runs on is wanted; one that says that this is
        unknown, as attestations do, only is where all are.

        Args:
            data: The index.
            manifest: The same, as it was read.

        Raises:
            ManifestInvalid: what it says of platforms cannot be read.
        """
        digests = [each.digest for each in manifest.children]
        if not self._wanted or not digests:
            return Members(tuple(digests))
        try:
            members = _decoder.decode(data).manifests
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ManifestInvalid(
                "The platforms of an index cannot be read."
            ) from error
        chosen = tuple(
            digest
            for digest, member in zip(digests, members, strict=True)
            if member.platform is None or self._wants(member.platform)
        )
        return Members(chosen, not chosen)

    def _wants(self, platform: _Platform) -> bool:
        place = f"{platform.os}/{platform.architecture}"
        return place in self._wanted or f"{place}/{platform.variant}" in self._wanted
