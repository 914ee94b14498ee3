"""Tokens of version 1 that only somebody else's Index can tell about."""

from zope.interface import implementer

from txregistry.auth.tokens import PresentedToken
from txregistry.client.index import ForeignIndex
from txregistry.model.images import ImageId
from txregistry.registry.authorities import new_owner
from txregistry.registry.interfaces import Grant, IAuthority


@implementer(IAuthority)
class AskedAuthority:
    """Ask an Index of somebody else's about each token."""

    def __init__(self, index: ForeignIndex) -> None:
        self._index = index

    async def grant(self, presented: PresentedToken) -> Grant:
        """See `IAuthority`."""
        repository, header = presented.repository, presented.header
        listed = await self._index.images(repository, header)

        async def announced(image_id: ImageId, /) -> bool:
            return str(image_id) in listed

        async def usable(image_id: ImageId, /) -> bool:
            return await self._index.may_use(repository, image_id, header)

        return Grant(
            repository,
            presented.access,
            new_owner("token", presented.text),
            announced=announced,
            usable=usable,
        )
