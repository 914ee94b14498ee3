"""What a process takes of its machine, as its kernel tells it.

The names are those that every program has that Prometheus collects from.

Source: prometheus/client_golang, ``process_collector.go``; proc(5).
"""

import os
import time
from typing import Final

from txregistry.metrics.families import Family, Kind, one

_STATM: Final = "/proc/self/statm"
_DESCRIPTORS: Final = "/proc/self/fd"


def process_families() -> list[Family]:
    """Give what this process takes; nothing of what the kernel does not tell."""
    found = [
        one(
            "process_cpu_seconds_total",
            Kind.COUNTER,
            "Seconds of processors that were used.",
            time.process_time(),
        )
    ]
    try:
        with open(_STATM, "rb") as file:
            pages = int(file.read().split()[1])
        descriptors = len(os.listdir(_DESCRIPTORS)) - 1  # but for that of the folder
    except OSError:
        return found
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    return [
        *found,
        one(
            "process_resident_memory_bytes",
            Kind.EACH,
            "Memory that is resident.",
            memory,
        ),
        one(
            "process_open_fds",
            Kind.EACH,
            "Files and sockets that are open.",
            descriptors,
        ),
    ]
