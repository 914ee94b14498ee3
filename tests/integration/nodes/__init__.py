"""Tests of several registries on one store, behind a balancer."""
