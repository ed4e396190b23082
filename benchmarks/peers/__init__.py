"""The same work as other simulators do it, one small script each, in that simulator's own way.

`python -m benchmarks peers` runs each script in an environment of its own, which `environments` makes, from the
checkout's root:

    PYTHON -m benchmarks.peers.with_NAME MODEL REQUESTS SEED [VARIANT]

and reads the one line of JSON that it prints (`protocol`). Forebay itself is run in that very way, by `with_forebay`.
Each script makes a tiny run first, so that compiling and loading are not timed, and reads the CPU clock of its process
around the run and the figures that come of it. Nothing here is imported by the package or by a test.
"""
