"""Text that somebody else wrote, made safe to be shown in a line."""


def printable(text: str) -> str:
    """Escape what would end a line, or make a terminal do something."""
    if text.isprintable():
        return text
    return text.encode("unicode_escape").decode("ascii")
