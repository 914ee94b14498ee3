"""Work that is broken off at each of its writes, on every store."""
