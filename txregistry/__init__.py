"""A container registry that a small team can own: a Twisted daemon."""
