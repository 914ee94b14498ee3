"""Why a folder cannot be written to."""


class TreeRefused(Exception):
    """The folder is not one to be written to now; the text says why."""
