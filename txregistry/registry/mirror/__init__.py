"""Content of other registries, which is fetched when it is asked for, and kept."""
