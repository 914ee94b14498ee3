"""The registry over SSH: by our own server, and as a forced command of OpenSSH's."""
