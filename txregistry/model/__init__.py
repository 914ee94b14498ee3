"""Pure values and grammar of the registry: no Twisted, no I/O, no clock."""
