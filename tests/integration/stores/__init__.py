"""Remote stores, read over real sockets from a real service."""
