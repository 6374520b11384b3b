"""Dice and HD95 by a segmenter: a function in its place, and ONNX where onnxruntime is installed."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.evaluation.learned import choose as learned
from transmodal.evaluation.learned.base import CasePair
from transmodal.evaluation.learned.segmenter import (
    METRICS,
    Run,
    SegmentationOverlap,
    Segmenter,
    ValueWindow,
    open_onnx,
)
from transmodal.metrics.regions.overlap import dice, hd95
from transmodal.metrics.table import Row
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

SHAPE = (20, 17, 9)
AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])
FREE = (None, None)
Answer = NDArray[Any]


def bright(images: Answer) -> Answer:
    """Label 1 above 0.5, label 2 above 2.5."""
    labels: Answer = (images > 0.5).astype(np.int64) + (images > 2.5)
    return labels


def segmenter(
    run: Run = bright, size: tuple[int | None, int | None] = FREE, window: ValueWindow | None = None
) -> Segmenter:
    return Segmenter(run, size, "e" * 64, window)


@pytest.fixture
def pair() -> CasePair:
    """Two structures, one of which moved by 2 mm; a third lies outside the mask in the synthetic volume only."""
    reference = np.zeros(SHAPE, np.float32)
    reference[3:7, 3:7, 2:5], reference[12:16, 3:7, 2:5] = 1, 3
    synthetic = np.zeros(SHAPE, np.float32)
    synthetic[3:7, 3:7, 2:5], synthetic[14:18, 3:7, 2:5] = 1, 3
    synthetic[2, 14, 7] = 1
    mask = np.zeros(SHAPE, bool)
    mask[:, :10] = True
    volumes = (Volume(one, AFFINE) for one in (reference, synthetic))
    return CasePair("a", "unet", *volumes, mask, "FA", 1.0)  # type: ignore[misc]


def test_structures_are_compared_inside_the_mask_and_whole(pair: CasePair) -> None:
    judge = SegmentationOverlap(METRICS, segmenter())
    found = judge.measure(pair)
    assert [(one.metric, one.unit, one.protocol.region) for one in found] == [
        ("dice", "1", "mask"), ("hd95", "mm", "mask"), ("dice", "1", "whole"), ("hd95", "mm", "whole"),
    ]  # fmt: skip
    assert found[0].value == pytest.approx((1 + 0.5) / 2)
    assert found[1].value == pytest.approx((0 + 2) / 2)
    first = pair.reference.voxels == 1, pair.synthetic.voxels == 1
    assert found[2].value == pytest.approx((dice(*first) + 0.5) / 2)
    assert found[3].value == pytest.approx((hd95(*first, (1, 2, 3)) + 2) / 2)
    text = found[0].protocol.text()
    assert "segmenter eeeeeeeeeeee, upright axial slices, real units" in text
    assert "the larger of both directed 95th percentiles" in text
    record = judge.record()
    assert record["segmenter_sha256"] == "e" * 64
    assert [(one["region"], one["label"], one["n_synthetic"]) for one in record["structures"]] == [
        ("mask", 1, 48), ("mask", 2, 48), ("whole", 1, 49), ("whole", 2, 48),
    ]  # fmt: skip


def test_identity_is_best_and_moving_away_is_worse(pair: CasePair) -> None:
    judge, found = SegmentationOverlap(METRICS, segmenter()), []
    for step in (0, 1, 2, 3):
        moved = pair.reference.with_voxels(np.roll(pair.reference.voxels, step, axis=0))
        found.append([one.value for one in judge.measure(replace(pair, synthetic=moved, mask=None))])
    dices, distances = zip(*found, strict=True)
    assert (dices[0], distances[0]) == (1, 0)
    assert list(dices) == sorted(dices, reverse=True)
    assert list(distances) == pytest.approx([0, 1, 2, 3])


def test_the_reference_is_segmented_once_per_case(pair: CasePair) -> None:
    calls = []

    def counted(images: Answer) -> Answer:
        calls.append(len(images))
        return bright(images)

    judge = SegmentationOverlap(("dice",), segmenter(counted))
    judge.measure(pair)
    judge.measure(replace(pair, translator="oracle"))
    assert sum(calls) == 3 * SHAPE[2]
    judge.measure(replace(pair, case="b"))
    assert sum(calls) == 5 * SHAPE[2]


def test_where_neither_has_a_structure_there_is_no_figure(pair: CasePair) -> None:
    empty = pair.reference.with_voxels(np.zeros(SHAPE, np.float32))
    (found,) = SegmentationOverlap(("hd95",), segmenter()).measure(
        replace(pair, reference=empty, synthetic=empty, mask=None)
    )
    assert math.isnan(found.value)
    row = Row("a", "p", "unet", found.metric, found.value, found.unit, found.protocol)
    assert (row.to_json()["value"], row.to_json()["note"]) == (
        None,
        "neither image has any of the structures",
    )
    lost = SegmentationOverlap(METRICS, segmenter()).measure(replace(pair, synthetic=empty, mask=None))
    assert [one.value for one in lost] == pytest.approx([0, math.hypot(19, 32, 24)])


def test_slices_are_upright_and_labels_come_back(pair: CasePair) -> None:
    seen = []

    def looked(images: Answer) -> Answer:
        seen.append(images)
        return bright(images)[:, 0]

    lying = reorient(pair.synthetic, "SAR")
    labels = segmenter(looked)(lying)
    assert np.array_equal(labels, bright(lying.voxels))
    upright = np.concatenate(seen)
    assert upright.shape == (9, 1, 17, 20)
    # The lone voxel lies to the right, in front: in the first rows and on the viewer's left... of a RAS scan.
    (place,) = np.argwhere(upright[7, 0] > 0)
    assert place.tolist() == [16 - 14, 19 - 2]


def test_the_window_scales_and_clips(pair: CasePair) -> None:
    seen = []

    def looked(images: Answer) -> Answer:
        seen.append(images)
        return bright(images)

    found = segmenter(looked, window=ValueWindow(-1, 1))
    found(pair.reference)
    assert np.unique(np.concatenate(seen)).tolist() == [0.5, 1.0]
    assert found.text().endswith("-1 to 1 as 0 to 1")


def test_one_channel_per_label_and_a_fixed_size(pair: CasePair) -> None:
    shapes = []

    def scores(images: Answer) -> Answer:
        shapes.append(images.shape[1:])
        labels = bright(images)[:, 0]
        return np.stack([labels == n for n in range(3)], axis=1).astype(np.float32)

    labels = segmenter(scores, size=(32, 24))(pair.reference)
    assert set(shapes) == {(1, 32, 24)}
    assert np.array_equal(labels, bright(pair.reference.voxels))
    with pytest.raises(InputError, match="slices of 17 x 20 pixels; expected at most 16 x 32") as refused:
        segmenter(scores, size=(16, 32))(pair.reference)
    assert refused.value.code == "E130"


@pytest.mark.parametrize(
    "answer",
    [
        lambda images: images,  # one channel of real numbers: where is the threshold?
        lambda images: bright(images) - 1,
        lambda images: bright(images)[:, :, 1:],
        lambda images: np.zeros((len(images), 3, 2, 2), np.float32),
        lambda images: np.zeros((len(images), 3), np.float32),
    ],
)
def test_other_answers_are_refused(pair: CasePair, answer: Callable[[Answer], Answer]) -> None:
    with pytest.raises(InputError, match="a segmenter's answer") as refused:
        segmenter(answer)(pair.reference)
    assert refused.value.code == "E102"


def test_colour_and_bad_values_are_refused(pair: CasePair) -> None:
    colour = Volume(np.zeros((*SHAPE, 3), np.uint8), AFFINE)
    with pytest.raises(InputError) as refused:
        segmenter()(colour)
    bad = pair.reference.with_voxels(np.full(SHAPE, np.inf, np.float32))
    with pytest.raises(InputError) as infinite:
        SegmentationOverlap(METRICS, segmenter()).measure(replace(pair, synthetic=bad))
    assert (refused.value.code, infinite.value.code) == ("E122", "E120")


def test_files_and_windows_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as gone:
        open_onnx(tmp_path / "s.onnx")
    with pytest.raises(UsageError) as window:
        open_onnx(tmp_path / "s.onnx", ValueWindow(1, 1))
    (tmp_path / "s.onnx").write_bytes(b"none")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ResourceError, match=r"transmodal\[export\]") as missing:
        open_onnx(tmp_path / "s.onnx")
    assert [one.value.code for one in (gone, window, missing)] == ["E100", "E001", "E404"]


def written(path: Path, sides: tuple[Any, ...], *, channels: int = 1, outputs: int = 1) -> Path:
    """Write a graph that labels what is above 0.5, by ONNX's own tools."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kinds = onnx.helper, onnx.TensorProto
    batch, *plane = sides
    shape = [batch, channels, *plane]
    nodes = [
        helper.make_node("Greater", ["images", "limit"], ["above"]),
        helper.make_node("Cast", ["above"], ["labels"], to=kinds.INT64),
    ]
    if plane[0] == "odd":  # a graph that takes slices of 8 x 8 alone, and does not say so
        nodes.insert(0, helper.make_node("Reshape", ["raw", "whole"], ["images"]))
    start = "raw" if plane[0] == "odd" else "images"
    made = [helper.make_tensor_value_info("labels", kinds.INT64, None)]
    if outputs == 2:
        made.append(helper.make_tensor_value_info("above", kinds.BOOL, None))
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info(start, kinds.FLOAT, shape)],
        made,
        [
            helper.make_tensor("limit", kinds.FLOAT, [], [0.5]),
            helper.make_tensor("whole", kinds.INT64, [4], [-1, 1, 8, 8]),
        ][: 2 if plane[0] == "odd" else 1],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("sides", [("n", "h", "w"), (1, "h", "w"), ("n", 24, 32)])
