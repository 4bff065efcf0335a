"""The kernel beside its peers: `python -m tests.benchmarks.kernel`."""
