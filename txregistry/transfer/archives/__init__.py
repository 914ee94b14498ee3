"""Images as one file: what engines save and load, and OCI layouts in a tar archive."""
