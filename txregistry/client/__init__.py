"""Other registries, and somebody else's Index, as seen from here."""
