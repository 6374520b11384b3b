"""List the translators."""

from __future__ import annotations

EXAMPLES = "Example:  transmodal translators"


def run() -> None:
    """List the translators that recipes can name."""
    from transmodal import translators

    for name in translators.names():
        print(name)
