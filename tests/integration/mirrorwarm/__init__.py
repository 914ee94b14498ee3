"""Tests of what a mirror fetches before anybody asks."""
