"""The contract of translators refuses networks that break it; all of the package pass it in `tests/contract`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from transmodal.batch import Batch
from transmodal.testing import translator as contract
from transmodal.testing.batches import TranslatorCase, build
from transmodal.testing.translator import TranslatorContract
from transmodal.translators._base import Translator

CASE = TranslatorCase("unet_regression", {"width": 4, "levels": 2}, "train")
Spoil = Callable[[torch.Tensor], torch.Tensor]

SPOILS: dict[str, tuple[Spoil, str]] = {
    "half the size": (lambda out: out[..., ::2], "test_shape_and_float32"),
    "float64": (lambda out: out.double(), "test_shape_and_float32"),
    "not finite": (lambda out: out / 0, "test_shape_and_float32"),
    "noise": (lambda out: out + torch.rand(1), "test_translating_draws_nothing"),
    "bfloat16": (lambda out: out.bfloat16().float(), "test_the_last_layer_is_float32_in_bfloat16"),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_network_that_breaks_a_promise_fails(spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, test = SPOILS[spoil]

    def build_spoilt(name: str, settings: dict[str, object]) -> Translator[object]:
        translator = build(name, settings)
        translator.register_forward_hook(lambda _, __, out: change(out))
        return translator

    getattr(TranslatorContract(), test)(CASE)
    monkeypatch.setattr(contract, "build", build_spoilt)
    with pytest.raises(AssertionError):
        getattr(TranslatorContract(), test)(CASE)


def test_samples_that_know_of_one_another_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def build_coupled(name: str, settings: dict[str, object]) -> Translator[object]:
        translator = build(name, settings)
        synthesise = translator.synthesise

        def couple(batch: Batch) -> tuple[torch.Tensor]:
            synthetic = synthesise(batch)[0]  # type: ignore[index]  # the first of any paper's outputs
            return (synthetic + synthetic.mean(),)

        monkeypatch.setattr(translator, "synthesise", couple)
        return translator

    monkeypatch.setattr(contract, "build", build_coupled)
    with pytest.raises(AssertionError, match="not close"):
        TranslatorContract().test_a_sample_does_not_depend_on_its_batch_unless_it_is_said(CASE)


def test_a_class_names_its_translator(request: pytest.FixtureRequest) -> None:
    class Named(TranslatorContract):
        name = "pix2pix"
        settings = {"width": 4}  # noqa: RUF012 - as in the documentation

    assert Named().parts(request.config) == {"pix2pix": {"width": 4}}
