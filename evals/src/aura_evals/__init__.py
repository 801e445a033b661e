"""Measures AURA: suites of quality on pinned data, and benchmarks of speed. Its command is `aura-evals`."""
