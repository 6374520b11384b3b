"""Synthesise the medical image that is missing from the one that is there."""
