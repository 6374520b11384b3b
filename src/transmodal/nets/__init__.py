"""Blocks and networks that two papers or more share."""
