"""How much repositories may hold together."""
