"""Objects under keys; knows nothing of a repository's rules."""
