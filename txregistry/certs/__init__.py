"""A small authority, for trying client certificates out."""
