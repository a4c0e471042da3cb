"""Benchmarks: `python -m benchmarks` measures Overbar beside its peers."""
