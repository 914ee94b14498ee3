"""What a client calls a repository, and what it is called here.

Who pulls from a mirror may say which registry it means: in the name, as with
``docker.io/...``, as containerd does (``?ns=docker.io``), or by the name that it calls
us.
"""

from typing import Final

from txregistry.model.names import RepositoryName
from txregistry.registry.mirror.rules import MirrorRules
from txregistry.web.request import RegistryRequest

_READING: Final = frozenset({b"GET", b"HEAD"})


class Addressing:
    """Give repositories the names that they have here.

    Args:
        rules: Which of them are those of other registries.
    """

    def __init__(self, rules: MirrorRules) -> None:
        self._rules = rules

    def localize(
        self, request: RegistryRequest, name: RepositoryName
    ) -> RepositoryName:
        """Give what a repository is called here that a request names.

        Raises:
            NameInvalid: it would have a name that is too long.
            NameUnknown: it is that of a registry that is not mirrored here.
        """
        if request.speaks_v1 or request.method not in _READING:
            return name
        host = (request.header(b"host") or "").lower()
        return self._rules.localize(name, request.query(b"ns") or "", host)
