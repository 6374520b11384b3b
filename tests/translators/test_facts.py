"""Facts of translators: counted at the papers' settings, without weights."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from transmodal import translators
from transmodal.cli import app
from transmodal.translators._facts import SIDE, facts, generator_parameters, window_work

KNOWN = {
    "pix2pix": (54.408e6, 57.173e6, 0),
    "cyclegan": (11.366e6, 2 * 11.366e6 + 2 * 2.763e6, 0),
    "resvit": (123.44e6, 123.44e6 + 2.765e6, 0),
    "ppt": (182.4e6, None, None),
    "transunet": (105.32e6, 105.32e6 + 2.765e6, 0),
    "swin_unet": (27.18e6, 27.18e6 + 2.765e6, 0),
    "tcgan": (92.2e6, 92.2e6 + 2.764e6, 0),
    "chromagan": (47.5e6, None, 0),
    "ddcolor": (55.0e6, 55.0e6 + 5.92e6, None),
    "colorformer": (44.8e6, 44.82e6 + 5.92e6, None),
    "unet_regression": (4.86e6, 4.86e6, 0),
    "mrnet": (58.05e6, 58.05e6 + 2.765e6, 89.67e6),
    "macro2micro": (0.2216e6, 0.2216e6 + 28.86e6 + 24.52e6, None),
    "colorization": (5.81e6, None, 0),
}


@pytest.mark.parametrize("name", sorted(set(KNOWN) & set(translators.names())))
def test_counts_are_those_of_the_papers(name: str) -> None:
    found = facts(name)
    counts = (found.generator_parameters, found.trainable_parameters, found.frozen_parameters)
    for count, known in zip(counts, KNOWN[name], strict=True):
        if known is not None:
            assert count == pytest.approx(known, rel=0.005)


def test_parameters_follow_the_settings_and_not_the_size_of_the_slice() -> None:
    plain = translators.checked("unet_regression", {}).model_dump(mode="json")
    assert generator_parameters("unet_regression", plain) == facts("unet_regression").generator_parameters
    more = generator_parameters("unet_regression", {**plain, "source_channels": [1, 1]})
    assert more > generator_parameters("unet_regression", plain)


def test_patches_are_counted_too() -> None:
    settings = {
        "network": "resenc", "levels": 5, "blocks": [1, 3, 4, 6, 6, 6], "supervised": 4, "spatial_dims": 3,
    }  # fmt: skip
    # Ours; the three coarse heads have no part in the image.
    assert generator_parameters("unet_regression", settings) == 102_348_193
    small = {"network": "resenc", "levels": 6, "width": 4, "spatial_dims": 2}
    assert generator_parameters("unet_regression", small) > 0


def test_operations_are_two_for_each_multiply_add() -> None:
    plain = facts("unet_regression")
    with torch.device("meta"):
        stem = translators.build("unet_regression", {}).get_submodule("generator.stem")
    assert isinstance(stem, torch.nn.Conv2d)
    assert plain.gflop_per_slice > 2 * 256 * 256 * stem.weight.numel() / 1e9
    # A stage at half the resolution with twice the channels costs as much: the sum is a few stages' worth.
    block = 2 * 2 * 256 * 256 * 32 * 32 * 9 / 1e9
    assert 5 * block < plain.gflop_per_slice < 20 * block


def test_the_command_lists_every_translator() -> None:
    done = CliRunner().invoke(app, ["translators", "--json"])
    assert done.exit_code == 0, done.output
    listed = json.loads(done.output)
    assert [one["name"] for one in listed] == translators.names()
    keys = {
        "name", "paper", "pairing", "needs",
        "generator_parameters", "trainable_parameters", "frozen_parameters", "gflop_per_slice", "distribution",
    }  # fmt: skip
    for one in listed:
        assert set(one) == keys
        assert one["paper"], one["name"]
        assert 0 < one["generator_parameters"] <= one["trainable_parameters"]
        assert one["gflop_per_slice"] > 0
    table = CliRunner().invoke(app, ["translators"])
    assert table.exit_code == 0
    assert all(name in table.output for name in translators.names())


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "macro2micro", "swin_unet"])
def test_the_work_of_a_window_is_what_the_facts_count(name: str) -> None:
    settings = translators.checked(name, {}).model_dump(mode="json")
    work, known = window_work(name, settings, (SIDE, SIDE)), facts(name)
    assert work.operations / 1e9 == pytest.approx(known.gflop_per_slice, rel=1e-3)
    # Of weights that only take part, such as tables that are looked up, no gradient speaks.
    assert work.weights == pytest.approx(known.generator_parameters, rel=1e-3)


def test_the_work_of_a_sampler_is_one_step() -> None:
    settings = {**translators.checked("aldm", {"width": 8}).model_dump(mode="json")}
    one, many = ({**settings, "sampler_steps": n} for n in (1, 20))
    assert window_work("aldm", one, (64, 64)) == window_work("aldm", many, (64, 64))
