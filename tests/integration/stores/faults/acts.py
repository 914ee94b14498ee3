"""What a store, or what lies before it, does wrong with a request."""

from tests.integration.stores.faults.exchange import Exchange, Held
from tests.integration.stores.faults.proxy import Act

_GARBAGE = b"\x00\xff<html>no HTTP\r\n\r\n" * 3
_DRIP = 0.002
_SLOW = 0.05
_NO_CONTENT = 204


async def delay(exchange: Exchange) -> None:
    """Answer a while later."""
    await exchange.pass_on()
    answer = await exchange.fetch()
    await exchange.wait(_SLOW)
    await exchange.send(answer.raw)


async def drip(exchange: Exchange) -> None:
    """Answer byte by byte, and the rest of what is long at last."""
    await exchange.pass_on()
    raw = (await exchange.fetch()).raw
    for place in range(min(len(raw), 20)):
        await exchange.send(raw[place : place + 1])
        await exchange.wait(_DRIP)
    await exchange.send(raw[20:])


async def promise(exchange: Exchange) -> None:
    """Say twice that the answer follows, and let it follow."""
    await exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 2)
    await exchange.relay()


async def silence(exchange: Exchange) -> None:
    """Do not even read the request."""
    await exchange.silence()


async def only_promise(exchange: Exchange) -> None:
    """Say that the answer follows, and never give it."""
    await exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    await exchange.silence()


async def cut(exchange: Exchange) -> None:
    """End the connection before the service has anything."""
    exchange.cut()


async def reset(exchange: Exchange) -> None:
    """The same, as if the machine had gone."""
    exchange.reset()


async def cut_in_body(exchange: Exchange) -> None:
    """End the connection when the service has half of the request's body."""
    length = exchange.head.length
    await exchange.pass_on(8 if length is None else length // 2)
    exchange.cut()


async def garbage(exchange: Exchange) -> None:
    """Answer what is no HTTP."""
    await exchange.drain()
    await exchange.send(_GARBAGE)
    exchange.end()


async def half_a_head(exchange: Exchange) -> None:
    """Answer half of the header fields."""
    await exchange.pass_on()
    raw = (await exchange.fetch()).head.raw
    await exchange.send(raw[: len(raw) // 2])
    exchange.cut()


async def forbid(exchange: Exchange) -> None:
    """Say that nobody may."""
    await exchange.drain()
    await exchange.answer(403)


async def deny(exchange: Exchange) -> None:
    """Say that there is nothing."""
    await exchange.drain()
    await exchange.answer(404)


def answer(status: int, fields: str = "") -> Act:
    """Say that it does not work, without having done anything."""

    async def act(exchange: Exchange) -> None:
        await exchange.drain()
        await exchange.answer(status, b"Sorry", fields)

    return act


def answer_early(status: int) -> Act:
    """The same, without taking the request's body."""

    async def act(exchange: Exchange) -> None:
        await exchange.answer(status, b"Sorry", connection="close")

    return act


async def done_and_cut(exchange: Exchange) -> None:
    """Do it, and end the connection instead of an answer."""
    await exchange.pass_on()
    await exchange.fetch()
    exchange.cut()


async def done_and_silent(exchange: Exchange) -> None:
    """Do it, and never answer."""
    await exchange.pass_on()
    await exchange.fetch()
    await exchange.silence()


def done_and_answer(status: int, fields: str = "") -> Act:
    """Do it, and say that it does not work."""

    async def act(exchange: Exchange) -> None:
        await exchange.pass_on()
        await exchange.fetch()
        await exchange.answer(status, b"Sorry", fields)

    return act


async def truncate(exchange: Exchange) -> None:
    """Do it, and end the connection in the middle of the answer's body."""
    await exchange.pass_on()
    found = await exchange.fetch()
    whole = b"".join(found.pieces)
    head = found.head.raw
    if not whole and exchange.method != "HEAD":
        head = head.replace(b"Content-Length: 0\r\n", b"Content-Length: 9\r\n")
    await exchange.send(head + whole[: len(whole) // 2])
    exchange.cut()


async def truncate_chunks(exchange: Exchange) -> None:
    """Do it, and answer in chunks that have no end; or cut, where there is no body."""
    await exchange.pass_on()
    found = await exchange.fetch()
    if exchange.method == "HEAD" or exchange.status == _NO_CONTENT:
        exchange.cut()
        return
    if found.head.is_chunked:
        content = b"".join(found.pieces)[:-5]  # all but the last one, which is empty
    else:
        whole = b"".join(found.pieces)
        content = b"%x\r\n%b\r\n" % (len(whole), whole) if whole else b""
    fields = "".join(
        f"{name}: {text}\r\n"
        for name, text in found.head.fields
        if name.lower() not in {"content-length", "transfer-encoding"}
    )
    head = f"{found.head.line}\r\n{fields}Transfer-Encoding: chunked\r\n\r\n"
    await exchange.send(head.encode("latin-1") + content)
    exchange.cut()


async def stall(exchange: Exchange) -> None:
    """Do it, and stop in the middle of the answer."""
    await exchange.pass_on()
    found = await exchange.fetch()
    raw = found.raw
    await exchange.send(raw[: max(len(raw) - 1 - found.size // 2, 1)])
    await exchange.silence()


class HoldBack:
    """Keep a request back until the client has given up, and longer.

    Attributes:
        held: The request, once there is one.
    """

    def __init__(self) -> None:
        self.held: Held | None = None

    async def __call__(self, exchange: Exchange) -> None:
        """See `Act`."""
        self.held = await exchange.hold()
        await exchange.silence()
