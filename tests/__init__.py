"""Tests: they mirror ``txregistry/``."""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "txregistry",
    database=None,  # a run leaves nothing behind
    deadline=None,  # a machine may be busy
    suppress_health_check=[HealthCheck.differing_executors],  # contracts are inherited
)
settings.load_profile("txregistry")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell started us deaf to it; so would be the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
