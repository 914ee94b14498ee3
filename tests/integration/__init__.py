"""Tests with real sockets, files, processes and clients."""
