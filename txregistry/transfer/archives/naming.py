"""What images are called where archives are loaded."""

from typing import Final

from txregistry.model.names import RepositoryName, Tag

_INDEX: Final = "docker.io"


class Naming:
    """Name images after the registry that they come from.

    Args:
        host: How clients reach it, with a port if need be; None to name images as if
            they came from nowhere: such as ``team/app:1``.
    """

    def __init__(self, host: str | None = None) -> None:
        self._prefix = "" if host is None else f"{host}/"

    def familiar(self, name: RepositoryName, tag: Tag) -> str:
        """Give the name that docker shows."""
        return f"{self._prefix}{name}:{tag}"

    def full(self, name: RepositoryName, tag: Tag) -> str:
        """Give the name that containerd has, which always begins with a host."""
        if self._prefix or _begins_with_host(name.text):
            return self.familiar(name, tag)
        place = name.text if "/" in name.text else f"library/{name}"
        return f"{_INDEX}/{place}:{tag}"


def _begins_with_host(text: str) -> bool:
    first, slash, _ = text.partition("/")
    return bool(slash) and ("." in first or first == "localhost")
