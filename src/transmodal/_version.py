"""The version, which `pyproject.toml` states too; results, sidecars and headers carry it."""

__version__ = "0.1.0"
