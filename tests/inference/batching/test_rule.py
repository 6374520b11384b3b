"""The batch on a CPU: told from a network's shapes, the same everywhere, the recipe's at most."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from small_models import PATCHES, model
from transmodal import translators
from transmodal.inference.batching.rule import suit_batch, windows_at_a_time
from transmodal.translators._facts import WindowWork, window_work

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "windows"),
    [("pix2pix", 4), ("macro2micro", 1), ("unet_regression", 1)],
)
def test_networks_of_papers_get_the_batch_that_was_the_fastest(name: str, windows: int) -> None:
    settings = translators.checked(name, {}).model_dump(mode="json")
    assert windows_at_a_time(window_work(name, settings, (256, 256))) == windows


def test_many_weights_and_little_work_make_large_batches() -> None:
    batches = [windows_at_a_time(WindowWork(10**9, weights)) for weights in (0, 10**6, 10**7, 10**8)]
    assert batches == [2, 2, 8, 64]
    assert windows_at_a_time(WindowWork(10**12, 10**8)) == 1
    assert windows_at_a_time(WindowWork(0, 0)) > 1


@pytest.mark.parametrize("windows", [{"axes": ["z"]}, PATCHES])
def test_the_recipes_batch_is_the_most_and_small_networks_have_it(windows: dict[str, object]) -> None:
    small = model(windows)
    assert (
        suit_batch(
            small.preprocessing, "unet_regression", small.translator.config.model_dump(mode="json"), CPU
        ).batch
        == 8
    )


def test_it_is_lowered_on_a_cpu_where_the_window_is_known() -> None:
    preprocessing = model({"axes": ["z"], "size": [256, 256]}).preprocessing
    wide = translators.checked("unet_regression", {}).model_dump(mode="json")
    assert suit_batch(preprocessing, "unet_regression", wide, CPU) == replace(preprocessing, batch=1)
    assert suit_batch(preprocessing, "unet_regression", wide, torch.device("cuda")) is preprocessing
    free = model({"axes": ["z"]}, learned=None).preprocessing
    assert suit_batch(free, "unet_regression", wide, CPU) is free


def test_a_network_that_cannot_be_counted_has_the_recipes_batch() -> None:
    preprocessing = model({"axes": ["z"]}).preprocessing
    assert suit_batch(preprocessing, "no translator", {}, CPU) is preprocessing
