"""Names of metrics, checked before anything is trained, fitted or scored."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from transmodal.errors import UsageError, suggest


def check_names(names: Sequence[str], valid: Collection[str]) -> None:
    """Refuse a metric that is not known, with the nearest name that is.

    Raises:
        UsageError: E001 without a name, E002 for a name that is not known.
    """
    if not names:
        raise UsageError("E001", "no metric", f"some of {', '.join(valid)}", "Name a metric, such as mae.")
    for name in names:
        if name not in valid:
            hint = suggest(name.lower(), valid, "Choose among these.", cutoff=0.5)
            raise UsageError("E002", f"the metric {name!r}", f"one of {', '.join(valid)}", hint)
