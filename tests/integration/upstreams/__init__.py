"""Registries behind a mirror, over real sockets; some of them lie."""
