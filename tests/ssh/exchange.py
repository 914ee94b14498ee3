"""What a command takes and gives, in memory."""

from zope.interface import implementer

from txregistry.ssh.interfaces import IExchange
from txregistry.streams import CHUNK, BytesReader, IReader


@implementer(IExchange)
class MemoryExchange:
    """Give a command some bytes, and keep what it gives.

    Args:
        given: What the client sends.
    """

    def __init__(self, given: bytes = b"") -> None:
        self.given = given
        self.got = b""

    def receive(self) -> IReader:
        """See `IExchange`."""
        return BytesReader(self.given)

    async def send(self, reader: IReader) -> None:
        """See `IExchange`."""
        try:
            while data := await reader.read(CHUNK):
                self.got += data
        finally:
            await reader.close()
