"""Recipes: YAML that reproduces a result."""
