"""Reading everything time and again, to find what has rotted."""
