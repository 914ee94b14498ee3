"""Other registries, as those who pull from them see them."""
