"""Scores, oracles, tables and reports."""
