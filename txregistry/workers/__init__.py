"""Several processes that serve at the same ports, and who looks after them."""
