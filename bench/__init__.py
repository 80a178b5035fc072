"""Benchmarks: each figure of the design by one command, medians with their spread."""
