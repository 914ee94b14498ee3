"""What a node serves, and how long a crowd waits at mirrors.

Run it from the top of a checkout::

    python -m tests.benchmarks.capacity --cores 4 --network 10 --disk 1000
    python -m tests.benchmarks.capacity --crowd 1000 --image 3072 --origin 1
    python -m tests.benchmarks.capacity --measure here.json
    python -m tests.benchmarks.capacity --costs here.json --cores 4
    python -m tests.benchmarks.capacity --check

The first line computes from costs what a node serves, and what holds it up. The second
one simulates hosts that all pull one image at once through mirrors. ``--measure``
measures the costs on this machine, where ``costs.json`` has those of ours; it needs Go,
and Swift (see ``TXREGISTRY_SWIFT_PYTHON``). ``--check`` lets real daemons do what the
computed ones did: three nodes on one store behind HAProxy, and two mirrors with thirty
clients; it prints how wrong the model was. See ``docs/capacity.md``.
"""
