"""Tests of Docker Registry API v1 over HTTP, in memory."""
