"""Several workers of one daemon, over sockets."""
