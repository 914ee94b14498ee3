"""HTTP on one side, the registry on the other."""
