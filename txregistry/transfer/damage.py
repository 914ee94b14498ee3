"""What can be wrong with a tree that is imported."""


class TreeUnavailable(Exception):
    """The tree cannot be read, or is none."""


class Damaged(Exception):
    """Something in a tree cannot be taken; the text says why."""
