"""Benchmarks: they print ratios and assert no times."""
