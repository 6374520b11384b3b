"""What a sidecar records is enough to translate again, or it is said what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from transmodal.errors import InputError
from transmodal.inference.passes import Passes
from transmodal.inference.provenance.recorded import parse
from transmodal.inference.provenance.sidecar import Sidecar

CONTENT: dict[str, Any] = {
    "synthetic": True,
    "passes": {"axes": ["x", "z"], "fuse": "median", "draws": 3},
    "batch": 4,
    "translate_with": "running",
    "environment": {"device": "cpu", "threads": 2, "versions": {}},
    "sources": {"t1": {"voxels_sha256": "v", "affine_sha256": "a", "shape": [1, 2, 3]}},
    "reading": {"nonfinite": "zero", "frame": 2},
    "image": {"name": "fa.nii.gz", "sha256": "i"},
}


def sidecar(**changes: Any) -> Sidecar:  # noqa: ANN401  # JSON
    content = {name: value for name, value in {**CONTENT, **changes}.items() if value is not None}
    return Sidecar(Path("fa.json"), content, None)


def test_settings_come_back_as_they_were_recorded() -> None:
    settings = parse(sidecar())
    assert settings.passes_of(has_axes=True) == Passes(("x", "z"), "median", 3, "running")
    assert settings.passes_of(has_axes=False).axes is None
    assert (settings.batch, settings.environment.threads) == (4, 2)
    assert (settings.reading.nonfinite, settings.reading.frame, settings.reading.series) == ("zero", 2, None)
    assert settings.engine == "torch"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"environment": None}, "environment"),
        ({"batch": None}, "batch"),
        ({"image": None}, "image"),
        ({"passes": {"axes": ["z"]}}, "passes.fuse"),
        ({"passes": {"axes": ["q"], "fuse": "mean"}}, "passes.axes.0"),
        ({"environment": {"device": "cpu", "threads": 0}}, "environment.threads"),
        ({"reading": {"frame": "2"}}, "reading.frame"),
    ],
)
def test_a_setting_that_lacks_or_cannot_be_is_named(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError, match=f"does not record {place} of its translation") as caught:
        parse(sidecar(**changes))
    assert caught.value.code == "E102"