def test_onnx_labels_as_its_graph_says(pair: CasePair, tmp_path: Path, sides: tuple[Any, Any, Any]) -> None:
    path = written(tmp_path / "s.onnx", sides)
    chosen = learned.choose(["mae", "dice", "hd95"], {}, segmenter=path, window=(0.0, 2.0), device="cpu")
    (judge,) = chosen.learned.parts
    assert judge.metrics == ("dice", "hd95")
    found = judge.measure(replace(pair, mask=None))
    # 1 of 2 is not above a half; 3 is.
    high = pair.reference.voxels > 1.5, pair.synthetic.voxels > 1.5
    assert found[0].value == pytest.approx(dice(*high))
    assert found[1].value == pytest.approx(hd95(*high, (1, 2, 3)))
    assert len(judge.record()["segmenter_sha256"]) == 64


@pytest.mark.parametrize("sides", [(1, "d", "h", "w"), ("n", 12, 24, 32)])
def test_onnx_may_label_volumes(pair: CasePair, tmp_path: Path, sides: tuple[Any, ...]) -> None:
    whole = open_onnx(written(tmp_path / "v.onnx", sides), ValueWindow(0.0, 2.0))
    assert np.array_equal(whole(pair.reference), pair.reference.voxels > 1.5)
    assert "upright volumes" in whole.text()
    small = open_onnx(written(tmp_path / "t.onnx", (1, 8, 24, 32)))
    with pytest.raises(InputError, match="volumes of 9 x 17 x 20 pixels; expected at most 8 x 24 x 32"):
        small(pair.reference)


