"""Benchmarks: each prints ratios taken in one run, against the goals of the design. Times decide nothing: they inform."""
