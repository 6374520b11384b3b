"""Prepared cohorts: cases, manifest, split and store."""
