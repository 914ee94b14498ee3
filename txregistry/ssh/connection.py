"""The channels of one connection: each for one command, and none for anything else.

Source: RFC 4254, sections 4 to 6.
"""

import struct
from typing import Final

from twisted.conch.error import ConchError
from twisted.conch.ssh.connection import (
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    SSHConnection,
)
from twisted.logger import Logger

from txregistry.model.printable import printable
from txregistry.ssh.channel import CommandChannel
from txregistry.ssh.transport import UNHEARD, ProtocolError, RegistryTransport

_DATA: Final = 94
_SESSION: Final = b"session"
_FORWARDING: Final = frozenset({b"tcpip-forward", b"streamlocal-forward@openssh.com"})
_LEAST_PACKET: Final = 4096
"""Bytes that a client must take at once: crumbs would keep a processor busy."""
_SHOWN: Final = 80


class RegistryConnection(SSHConnection):
    """The channels of a client that is known."""

    _log = Logger(observer=UNHEARD)
    _own_log = Logger(namespace="txregistry.ssh")

    transport: RegistryTransport
    channels: dict[int, CommandChannel]

    @property
    def is_working(self) -> bool:
        """Whether something is done that does not wait for the client."""
        return any(each.is_working for each in self.channels.values())

    @property
    def is_busy(self) -> bool:
        """Whether something is done at all."""
        return any(each.is_busy for each in self.channels.values())

    def steer(self) -> None:
        """Let channels send, or not."""
        for each in list(self.channels.values()):
            each.steer()

    def getChannel(
        self,
        channelType: bytes,
        windowSize: int,
        maxPacket: int,
        data: bytes,
    ) -> CommandChannel:
        """Open a channel.

        Raises:
            ConchError: it is for something that there is not, or one too many.
        """
        del data
        if channelType != _SESSION:
            self.refuse("a channel", channelType)
            raise ConchError(
                "there are commands here, and nothing else",
                OPEN_ADMINISTRATIVELY_PROHIBITED,
            )
        if len(self.channels) >= self.transport.factory.limits.channels:
            self.refuse("one channel more than", _SESSION)
            raise ConchError("too many channels", OPEN_RESOURCE_SHORTAGE)
        if maxPacket < _LEAST_PACKET:
            raise ConchError("the packets are too small", OPEN_RESOURCE_SHORTAGE)
        return CommandChannel(self, windowSize, maxPacket)

    def gotGlobalRequest(
        self,
        requestType: bytes,
        data: bytes,
    ) -> int:
        """Refuse what is asked of the connection as a whole: all there is to that."""
        del data
        if requestType in _FORWARDING:
            self.refuse("forwarding", requestType)
        return 0

    def sendData(self, channel: CommandChannel, data: memoryview) -> None:
        """Send data, of which the client has room for as much."""
        if not channel.localClosed:
            number = self.channelsToRemoteChannel[channel]
            head = struct.pack(">BLL", _DATA, number, len(data))
            self.transport.send_data(head, data)

    def ssh_CHANNEL_DATA(self, packet: bytes) -> None:
        """Take data, of which there is no more than room was given for.

        Raises:
            ProtocolError: there is.
        """
        number, size = struct.unpack(">2L", packet[:8])
        channel = self.channels[number]
        if (
            size != len(packet) - 8
            or size > channel.localWindowLeft
            or size > channel.localMaxPacket
        ):
            raise ProtocolError("it sent more than it was allowed to")
        channel.localWindowLeft -= size
        self.transport.touch()
        channel.dataReceived(packet[8:])

    def ssh_CHANNEL_EXTENDED_DATA(self, packet: bytes) -> None:
        """Refuse data beside the data: clients have none.

        Raises:
            ProtocolError: always.
        """
        del packet
        raise ProtocolError("it sent data of a kind that only servers send")

    def refuse(self, what: str, named: bytes) -> None:
        """Tell that somebody wanted what there is not."""
        known = self.transport.known
        self._own_log.info(
            "{peer} {who} was refused {what} by SSH: {named}",
            peer=self.transport.peer,
            who=printable(known.name) if known else "",
            what=what,
            named=printable(named[:_SHOWN].decode("latin-1")),
        )
