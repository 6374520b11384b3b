"""Benchmark: many translators, one cohort, one protocol."""
