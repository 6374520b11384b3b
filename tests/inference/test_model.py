"""A model on volumes from anywhere: grids, regions, units, records and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from stand_ins import StandIn
from transmodal.data.loader import seed_of
from transmodal.errors import InputError, UsageError
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import TranslatorConfig
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensityMap, IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting


class MeanOfSources(StandIn):
    """Averages its channels; remembers what it was shown."""

    output_range = "signed"

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        self.check(source, available)
        assert not self.training
        return source.mean(dim=1, keepdim=True).expand(-1, self.config.target_channels, *source.shape[2:])


FA = IntensitySpec("window", 0.0, 1.0)


def fa_map() -> IntensityMap:
    return fit(FA, np.zeros((1, 1, 1)))


def model(
    sources: tuple[str, ...] = ("t1",), target: str = "fa", target_map: IntensityMap | None = None
) -> Model:
    recipe = Recipe.model_validate(
        {
            "name": "mean",
            "translator": "unet_regression",
            "task": {"source": list(sources), "target": target},
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
    )
    preprocessing = Preprocessing(
        sources=sources,
        target=target,
        spacing_mm=None,
        region="whole",
        specs=dict.fromkeys(sources, IntensitySpec("minmax")),
        cutting=Cutting("slice"),
        axes=(2,),
        fuse="mean",
        batch=4,
        target_map=target_map or fa_map(),
    )
    config = TranslatorConfig(
        source_channels=(1,) * len(sources), target_channels=3 if target == "colour" else 1
    )
    return Model(
        MeanOfSources(config).eval(), recipe, preprocessing, "0" * 64, {"seed": 1}, torch.device("cpu")
    )


def ramp(
    shape: tuple[int, int, int] = (7, 6, 5), spacing: tuple[float, float, float] = (1.5, 2.0, 3.0)
) -> Volume:
    voxels = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (5, -3, 2)
    return Volume(voxels, affine)


def test_output_is_in_real_units_on_the_sources_grid() -> None:
    source = ramp()
    translation = model().translate(source)
    np.testing.assert_allclose(translation.volume.voxels, source.voxels / source.voxels.max(), atol=1e-6)
    assert translation.volume.grid == source.grid
    assert translation.disagreement is None
    assert translation.record["synthetic"] is True
    assert translation.record["checkpoint"]["seed"] == 1
    assert translation.record["sources"]["t1"]["spacing_mm"] == [1.5, 2.0, 3.0]


def test_several_axes_and_fusing_are_the_callers_choice() -> None:
    done: list[tuple[int, int]] = []
    translation = model().translate(
        ramp(), axes=("x", "y", "z"), fuse="median", advance=lambda now, of: done.append((now, of))
    )
    assert done[-1] == (18, 18)
    assert translation.disagreement is not None
    assert float(np.abs(translation.disagreement.voxels).max()) < 1e-6
    assert translation.record["passes"] == {"axes": ["x", "y", "z"], "fuse": "median"}


class Drawing(MeanOfSources):
    """Adds to each window what its seed says, 0 to 0.2 in real units."""

    draws = True

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        assert noise is not None
        return source.mean(dim=1, keepdim=True) * 0 + (noise % 5).view(-1, 1, 1, 1) / 10


def test_several_draws_are_fused_and_their_spread_is_given() -> None:
    trained = replace(model(), translator=Drawing(model().translator.config).eval())
    one, three = trained.translate(ramp()), trained.with_draws(3).translate(ramp())
    assert one.disagreement is None
    assert "draws" not in one.record["passes"]
    assert three.record["passes"] == {"axes": ["z"], "fuse": "mean", "draws": 3}
    assert three.disagreement is not None
    shifts = np.array(
        [
            [seed_of("translate", 2, 0, 0, k, *(("draw", n) if n else ())) % 5 / 20 for n in range(3)]
            for k in range(5)
        ]
    )
    assert len(np.unique(shifts, axis=1)) > 1
    np.testing.assert_allclose(one.volume.voxels[3, 3], 0.5 + shifts[:, 0], atol=1e-6)
    np.testing.assert_allclose(three.volume.voxels[3, 3], 0.5 + shifts.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(three.disagreement.voxels[3, 3], shifts.std(axis=1), atol=1e-6)
    done: list[tuple[int, int]] = []
    again = trained.with_draws(3).translate(
        ramp(), axes=("x", "z"), advance=lambda now, of: done.append((now, of))
    )
    assert done[-1] == ((7 + 5) * 3, (7 + 5) * 3)
    assert again.record["passes"]["draws"] == 3
    np.testing.assert_array_equal(trained.with_draws(1).translate(ramp()).volume.voxels, one.volume.voxels)


def test_draws_are_refused_where_nothing_is_drawn() -> None:
    with pytest.raises(UsageError, match="draws no noise") as refused:
        model().with_draws(2)
    assert refused.value.code == "E004"
    with pytest.raises(UsageError, match="0 draws") as too_few:
        model().with_draws(0)
    assert too_few.value.code == "E001"


def test_spacing_of_the_recipe_is_applied_and_undone() -> None:
    trained = model()
    coarse = replace(trained, preprocessing=replace(trained.preprocessing, spacing_mm=3.0))
    source = ramp((18, 16, 14), (1.0, 1.0, 1.0))
    translation = coarse.translate(source)
    assert translation.record["working_grid"]["shape"] == [6, 5, 5]
    assert translation.volume.grid == source.grid
    inner = (slice(4, -4),) * 3
    expected = source.voxels / source.voxels.max()
    assert float(np.abs(translation.volume.voxels - expected)[inner].max()) < 0.02
    assert any("not its resolution" in note for note in translation.record["notes"])


def test_a_coarser_source_is_said_to_be_so() -> None:
    trained = model()
    fine = replace(trained, preprocessing=replace(trained.preprocessing, spacing_mm=1.0))
    notes = fine.translate(ramp((6, 6, 5), (2.0, 2.0, 2.0))).record["notes"]
    assert any("coarser" in note for note in notes)


def test_outside_the_region_is_fill() -> None:
    voxels = np.zeros((24, 24, 20), dtype=np.float32)
    grid = np.indices(voxels.shape) - np.array([12, 12, 10]).reshape(3, 1, 1, 1)
    inside = (grid**2).sum(axis=0) < 64
    voxels[inside] = 80 + 5 * np.random.default_rng(0).random(int(inside.sum())).astype(np.float32)
    trained = model(
        target="ct", target_map=fit(IntensitySpec("window", -1024.0, 3000.0), np.zeros((1, 1, 1)))
    )
    body = replace(trained, preprocessing=replace(trained.preprocessing, region="body"))
    translation = body.translate(Volume(voxels, np.diag([4.0, 4.0, 4.0, 1.0])))
    assert translation.volume.voxels.dtype == np.int16
    assert translation.record["region"]["kind"] == "body"
    far = (grid**2).sum(axis=0) > 144
    assert (translation.volume.voxels[far] == -1024).all()
    assert translation.volume.voxels[12, 12, 10] > -1024


def test_two_sources_have_to_share_a_grid() -> None:
    two = model(("t1", "t2"))
    one, other = ramp(), ramp()
    mean = two.translate({"t1": one, "t2": other.with_voxels(other.voxels[::-1].copy())})
    assert mean.volume.grid == one.grid
    with pytest.raises(InputError, match="shape"):
        two.translate({"t1": one, "t2": ramp((7, 6, 4))})
    with pytest.raises(InputError, match="t2") as missing:
        two.translate({"t1": one})
    assert missing.value.code == "E131"


def test_colour_in_and_out() -> None:
    colour = model(target="colour", target_map=fit(IntensitySpec("window", 0.0, 255.0), np.zeros((1, 1, 1))))
    made = colour.translate(ramp()).volume
    assert made.voxels.shape == (7, 6, 5, 3)
    assert made.voxels.dtype == np.uint8
    tinted = made.voxels // np.array([1, 2, 1], np.uint8)
    with pytest.raises(InputError, match="colour") as refused:
        model().translate(made.with_voxels(tinted))
    assert refused.value.code == "E122"


def test_grey_stored_as_rgb_is_translated_as_grey_and_said_so() -> None:
    grey = ramp().with_voxels((ramp().voxels % 200).astype(np.uint8))
    as_rgb = grey.with_voxels(np.stack([grey.voxels] * 3, axis=-1))
    plain, made = model().translate(grey), model().translate({"t1": as_rgb})
    np.testing.assert_array_equal(made.volume.voxels, plain.volume.voxels)
    assert made.record["sources"] == plain.record["sources"]
    assert [note for note in made.record["notes"] if note not in plain.record["notes"]] == [
        "t1 is grey stored as RGB: one of its equal channels is taken"
    ]


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(UsageError, match="axis 'q'"):
        model().translate(ramp(), axes=("q",))
    with pytest.raises(UsageError, match="axes z,x,z") as twice:
        model().with_axes(("z", "x", "z"))
    assert twice.value.code == "E001"


def test_a_plane_that_a_told_network_has_not_learned_from_is_refused() -> None:
    plain = model()
    windows = plain.recipe.windows.model_copy(update={"axes": ("x", "z"), "plane_channels": True})
    told = replace(
        plain,
        recipe=plain.recipe.model_copy(update={"windows": windows}),
        preprocessing=replace(plain.preprocessing, plane_channels=True),
    )
    assert told.with_axes(("z", "x")).preprocessing.axes == (2, 0)
    with pytest.raises(UsageError, match=r"axes y of a network.*Give --axes x,z") as refused:
        told.with_axes(("x", "y"))
    assert refused.value.code == "E004"


def test_resampling_home_stays_within_what_was_synthesised() -> None:
    trained = model()
    coarse = replace(trained, preprocessing=replace(trained.preprocessing, spacing_mm=3.0))
    draw = np.random.default_rng(1)
    source = Volume(draw.random((13, 11, 10)).astype(np.float32), np.diag([1.0, 1.0, 1.0, 1.0]))
    made = coarse.translate(source, axes=("x", "y", "z"))
    assert made.volume.voxels.min() >= 0
    assert made.volume.voxels.max() <= 1
    assert made.disagreement is not None
    assert made.disagreement.voxels.min() >= 0


def test_a_source_may_be_missing_where_the_translator_accepts_it() -> None:
    two = model(("t1", "t2"))
    two.translator.accepts_missing = True
    partial = replace(two, preprocessing=replace(two.preprocessing, accepts_missing=True))
    both = partial.translate({"t1": ramp(), "t2": ramp()})
    alone = partial.translate({"t2": ramp()})
    assert both.record["missing_sources"] == []
    assert alone.record["missing_sources"] == ["t1"]
    assert list(alone.record["sources"]) == ["t2"]
    assert "synthesised without t1: the case has none" in alone.record["notes"]
    assert alone.volume.grid == ramp().grid
    with pytest.raises(InputError, match="one or more of t1, t2"):
        partial.translate({})


def test_flips_are_passes_where_they_change_a_window() -> None:
    mirrored = model().with_flips(("x", "y"))
    made = mirrored.translate(ramp())
    assert made.record["passes"] == {"axes": ["z"], "fuse": "mean", "flips": ["x", "y"]}
    assert any(
        note.startswith("mirrored along x, y: the run learned from no windows")
        for note in made.record["notes"]
    )
    assert made.disagreement is not None
    assert mirrored.with_flips(()).preprocessing.flips == ()
    with pytest.raises(UsageError, match="flip z of slices along z alone") as caught:
        model().with_flips(("x", "z"))
    assert caught.value.code == "E004"
    assert model().with_axes(("x", "z")).with_flips(("z",)).preprocessing.flips == (2,)
    slabs = replace(model().preprocessing, cutting=Cutting("slab", depth=3))
    assert replace(model(), preprocessing=slabs).with_flips(("z",)).preprocessing.flips == (2,)
    for flips in (("q",), ("x", "x")):
        with pytest.raises(UsageError) as refused:
            model().with_flips(flips)
        assert refused.value.code == "E001"


def test_a_flip_that_training_had_is_not_noted() -> None:
    learned = model()
    augment = learned.recipe.training.augment.model_copy(update={"flip_lr": True})
    training = learned.recipe.training.model_copy(update={"augment": augment})
    recipe = learned.recipe.model_copy(update={"training": training})
    notes = replace(learned, recipe=recipe).with_flips(("x",)).translate(ramp()).record["notes"]
    assert not [note for note in notes if note.startswith("mirrored")]
