"""Which repositories may hold how much, together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from txregistry.auth.patterns import Patterns
from txregistry.model.names import RepositoryName

_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Quota:
    """How much some repositories may hold together.

    Attributes:
        repositories: Which; patterns as of `txregistry.auth.patterns`.
        size: Bytes of their content, each blob once; None for any number.
        tags: Of all of them; None for any number.
    """

    repositories: tuple[str, ...]
    size: int | None = None
    tags: int | None = None

    @property
    def called(self) -> str:
        """What it is called, the same in whatever order patterns are."""
        return " ".join(sorted(set(self.repositories)))


class QuotaRules:
    """All quotas. Each that is about a repository has to hold.

    Args:
        quotas: The quotas; no two are called the same.
        exempt: Whether a repository is under none, such as one that is mirrored.

    Raises:
        ValueError: a pattern is none.
    """

    def __init__(
        self,
        quotas: Iterable[Quota] = (),
        exempt: Callable[[RepositoryName], bool] = lambda _: False,
    ) -> None:
        self.quotas = tuple(quotas)
        self._exempt = exempt
        self._patterns = [Patterns(each.repositories) for each in self.quotas]
        self._about: dict[RepositoryName, tuple[int, ...]] = {}

    def about(self, name: RepositoryName) -> tuple[int, ...]:
        """Give the places of those that are about a repository."""
        if not self.quotas:
            return ()
        found = self._about.get(name)
        if found is None:
            found = ()
            if not self._exempt(name):
                found = tuple(
                    place
                    for place, patterns in enumerate(self._patterns)
                    if patterns.match(name)
                )
            if len(self._about) >= _REMEMBERED:
                self._about.clear()
            self._about[name] = found
        return found
