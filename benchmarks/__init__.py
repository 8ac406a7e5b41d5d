"""Benchmarks: each compares the bridge with something bare in the same run. See docs/benchmarks.md."""
