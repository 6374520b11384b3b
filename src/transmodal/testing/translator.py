"""The contract of a translator: shapes, ranges, purity, seeds, players, weights, refusals."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
import torch

from transmodal import translators
from transmodal.errors import UsageError
from transmodal.nets.blocks import translate_with
from transmodal.nets.meta import shapes_alone
from transmodal.testing.batches import (
    TranslatorCase,
    all_losses,
    batch_for,
    build,
    refusal,
    select,
    translate_in_batches,
    variants,
)
from transmodal.translators._base import Translator, TranslatorConfig


class TranslatorContract:
    """Tests that a translator passes; a class of tests that inherits them names it.

        class TestSRCNN(TranslatorContract):
            name = "srcnn"
            settings = {"width": 4}

    Attributes:
        name: of the translator, as recipes have it.
        settings: under which it is small and needs no file.
    """

    name: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, Any]] = {}

    def parts(self, config: pytest.Config) -> Mapping[str, Mapping[str, Any]]:
        """Return the settings of each translator that is tested, by its name."""
        return {self.name: self.settings}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test its translators, or their variants."""
        parts = self.parts(metafunc.config)
        if "case" in metafunc.fixturenames:
            cases = [case for name, settings in parts.items() for case in variants(name, settings)]
            ids = [f"{case.name}-{case.phase}-{n}" for n, case in enumerate(cases)]
            metafunc.parametrize("case", cases, ids=ids)
            return
        if "statistics" in metafunc.fixturenames:
            parts = {name: parts[name] for name in parts if _has_statistics(name)}
        metafunc.parametrize(("name", "settings"), list(parts.items()), ids=list(parts))

    def test_it_is_a_config_and_a_build_with_a_cited_source(
        self, name: str, settings: Mapping[str, Any]
    ) -> None:
        """Its module says in its first paragraph which paper it is, and of which year."""
        module = translators.module_of(name)
        assert issubclass(module.Config, TranslatorConfig)
        assert any(str(year) in (module.__doc__ or "") for year in range(2014, 2031)), (
            "no year in the docstring"
        )
        assert isinstance(translators.build(name, settings), Translator)

    def test_every_parameter_belongs_to_a_player(self, name: str, settings: Mapping[str, Any]) -> None:
        """No parameter is left untrained."""
        translator = build(name, settings)
        owned = {
            id(parameter)
            for phase in translator.phases
            for module in translator.players(phase).values()
            for parameter in module.parameters()
        }
        assert owned == {id(parameter) for parameter in translator.parameters()}

    def test_what_training_starts_from_is_a_setting_and_without_it_scratch(
        self, name: str, settings: Mapping[str, Any]
    ) -> None:
        """It has the name of the setting that holds its path, by which records leave the path out."""
        with shapes_alone():
            translator = translators.build(name, {})
        for setting, weights in translator.pretrained().items():
            assert getattr(translator.config, setting) is None
            weights.check()
            weights.load()
            assert weights.digest() == "from scratch"

    def test_parameters_are_counted_without_memory(self, name: str, settings: Mapping[str, Any]) -> None:
        """The paper's own network is built on the meta device."""
        with shapes_alone():
            translator = translators.build(name, {})
        parameters = list(translator.parameters())
        assert parameters, f"{name} has nothing to learn"
        assert all(parameter.is_meta for parameter in parameters)

    def test_shape_and_float32(self, case: TranslatorCase) -> None:
        """It keeps the size of windows, and its values lie where `output_range` says, in float32."""
        translator = build(case.name, case.settings).eval()
        for size in (1, 3):
            batch = batch_for(translator, size, phase=case.phase)
            with torch.no_grad():
                out = translator(batch.source, batch.available)
            assert out.dtype == torch.float32
            assert out.shape == (size, translator.config.target_channels, *batch.source.shape[2:])
            assert torch.isfinite(out).all()
            if translator.output_range == "signed":
                assert out.abs().max() <= 1
            if translator.output_range == "unit":
                assert out.min() >= 0
                assert out.max() <= 1

    def test_windows_that_are_too_small_are_refused_by_name(self, case: TranslatorCase) -> None:
        """A single window of every small side is learned from and translated, or E004 says what would do."""
        translator = build(case.name, case.settings)
        multiple, worked = translator.size_multiple(), []
        for side in (multiple, 2 * multiple):
            batch = batch_for(translator, 1, phase=case.phase, sides=[side] * translator.config.spatial_dims)
            refused = refusal(translator, batch)
            if refused is None:
                worked.append(side)
            else:
                assert refused.code == "E004"
                assert "side" in refused.expected
                assert not worked, f"{side} is refused, but {worked} are not"

    def test_translating_draws_nothing(self, case: TranslatorCase) -> None:
        """The same window gives the same image, whatever was drawn before."""
        translator = build(case.name, case.settings).eval()
        batch = batch_for(translator, phase=case.phase)
        with torch.no_grad():
            first = translator(batch.source, batch.available)
            torch.manual_seed(99)
            second = translator(batch.source, batch.available)
        assert torch.equal(first, second)

    def test_losses_are_pure(self, case: TranslatorCase) -> None:
        """Losses change and draw nothing, and are finite numbers."""
        translator = build(case.name, case.settings).train()
        batch = batch_for(translator, phase=case.phase)
        outputs = translator.synthesise(batch)
        before = copy.deepcopy(translator.state_dict())
        generator_state = torch.random.get_rng_state()
        first, second = all_losses(translator, batch, outputs), all_losses(translator, batch, outputs)
        assert torch.equal(generator_state, torch.random.get_rng_state())
        for term, value in first.items():
            assert value.ndim == 0
            assert torch.isfinite(value)
            assert torch.equal(value, second[term]), term
        for key, value in translator.state_dict().items():
            # Running statistics of BatchNorm follow every forward pass; nothing else may change.
            if "running" not in key and "num_batches" not in key:
                assert torch.equal(value, before[key]), key

    def test_synthesise_depends_on_the_batchs_seeds_alone(self, case: TranslatorCase) -> None:
        """It draws from the batch's seeds, and leaves torch's generator alone."""
        translator = build(case.name, case.settings).train()
        batch = batch_for(translator, phase=case.phase)
        generator_state = torch.random.get_rng_state()
        state = copy.deepcopy(translator.state_dict())  # power iterations are remembered in it
        first = translator.synthesise(batch)[0]
        torch.manual_seed(1234)
        translator.load_state_dict(state)
        again = translator.synthesise(batch)[0]
        assert torch.equal(first, again)
        torch.random.set_rng_state(generator_state)
        translator.synthesise(batch)
        assert torch.equal(generator_state, torch.random.get_rng_state())

    def test_every_parameter_of_a_player_learns_from_it(self, case: TranslatorCase) -> None:
        """Each parameter of a player gets a gradient of its losses, and belongs to no other."""
        translator = build(case.name, case.settings).train()
        batch = batch_for(translator, phase=case.phase)
        owned: set[int] = set()
        for player, module in translator.players(case.phase).items():
            translator.zero_grad(set_to_none=True)
            sum(translator.losses(player, batch, translator.synthesise(batch)).values()).backward()  # type: ignore[union-attr]
            for key, parameter in module.named_parameters():
                assert parameter.grad is not None, f"{player}: {key}"
                assert torch.isfinite(parameter.grad).all(), f"{player}: {key}"
                assert id(parameter) not in owned, f"{player}: {key} belongs to two players"
                owned.add(id(parameter))
            gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
            moved = [bool(gradient.abs().max() > 0) for gradient in gradients]
            assert sum(moved) > 0.9 * len(moved), player

    def test_a_sample_does_not_depend_on_its_batch_unless_it_is_said(self, case: TranslatorCase) -> None:
        """A sample comes out alike alone and in a batch, or `batch_coupled` is set."""
        translator = build(case.name, case.settings).train()
        if translator.batch_coupled:
            pytest.skip("couples samples, and says so")
        batch = batch_for(translator, 3, phase=case.phase)
        whole = translator.synthesise(batch)[0]
        for n in range(3):
            sample = select(batch, n)
            torch.testing.assert_close(
                translator.synthesise(sample)[0], whole[n : n + 1], rtol=1e-4, atol=1e-5
            )

    def test_weights_travel(self, case: TranslatorCase) -> None:
        """Another network with its weights translates alike."""
        translator = build(case.name, case.settings).eval()
        torch.manual_seed(77)
        copied = translators.build(case.name, case.settings).eval()
        copied.load_state_dict(translator.state_dict())
        batch = batch_for(translator, phase=case.phase)
        with torch.no_grad():
            assert torch.equal(
                translator(batch.source, batch.available), copied(batch.source, batch.available)
            )

    def test_the_last_layer_is_float32_in_bfloat16(self, case: TranslatorCase) -> None:
        """The output is not rounded to bfloat16 where the precision is."""
        translator = build(case.name, case.settings).eval()
        batch = batch_for(translator, phase=case.phase)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            out = translator(batch.source, batch.available)
        assert out.dtype == torch.float32
        # More different values than bfloat16 has between -1 and 1 in a picture of this size.
        rounded = out.to(torch.bfloat16).to(torch.float32)
        assert not torch.equal(out, rounded)

    def test_what_does_not_fit_is_refused(self, case: TranslatorCase) -> None:
        """Channels, dimensions, sides and sources that it cannot take are refused by name."""
        translator = build(case.name, case.settings)
        batch = batch_for(translator, phase=case.phase)
        with pytest.raises(UsageError, match="channels"):
            translator(batch.source[:, :0], batch.available)
        with pytest.raises(UsageError, match="spatial dimensions"):
            translator(batch.source[..., 0], batch.available)
        if translator.size_multiple() > 1:
            with pytest.raises(UsageError, match="multiples of"):
                translator(batch.source[..., :-1], batch.available)
        if not translator.accepts_missing:
            with pytest.raises(UsageError, match="missing"):
                translator(batch.source, torch.zeros_like(batch.available))

    @pytest.mark.parametrize("statistics", ["batch_statistics", "running"])
    def test_translating_depends_on_one_window_and_changes_nothing(
        self, name: str, settings: Mapping[str, Any], statistics: str
    ) -> None:
        """Batches of 1, 3 and 8 windows give the same; no buffer moves; and own statistics give another image."""
        translator = build(name, {**settings, "translate_with": statistics})
        side = -(-64 // translator.size_multiple()) * translator.size_multiple()
        batch = batch_for(translator, 8, sides=[side, side])
        translator.train().synthesise(batch)  # running averages of something
        translator.eval()
        before = {key: value.clone() for key, value in translator.state_dict().items()}
        with torch.no_grad():
            whole, *parts = (translate_in_batches(translator, batch, n) for n in (8, 1, 3))
        assert all(torch.equal(value, before[key]) for key, value in translator.state_dict().items())
        translate_with(translator, "running" if statistics == "batch_statistics" else "batch_statistics")
        with torch.no_grad():
            effect = float((translator(batch.source, batch.available) - whole).abs().max())
        assert effect > 1e-4
        for part in parts:
            # Convolutions of other batches round otherwise, which a network may enlarge: never as far as the choice moves.
            torch.testing.assert_close(part, whole, rtol=0, atol=max(2e-5, effect / 100))


def _has_statistics(name: str) -> bool:
    return "translate_with" in translators.config_of(name).model_fields
