"""Tests: they mirror ``txregistry/``."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "txregistry",
    database=None,  # a run leaves nothing behind
    deadline=None,  # a machine may be busy
    suppress_health_check=[HealthCheck.differing_executors],  # contracts are inherited
)
settings.load_profile("txregistry")
