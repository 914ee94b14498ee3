"""TLS of the server: its files, and connections that know who is there."""
