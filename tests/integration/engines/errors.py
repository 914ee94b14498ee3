"""What makes an engine give up."""


class EngineError(Exception):
    """The engine ends with an error; the text is its own where it has one."""


class SpeaksV2(Exception):
    """The engine found version 2 of the protocol, and would go on with that."""


class Unreachable(OSError):
    """No connection, no TLS, or an end before the head of an answer."""


class Interrupted(OSError):
    """The connection ended before the body did."""
