"""Performance beside peers: the same work, in one run. `make bench` writes docs/performance.md and .json."""
