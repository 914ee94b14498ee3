"""Benchmarks: this registry and a peer, side by side, as ratios.

Run it from the top of a checkout::

    python -m tests.benchmarks            # everything: about an hour with a peer
    python -m tests.benchmarks --quick    # each kind once or twice: what CI runs
    python -m tests.benchmarks --only 'push 100 MiB' --rounds 9 --json push.json

The peer is CNCF Distribution 3 if its program ``registry`` is on the PATH::

    go install github.com/distribution/distribution/v3/cmd/registry@latest

It gets the settings of its official image (in-memory cache of descriptors, no tracing);
neither side writes an access log. Any other registry is a command line, in which
``{port}``, ``{directory}`` and ``{config}`` (a configuration for Distribution) are
filled in::

    python -m tests.benchmarks --peer 'other-registry -p {port} -d {directory}'

``--this`` does the same for our own side, to compare two settings of this registry, or
two peers. Without a peer this registry is measured alone.

What is measured: pushes with a known length (POST, PUT) and in chunks as docker sends
them (POST, PATCH, PUT), pulls, small requests, lists of tags and the catalog, start-up;
with each, the CPU time of server and client, and the server's peak memory.

How: both sides take turns, A, B, A, B, each time as a new process on a new directory,
so a disturbance of the machine meets both. (Lists are the exception: one store is
written, which both read in turn.) The table shows medians over the rounds, their ratio,
and the least and greatest ratio of a round: a difference within that spread is noise.
CPU time is counted in steps of 10 ms, which short cells show. Nothing here passes or
fails by the clock: the exit status is 1 only if this registry gave a wrong answer, or
did not start.

The clients are made to be cheap: bodies are sent by ``sendfile`` from memory and thrown
away by the kernel (``MSG_TRUNC``), requests are bytes made beforehand. They still share
the machine with the server; the rows "client CPU" say how much they took. Pulls are
measured with curl too, which copies as real clients do. Everything needs Linux.

Some programs share its parts. ``python -m tests.benchmarks.goals`` says of each goal of
speed whether it is met, beside Distribution and zot, with a client written in Go. There
are ``python -m tests.benchmarks.versions`` and
``python -m tests.benchmarks.mutual`` for client certificates. Clients that speak TLS
have to decrypt what they get, which no trick makes cheap: there, look at "server CPU".
"""
