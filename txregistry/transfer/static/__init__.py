"""Folders that a plain web server, or nothing at all, serves images from."""
