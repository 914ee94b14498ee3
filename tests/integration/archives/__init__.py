"""Real clients save archives and load ours."""
