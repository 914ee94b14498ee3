"""Find what is wrong in a store, and mend it."""
