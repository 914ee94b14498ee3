"""What twistd loads first: the service, as quickly as that can be."""

from txregistry.heap import loading

with loading():
    from txregistry.service import Options, makeService

__all__ = ["Options", "makeService"]
