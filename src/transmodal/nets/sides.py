"""Windows that a network or a loss cannot take are refused before anything runs."""

from __future__ import annotations

from torch import Tensor

from transmodal.errors import UsageError


def check_sides(images: Tensor, least: int, judge: str, or_else: str = "") -> None:
    """Refuse images that are too small.

    Args:
        images: `(B, C, *S)`.
        least: shortest side that will do.
        judge: what needs it.
        or_else: another way out than larger windows, such as `fewer settings.levels`.

    Raises:
        UsageError: E004.
    """
    if min(images.shape[2:]) < least:
        raise UsageError(
            "E004",
            f"windows of {tuple(images.shape[2:])}, too small for {judge}",
            f"sides of {least} or more",
            f"Set a larger windows.size{f', or {or_else}' if or_else else ''}.",
        )
