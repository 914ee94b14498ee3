"""Tests of what becomes of faults of the store, by a proxy that makes them."""
