"""Programs that let a registry work for long, and look what becomes of it."""
