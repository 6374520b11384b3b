"""What every translator refuses before it runs, and what it is without saying more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.dimensions import SLICES
from transmodal.translators._base import Translator, TranslatorConfig


class Outputs(NamedTuple):
    synthetic: Tensor


class Mean(Translator[Outputs]):
    """The mean of the sources, with a batch normalisation or none."""

    def __init__(self, config: TranslatorConfig, *, normed: bool = False) -> None:
        super().__init__(config)
        self.norm = SLICES.norm("batch", 1) if normed else nn.Identity()

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        self.check(source, available)
        out: Tensor = self.norm(source.mean(dim=1, keepdim=True))
        return out

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        return {"generator": self}

    def synthesise(self, batch: Batch) -> Outputs:
        return Outputs(self(batch.source, batch.available))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        return {"l1": (outputs.synthetic - batch.paired()).abs().mean()}

    def size_multiple(self) -> int:
        return 4


TWO = TranslatorConfig(source_channels=(1, 3), slab_depth=3)


def test_channels_are_those_of_all_sources_and_slices() -> None:
    assert TWO.in_channels == 12
    out = Mean(TWO)(torch.ones(2, 12, 8, 4), torch.ones(2, 2))
    assert out.shape == (2, 1, 8, 4)


@pytest.mark.parametrize(
    ("shape", "available", "said"),
    [
        ((2, 11, 8, 4), torch.ones(2, 2), "12 channels"),
        ((2, 12, 8), torch.ones(2, 2), "2 spatial dimensions"),
        ((2, 12, 8, 6), torch.ones(2, 2), r"Pad to \(8, 8\)"),
        ((2, 12, 8, 4), torch.ones(2, 1), r"\(2, 2\)"),
        ((2, 12, 8, 4), torch.tensor([[1.0, 1.0], [1.0, 0.0]]), "missing source"),
    ],
)
def test_what_does_not_fit_is_refused(shape: tuple[int, ...], available: Tensor, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        Mean(TWO)(torch.ones(*shape), available)
    assert refused.value.code == "E004"


def test_dimensions_that_a_class_does_not_have_are_refused() -> None:
    with pytest.raises(UsageError, match="3D windows"):
        Mean(TranslatorConfig(spatial_dims=3))


def test_the_plane_is_told_only_to_what_takes_it() -> None:
    assert TranslatorConfig(source_channels=(1, 3), slab_depth=3, plane_channels=3).in_channels == 15
    with pytest.raises(UsageError, match=r"Set windows\.plane_channels=false") as refused:
        Mean(TranslatorConfig(plane_channels=3))
    assert refused.value.code == "E004"


def test_settings_are_frozen_and_strict() -> None:
    with pytest.raises(ValidationError, match="depth"):
        TranslatorConfig.model_validate({"depth": 3})
    with pytest.raises(ValidationError, match="frozen"):
        TWO.width = 3  # type: ignore[misc]


def test_a_plain_translator_has_nothing_frozen_no_way_back_and_no_stages() -> None:
    plain, source = Mean(TranslatorConfig()), torch.ones(1, 1, 4, 4)
    assert plain.frozen() == plain.pretrained() == {}
    assert plain.encoder() is None
    assert plain.encode(source) is None
    assert plain.cycle(source, torch.ones(1, 1)) is None
    assert plain.stages(source, torch.ones(1, 1)) == {}


def test_statistics_can_be_chosen_only_where_a_normalisation_remembers_some() -> None:
    class Choosing(TranslatorConfig):
        translate_with: str = "running"

    assert Mean(Choosing(), normed=True).translates_with() == "running"
    assert Mean(Choosing()).translates_with() is None
    assert Mean(TranslatorConfig(), normed=True).translates_with() is None
