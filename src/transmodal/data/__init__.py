"""Torch datasets over prepared cohorts."""
