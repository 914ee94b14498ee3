"""OpenSSH's client talks to our own SSH server, and to OpenSSH's with our command."""
