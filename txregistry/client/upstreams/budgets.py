"""What upstreams say of how much they let us ask.

Sources: Docker Hub, "Usage and rate limits"; the IETF's drafts "RateLimit header fields
for HTTP" up to 07, and from 08 on; RFC 9110, section 10.2.3.
"""

import re
from email.utils import parsedate_to_datetime
from typing import Final

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.interfaces import Budget

_NUMBER: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_COUNT: Final = re.compile(
    r"[ ]*([0-9]{1,12})(?:[ ]*;[ ]*w=([0-9]{1,9}))?[ ]*(?=[,;]|$)", re.ASCII
)
_ITEM: Final = re.compile(r'[ ]*"?[\w.-]*"?((?:[ ]*;[ ]*[a-z]+=[^;,]*)+)', re.ASCII)
_PARAMETER: Final = re.compile(r";[ ]*([a-z]+)=[ ]*([0-9]{1,12})", re.ASCII)
_LONGEST: Final = 512


def read_budget(answer: Answer, now: float) -> Budget | None:
    """Read what is left of the requests that we may make.

    Args:
        answer: What the upstream answered.
        now: When that was.

    Returns:
        That; None where the upstream does not say.
    """
    limit, window = _count(answer.header("ratelimit-limit"))
    remaining, same_window = _count(answer.header("ratelimit-remaining"))
    if limit is not None and remaining is not None:
        reset = _number(answer.header("ratelimit-reset"))
        return Budget(limit, remaining, float(window or same_window or reset or 0), now)
    policy = _item(answer.header("ratelimit-policy"))
    left = _item(answer.header("ratelimit"))
    if "q" in policy and "r" in left:
        lasts = policy.get("w") or left.get("t") or 0
        return Budget(policy["q"], left["r"], float(lasts), now)
    if "limit" in left and "remaining" in left:
        return Budget(
            left["limit"], left["remaining"], float(left.get("reset", 0)), now
        )
    return None


def retry_after(answer: Answer) -> float | None:
    """Read after how many seconds it may be worth to ask again; None if not said.

    A date is compared with the date of the answer itself: two clocks may differ.
    """
    text = answer.header("retry-after").strip()
    seconds = _number(text)
    if seconds is not None:
        return float(seconds)
    try:
        later = parsedate_to_datetime(text[:_LONGEST])
        since = parsedate_to_datetime(answer.header("date")[:_LONGEST])
        return max(0.0, (later - since).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text.strip()) else None


def _count(text: str) -> tuple[int | None, int | None]:
    """Read a number of requests, and for how many seconds: ``100;w=21600``."""
    match = _COUNT.match(text)
    if match is None:
        return None, None
    return int(match[1]), int(match[2]) if match[2] else None


def _item(text: str) -> dict[str, int]:
    """Read the numbers of the first item: ``"default";r=50`` or ``limit=100, ...``."""
    text = text[:_LONGEST]
    match = _ITEM.match(text)
    if match is not None:
        return {name: int(value) for name, value in _PARAMETER.findall(match[1])}
    found = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if (number := _number(value)) is not None:
            found[name] = number
    return found
