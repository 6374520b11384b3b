"""What words name becomes layers: modalities, marks, spreads, and what a run makes of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import transmodal
from transmodal.commands._viewing import ViewRequest, scene_of
from transmodal.errors import UsageError
from transmodal.inference import load
from transmodal.viewing.server import PageServer
from transmodal.volumes import Volume, io

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "view.md"
RAMP = np.arange(120, dtype=np.float32).reshape(4, 5, 6)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, voxels: np.ndarray = RAMP, record: dict[str, object] | None = None) -> None:
    io.write(Volume(voxels, np.eye(4)), Path(name))
    if record is not None:
        Path(name.split(".")[0] + ".json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("word", "name", "modality"),
    [
        ("a.nii.gz", "a.nii.gz", ""),
        ("fa=a.nii.gz", "fa", "fa"),
        ("mine=sub-1_T1w.nii.gz", "mine", "t1"),
        ("anna_t1_fa.nii.gz", "anna_t1_fa.nii.gz", "fa"),
        ("x=y=a.nii.gz", "", ""),
    ],
)
def test_names_say_the_modality(word: str, name: str, modality: str, place: Path) -> None:
    for file in ("a.nii.gz", "sub-1_T1w.nii.gz", "anna_t1_fa.nii.gz"):
        write(file)
    if not name:
        write("x=y=a.nii.gz")
        name = "x=y=a.nii.gz"
    (layer,) = scene_of(ViewRequest([word])).layers
    assert (layer.name, layer.modality, layer.is_synthetic) == (name, modality, False)


def test_a_sidecar_says_what_is_synthetic_and_its_modality(place: Path) -> None:
    write("a.mha", record={"synthetic": True, "target": "ct", "PatientName": "DOE"})
    (layer,) = scene_of(ViewRequest(["a.mha"], has_file_names=False)).layers
    assert (layer.name, layer.modality, layer.is_synthetic) == ("volume 1, CT", "ct", True)
    Path("a.json").write_text("{")
    assert not scene_of(ViewRequest(["a.mha"])).layers[0].is_synthetic
    Path("a.json").write_text('{"target": "ct"}')  # a JSON file of another tool
    assert scene_of(ViewRequest(["a.mha"])).layers[0].modality == ""


def test_the_spread_beside_a_volume_comes_with_it_once(place: Path) -> None:
    write("a.nii.gz", record={"synthetic": True, "target": "fa"})
    write("a_plane_disagreement.nii.gz")
    first, spread = scene_of(ViewRequest(["a.nii.gz"])).layers
    assert (spread.name, spread.role, spread.modality) == (
        "a.nii.gz: disagreement of its passes",
        "spread",
        "fa",
    )
    assert first.role == "volume"
    layers = scene_of(ViewRequest(["a.nii.gz", "a_plane_disagreement.nii.gz"])).layers
    assert [layer.role for layer in layers] == ["volume", "spread"]


def test_colour_stays_and_grey_in_three_channels_is_grey(place: Path) -> None:
    colour = np.zeros((4, 5, 6, 3), np.uint8)
    write("grey.nii.gz", colour)
    colour[..., 1] = 200
    write("colour.nii.gz", colour)
    grey, green = scene_of(ViewRequest(["grey.nii.gz", "colour.nii.gz"])).layers
    assert (grey.volume.is_colour, green.volume.is_colour, green.modality) == (False, True, "colour")


def test_a_run_translates_what_is_shown(folders: Path) -> None:
    source, synthetic = scene_of(ViewRequest(["source-t1.nii.gz"], run=Path("run"), gate="off")).layers[:2]
    assert (synthetic.modality, synthetic.is_synthetic, source.is_synthetic) == ("fa", True, False)
    assert synthetic.volume.grid == source.volume.grid
    with pytest.raises(UsageError, match="t1=PATH") as refused:
        scene_of(ViewRequest(["fa=source-t1.nii.gz", "ct=source-t1.nii.gz"], run=Path("run"), gate="off"))
    assert refused.value.code == "E004"


def test_where_the_passes_of_a_run_disagree_is_shown(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load.load("run").with_axes(("x", "y", "z"))
    monkeypatch.setattr(load, "load", lambda _: model)
    request = ViewRequest(["source-t1.nii.gz"], run=Path("run"), gate="off", has_difference=True)
    scene = scene_of(request)
    assert [layer.role for layer in scene.layers] == ["volume", "volume", "spread", "difference"]
    assert scene.layers[2].name == "FA by unet_regression: disagreement of its passes"
    assert scene.over == 3


def test_python_of_the_page_writes_a_page(place: Path) -> None:
    write("t1.nii.gz")
    write("fa.nii.gz", RAMP / 120)
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert names["page"] == Path("t1-and-fa.html")
    assert '"name": "fa"' in (place / "t1-and-fa.html").read_text(encoding="utf-8")


def test_without_an_output_a_page_is_served_and_announced(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("t1.nii.gz")
    served: list[str] = []
    monkeypatch.setattr(PageServer, "serve", lambda server: served.append(server.address))
    announced: list[str] = []
    assert transmodal.view(place / "t1.nii.gz", browser=False, announce=announced.append) is None
    assert announced == served
