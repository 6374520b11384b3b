"""Figures on numpy arrays, each with its protocol."""
