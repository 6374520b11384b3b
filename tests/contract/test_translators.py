"""What every translator promises; translators are found by themselves."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.blocks import translate_with
from transmodal.translators._base import Translator, TranslatorConfig


def own_tests(name: str) -> Path:
    return Path(__file__).parents[1] / "translators" / f"test_{name}.py"


def tiny(name: str) -> dict[str, Any]:
    """Return settings under which a translator is tiny and needs no file: `TINY` of its own tests."""
    own = own_tests(name)
    spec = importlib.util.spec_from_file_location(f"own_tests_of_{name}", own)
    assert spec is not None, name
    assert spec.loader is not None, name
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings: dict[str, Any] = module.TINY
    return settings


def variants(name: str) -> list[tuple[str, dict[str, Any], str]]:
    """Return settings of a translator with each of its phases; channels or dimensions may be refused by name."""
    found = []
    for extra in EXTRAS if own_tests(name).is_file() else ():
        settings = {**tiny(name), **extra}
        try:
            phases = translators.build(name, settings).phases
        except UsageError as refused:
            if extra and refused.code in ("E001", "E004"):
                continue
            raise
        found += [(name, settings, phase) for phase in (phases if not extra else phases[-1:])]
    return found


EXTRAS: list[dict[str, Any]] = [
    {},
    {"source_channels": (1, 3), "target_channels": 3},
    {"slab_depth": 3},
    {"spatial_dims": 3},
]
VARIANTS = [variant for name in translators.names() for variant in variants(name)]
each = pytest.mark.parametrize(
    ("name", "settings", "phase"),
    VARIANTS,
    ids=[f"{name}-{phase}-{n}" for n, (name, _, phase) in enumerate(VARIANTS)],
)


def build(name: str, settings: dict[str, Any]) -> Translator[Any]:
    torch.manual_seed(3)
    return translators.build(name, settings)


def batch_for(
    translator: Translator[Any],
    size: int = 2,
    seed: int = 0,
    phase: str | None = None,
    sides: list[int] | None = None,
) -> Batch:
    config = translator.config
    generator = torch.Generator().manual_seed(seed)
    sides = sides or usual_sides(translator)
    source = torch.rand(size, config.in_channels, *sides, generator=generator) * 2 - 1
    return Batch(
        source=source,
        available=torch.ones(size, len(config.source_channels)),
        target=torch.rand(size, config.target_channels, *sides, generator=generator) * 2 - 1,
        mask=torch.ones(size, 1, *sides),
        segmentation=torch.zeros(size, *sides, dtype=torch.int64),
        draw=torch.arange(size, dtype=torch.int64) + 11,
        phase=phase or translator.phases[-1],
    )


def usual_sides(translator: Translator[Any]) -> list[int]:
    multiple, dims = translator.size_multiple(), translator.config.spatial_dims
    least = 32 if dims == 2 else 8  # a 70 x 70 patch discriminator takes no less than 24
    side = -(-least // multiple) * multiple
    return [side, side + multiple, side][:dims]


def all_losses(translator: Translator[Any], batch: Batch, outputs: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    return {
        f"{player}/{term}": value
        for player in translator.players(batch.phase)
        for term, value in translator.losses(player, batch, outputs).items()
    }


@pytest.mark.parametrize("name", translators.names())
def test_a_translator_is_a_config_and_a_build_with_a_cited_source(name: str) -> None:
    module = importlib.import_module(f"transmodal.translators.{name}")
    assert issubclass(module.Config, TranslatorConfig)
    assert module.__doc__
    assert own_tests(name).is_file(), f"{name} has no tests of its own"
    assert any(year in module.__doc__ for year in map(str, range(2014, 2027)))
    assert isinstance(translators.build(name, tiny(name)), Translator)


@each
def test_shape_and_float32(name: str, settings: dict[str, Any], phase: str) -> None:
    translator = build(name, settings).eval()
    for size in (1, 3):
        batch = batch_for(translator, size, phase=phase)
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


@each
def test_windows_that_are_too_small_are_refused_by_name(
    name: str, settings: dict[str, Any], phase: str
) -> None:
    """A single window of every small side is learned from and translated, or E004 says what would do."""
    translator = build(name, settings)
    multiple, worked = translator.size_multiple(), []
    for side in (multiple, 2 * multiple):
        batch = batch_for(translator, 1, phase=phase, sides=[side] * translator.config.spatial_dims)
        refused = refusal(translator, batch)
        if refused is None:
            worked.append(side)
        else:
            assert refused.code == "E004"
            assert "side" in refused.expected
            assert not worked, f"{side} is refused, but {worked} are not"


def refusal(translator: Translator[Any], batch: Batch) -> UsageError | None:
    """Learn from a batch and translate it, or return why that is refused."""
    try:
        losses = all_losses(translator.train(), batch, translator.synthesise(batch))
        with torch.no_grad():
            out = translator.eval()(batch.source, batch.available)
    except UsageError as refused:
        return refused
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(value) for value in losses.values())
    return None


@each
def test_translating_draws_nothing(name: str, settings: dict[str, Any], phase: str) -> None:
    translator = build(name, settings).eval()
    batch = batch_for(translator, phase=phase)
    with torch.no_grad():
        first = translator(batch.source, batch.available)
        torch.manual_seed(99)
        second = translator(batch.source, batch.available)
    assert torch.equal(first, second)


@each
def test_losses_are_pure(name: str, settings: dict[str, Any], phase: str) -> None:
    translator = build(name, settings).train()
    batch = batch_for(translator, phase=phase)
    outputs = translator.synthesise(batch)
    before = copy.deepcopy(translator.state_dict())
    drawn = torch.random.get_rng_state()
    first, second = all_losses(translator, batch, outputs), all_losses(translator, batch, outputs)
    assert torch.equal(drawn, torch.random.get_rng_state())
    for term, value in first.items():
        assert value.ndim == 0
        assert torch.isfinite(value)
        assert torch.equal(value, second[term]), term
    for key, value in translator.state_dict().items():
        # Running statistics of BatchNorm follow every forward pass; nothing else may change.
        if "running" not in key and "num_batches" not in key:
            assert torch.equal(value, before[key]), key


@each
def test_synthesise_depends_on_the_batchs_seeds_alone(
    name: str, settings: dict[str, Any], phase: str
) -> None:
    translator = build(name, settings).train()
    batch = batch_for(translator, phase=phase)
    drawn = torch.random.get_rng_state()
    state = copy.deepcopy(translator.state_dict())  # what is remembered, such as power iterations, is in it
    first = translator.synthesise(batch)[0]
    torch.manual_seed(1234)
    translator.load_state_dict(state)
    again = translator.synthesise(batch)[0]
    assert torch.equal(first, again)
    torch.random.set_rng_state(drawn)
    translator.synthesise(batch)
    assert torch.equal(drawn, torch.random.get_rng_state())


@each
def test_every_parameter_of_a_player_learns_from_it(name: str, settings: dict[str, Any], phase: str) -> None:
    translator = build(name, settings).train()
    batch = batch_for(translator, phase=phase)
    owned: set[int] = set()
    for player, module in translator.players(phase).items():
        translator.zero_grad(set_to_none=True)
        sum(translator.losses(player, batch, translator.synthesise(batch)).values()).backward()  # type: ignore[union-attr]
        for key, parameter in module.named_parameters():
            assert parameter.grad is not None, f"{player}: {key}"
            assert torch.isfinite(parameter.grad).all(), f"{player}: {key}"
            assert id(parameter) not in owned, f"{player}: {key} belongs to two players"
            owned.add(id(parameter))
        moved = [bool(parameter.grad.abs().max() > 0) for parameter in module.parameters()]
        assert sum(moved) > 0.9 * len(moved), player


@pytest.mark.parametrize("name", translators.names())
def test_every_parameter_belongs_to_a_player(name: str) -> None:
    translator = build(name, tiny(name))
    owned = {
        id(parameter)
        for phase in translator.phases
        for module in translator.players(phase).values()
        for parameter in module.parameters()
    }
    assert owned == {id(parameter) for parameter in translator.parameters()}


@each
def test_a_sample_does_not_depend_on_its_batch_unless_it_is_said(
    name: str, settings: dict[str, Any], phase: str
) -> None:
    translator = build(name, settings).train()
    if translator.batch_coupled:
        pytest.skip("couples samples, and says so")
    batch = batch_for(translator, 3, phase=phase)
    whole = translator.synthesise(batch)[0]
    for n in range(3):
        one = Batch(
            *(value[n : n + 1] if isinstance(value, torch.Tensor) else value for value in batch[:7]),
            batch.phase,
            0,
        )
        torch.testing.assert_close(translator.synthesise(one)[0], whole[n : n + 1], rtol=1e-4, atol=1e-5)


@each
def test_weights_travel(name: str, settings: dict[str, Any], phase: str) -> None:
    translator = build(name, settings).eval()
    torch.manual_seed(77)
    other = translators.build(name, settings).eval()
    other.load_state_dict(translator.state_dict())
    batch = batch_for(translator, phase=phase)
    with torch.no_grad():
        assert torch.equal(translator(batch.source, batch.available), other(batch.source, batch.available))


@each
def test_the_last_layer_is_float32_in_bfloat16(name: str, settings: dict[str, Any], phase: str) -> None:
    translator = build(name, settings).eval()
    batch = batch_for(translator, phase=phase)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        out = translator(batch.source, batch.available)
    assert out.dtype == torch.float32
    # More different values than bfloat16 has between -1 and 1 in a picture of this size.
    rounded = out.to(torch.bfloat16).to(torch.float32)
    assert not torch.equal(out, rounded)


@each
def test_what_does_not_fit_is_refused(name: str, settings: dict[str, Any], phase: str) -> None:
    translator = build(name, settings)
    batch = batch_for(translator, phase=phase)
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


@pytest.mark.parametrize("name", translators.names())
def test_what_training_starts_from_is_a_setting_and_without_it_scratch(name: str) -> None:
    """It has the name of the setting that holds its path, by which records leave the path out."""
    with torch.device("meta"):
        translator = translators.build(name, {})
    for setting, weights in translator.pretrained().items():
        assert getattr(translator.config, setting) is None
        weights.check()
        weights.load()
        assert weights.digest() == "from scratch"


@pytest.mark.parametrize("name", translators.names())
def test_parameters_are_counted_without_memory(name: str) -> None:
    with torch.device("meta"):
        translator = translators.build(name, {})
    parameters = list(translator.parameters())
    assert parameters, f"{name} has nothing to learn"
    assert all(parameter.is_meta for parameter in parameters)


def test_names_do_not_import(tmp_path: object) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from transmodal import translators; print(translators.names(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")


def test_wrong_names_and_settings_get_a_hint() -> None:
    with pytest.raises(UsageError, match="Did you mean pix2pix") as unknown:
        translators.build("pix2pixx", {})
    assert unknown.value.code == "E002"
    with pytest.raises(UsageError, match="Did you mean width") as key:
        translators.build("pix2pix", {"widht": 8})
    assert key.value.code == "E003"
    with pytest.raises(UsageError, match="width") as value:
        translators.build("pix2pix", {"width": 0})
    assert value.value.code == "E001"


def test_three_dimensions_are_refused_where_there_are_none() -> None:
    with pytest.raises(UsageError, match="3D"):
        translators.build("pix2pix", {"spatial_dims": 3})


def test_seeds_make_the_noise() -> None:
    translator = build("pix2pix", {**tiny("pix2pix"), "levels": 5, "norm": "instance"}).train()
    batch = batch_for(translator)
    assert batch.draw is not None
    same = translator.synthesise(batch)[0]
    other = translator.synthesise(batch._replace(draw=batch.draw + 1))[0]
    assert not np.allclose(same.detach().numpy(), other.detach().numpy())


CHOOSES = [
    name for name in translators.names() if "translate_with" in translators.config_of(name).model_fields
]


@pytest.mark.parametrize("statistics", ["batch_statistics", "running"])
@pytest.mark.parametrize("name", CHOOSES)
def test_translating_depends_on_one_window_and_changes_nothing(name: str, statistics: str) -> None:
    """Batches of 1, 3 and 8 windows give the same; no buffer moves; and own statistics give another image."""
    translator = build(name, {**tiny(name), "translate_with": statistics})
    side = -(-64 // translator.size_multiple()) * translator.size_multiple()
    batch = batch_for(translator, 8, sides=[side, side])
    translator.train().synthesise(batch)  # running averages of something
    translator.eval()
    before = {key: one.clone() for key, one in translator.state_dict().items()}
    with torch.no_grad():
        whole, *parts = (
            torch.cat(
                [translator(batch.source[at : at + n], batch.available[at : at + n]) for at in range(0, 8, n)]
            )
            for n in (8, 1, 3)
        )
    for part in parts:
        # Convolutions of other batches round otherwise, by 8e-6 here; the choice itself moves 1e-4 and more.
        torch.testing.assert_close(part, whole, rtol=0, atol=2e-5)
    assert all(torch.equal(one, before[key]) for key, one in translator.state_dict().items())
    translate_with(translator, "running" if statistics == "batch_statistics" else "batch_statistics")
    with torch.no_grad():
        assert (translator(batch.source, batch.available) - whole).abs().max() > 1e-4