def test_volumes_are_upright_from_foot_to_head(pair: CasePair) -> None:
    seen = []

    def look(images: Answer) -> Answer:
        seen.append(images)
        return bright(images)[:, 0]

    whole = Segmenter(look, (None, None, None), "e" * 64)
    turned = reorient(pair.reference, "SLA")
    assert np.array_equal(whole(turned), bright(turned.voxels))
    assert whole(pair.reference).shape == SHAPE
    assert [images.shape for images in seen] == [(1, 1, 9, 17, 20)] * 2
    assert np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("size", [(None, None), (None, None, None)])
def test_contrasts_go_in_together_and_in_order(pair: CasePair, size: tuple[None, ...]) -> None:
    def subtract(images: Answer) -> Answer:
        labels: Answer = (images[:, 0] - images[:, 1] > 0.5).astype(np.int64)
        return labels

    both = Segmenter(subtract, size, "e" * 64, n_contrasts=2)
    first, second = pair.reference, pair.synthetic
    assert np.array_equal(both(first, second), first.voxels - second.voxels > 0.5)
    assert not np.array_equal(both(first, second), both(second, first))
    with pytest.raises(UsageError, match="1 contrasts for a segmenter of 2") as refused:
        both(first)
    assert refused.value.code == "E004"


def test_onnx_says_how_many_contrasts_it_takes(tmp_path: Path) -> None:
    path = written(tmp_path / "s.onnx", ("n", "h", "w"), channels=3)
    assert open_onnx(path).n_contrasts == 3
    with pytest.raises(UsageError, match="segmenter of 3 contrasts") as refused:
        learned.choose(["dice"], {}, segmenter=path, device="cpu")
    assert refused.value.code == "E004"


def test_onnx_of_another_kind_is_refused(pair: CasePair, tmp_path: Path) -> None:
    for n, path in enumerate(
        [
            written(tmp_path / "a.onnx", ("n", "h")),
            written(tmp_path / "b.onnx", ("n", "h", "w"), outputs=2),
        ]
    ):
        with pytest.raises(InputError, match=["1, 'h']", "2 outputs"][n]) as refused:
            open_onnx(path)
        assert refused.value.code == "E102"
    (tmp_path / "c.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match="cannot be run") as none:
        open_onnx(tmp_path / "c.onnx")
    odd = open_onnx(written(tmp_path / "d.onnx", ("n", "odd", "w")))
    with pytest.raises(InputError, match="cannot take ") as size:
        odd(pair.reference)
    assert none.value.code == size.value.code == "E102"
