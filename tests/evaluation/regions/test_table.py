from __future__ import annotations

import math

from transmodal.evaluation.regions import table
from transmodal.evaluation.regions.figures import RegionValues, without_voxels
from transmodal.evaluation.regions.table import ImageRegion
from transmodal.evaluation.regions.visits import Visit

ANNA, BERT = Visit("anna", "anna", "sub-anna", split="test"), Visit("bert", "bert", "sub-bert")


def rows() -> list[ImageRegion]:
    values = RegionValues(1, 4, 0.5, 0.25, math.nan)
    return [
        ImageRegion(ANNA, "unet", "synthetic", "Left side", values, 2.0),
        ImageRegion(ANNA, "unet", "synthetic", "left-side", without_voxels(2), 2.0),
        ImageRegion(BERT, "unet", "synthetic", "Left side", values._replace(mean=0.75), 2.0),
        ImageRegion(BERT, "unet", "synthetic", "left-side", without_voxels(2), 2.0),
    ]


def test_one_row_per_image_and_region() -> None:
    heading, first, second, *_ = table.long(rows(), "fa")
    assert dict(zip(heading, first, strict=True)) == {
        "participant_id": "sub-anna",
        "session_id": "n/a",
        "case": "anna",
        "split": "test",
        "images": "unet",
        "source": "synthetic",
        "modality": "fa",
        "label": "1",
        "region": "Left side",
        "n_voxels": "4",
        "volume": "8",
        "mean": "0.5",
        "median": "0.25",
        "std": "n/a",
    }
    assert second[-4:] == ("0", "n/a", "n/a", "n/a")


def test_one_row_per_participant() -> None:
    (images,) = table.group(rows())
    assert table.column_names(images) == {"Left side": "left_side_1", "left-side": "left_side_2"}
    heading, anna, _ = table.wide(images)
    assert heading[:5] == (
        "participant_id",
        "left_side_1_mean",
        "left_side_1_median",
        "left_side_1_std",
        "left_side_1_volume",
    )
    assert anna[:5] == ("sub-anna", "0.5", "0.25", "n/a", "8")
    assert images.figures("mean")["Left side"] == {"sub-anna": 0.5, "sub-bert": 0.75}


def test_what_is_known_stands_before_the_figures() -> None:
    (images,) = table.group(rows())
    known = {"sub-anna": {"age": "30"}, "sub-bert": {"age": ""}}
    heading, anna, bert = table.beside_participants(images, ["age"], known, "mean")
    assert heading == ("participant_id", "age", "left_side_1_mean", "left_side_2_mean")
    assert (anna, bert) == (("sub-anna", "30", "0.5", "n/a"), ("sub-bert", "n/a", "0.75", "n/a"))
    assert table.text([heading, anna]).endswith("sub-anna\t30\t0.5\tn/a\n")


def test_sets_and_sessions_have_tables_of_their_own() -> None:
    other = [row._replace(images="my net", visit=row.visit._replace(session="2")) for row in rows()]
    assert [images.stem for images in table.group([*rows(), *other])] == ["unet", "my-net_ses-2"]
