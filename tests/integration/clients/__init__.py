"""Tests with the programs that people push and pull with."""
