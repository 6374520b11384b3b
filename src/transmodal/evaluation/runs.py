"""Trained runs as they are loaded for an evaluation: which checkpoint, on what device, by which passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from transmodal.errors import UsageError
from transmodal.evaluation import provenance
from transmodal.evaluation.participants import ModelTranslator, without_sources
from transmodal.inference import engines
from transmodal.inference.passes import BY_RECIPE, Passes
from transmodal.inference.preprocessing import AXES, Preprocessing

if TYPE_CHECKING:
    from transmodal.inference.model import Model


@dataclass(frozen=True, slots=True)
class TranslationOptions:
    """How runs are loaded and translate.

    Attributes:
        checkpoint: `best` or `last`.
        device: where models run; None takes an accelerator where there is one.
        weights: paths of frozen networks' weights by name, where they lie elsewhere than in training.
        passes: over other axes than the recipes', by several draws of noise or by mirrored volumes, of the runs that
            can; their names say it.
        without: sources without which the runs are scored once more.
        engine: that runs the networks, one of `inference.engines.names`.
    """

    checkpoint: str = "best"
    device: str | None = None
    weights: Mapping[str, str] | None = None
    passes: Passes = BY_RECIPE
    without: Sequence[str] = ()
    engine: str = engines.DEFAULT


STANDARD = TranslationOptions()


class LoadedRuns(NamedTuple):
    """Runs of one target.

    Attributes:
        folders: of the runs, by their names in tables.
        models: the loaded runs, in the same order.
        translators: the same under their names, and once more without the sources that are left out.
        records: how each translator came about, by name.
        preprocessing: of the first run.
    """

    folders: Mapping[str, Path]
    models: Sequence[Model]
    translators: Sequence[ModelTranslator]
    records: Mapping[str, Mapping[str, Any]]
    preprocessing: Preprocessing

    @property
    def sources(self) -> tuple[str, ...]:
        """Source modalities of all runs; those of the preprocessing where there is no run."""
        if not self.models:
            return self.preprocessing.sources
        return tuple(dict.fromkeys(name for model in self.models for name in model.preprocessing.sources))

    @property
    def modalities(self) -> tuple[str, ...]:
        """The sources and the target."""
        return (*self.sources, self.preprocessing.target)

    @property
    def curves(self) -> dict[str, Path]:
        """CSV files of training curves, by run."""
        return {name: folder / "curves.csv" for name, folder in self.folders.items()}


def load_runs(
    runs: Mapping[str, Path] | Sequence[Path], options: TranslationOptions = STANDARD
) -> LoadedRuns:
    """Load runs of one target.

    Args:
        runs: folders, by the name they have in tables; a plain sequence names them by their translators.
        options: how they are loaded and translate.

    Raises:
        UsageError: E004 without runs, for runs with different targets, for passes that no run can do or sources that
            one cannot do without; E001 for what is no axis.
    """
    from transmodal.inference.load import load

    paths = [Path(run) for run in (runs.values() if isinstance(runs, Mapping) else runs)]
    models = [
        load(
            path,
            checkpoint=options.checkpoint,
            device=options.device,
            weights=options.weights,
            engine=options.engine,
        )
        for path in paths
    ]
    names = list(runs) if isinstance(runs, Mapping) else name_runs(paths, models)
    names, models = with_passes(names, models, options.passes)
    preprocessing = common_preprocessing(names, models)
    translators = [ModelTranslator(name, model) for name, model in zip(names, models, strict=True)]
    translators += [
        without_sources(translator, options.without) for translator in translators if options.without
    ]
    return LoadedRuns(
        dict(zip(names, paths, strict=True)),
        models,
        translators,
        {translator.name: translator.record() for translator in translators},
        preprocessing,
    )


def with_passes(
    names: Sequence[str], models: Sequence[Model], passes: Passes
) -> tuple[list[str], list[Model]]:
    """Return models as they translate by other passes than their recipes', under names that say so.

    Those that take patches have no axes, those that draw no noise no draws, and those without batch normalisation
    nothing to normalise otherwise: they stay as they are beside others.

    Raises:
        UsageError: E001 for what is no axis and below one draw, E004 where no model can do what is asked.
    """
    _check_passes(models, passes)
    adapted = [_with_passes(model, passes) for model in models]
    variants = [provenance.describe_variant(provenance.describe_passes(model)) for model in adapted]
    return [
        f"{name}, {variant}" if variant else name for name, variant in zip(names, variants, strict=True)
    ], adapted


def _check_passes(models: Sequence[Model], passes: Passes) -> None:
    """Refuse passes that no model can do; the first model words the refusal."""
    for model in models[:1]:
        if not any(other_model.has_axes for other_model in models):
            model.with_axes(passes.axes)
        if passes.draws < 1 or not any(other_model.translator.draws for other_model in models):
            model.with_draws(passes.draws)
        if all(other_model.translator.translates_with() is None for other_model in models):
            model.with_statistics(passes.translate_with)
        if not any(_flips(other_model, passes) for other_model in models):
            model.with_axes(passes.axes if model.has_axes else None).with_flips(passes.flips)


def _flips(model: Model, passes: Passes) -> tuple[str, ...]:
    """Return the axes along which mirroring changes a model's windows; all that are no axes, which it refuses."""
    along = model.with_axes(passes.axes if model.has_axes else None)
    return tuple(axis for axis in passes.flips if axis not in AXES or along.is_changed_by_flip(AXES[axis]))


def _with_passes(model: Model, passes: Passes) -> Model:
    along = model.with_axes(passes.axes if model.has_axes else None, passes.fuse)
    drawing = along.with_draws(passes.draws) if model.translator.draws else along
    mirrored = drawing.with_flips(_flips(model, passes))
    return (
        mirrored
        if mirrored.translator.translates_with() is None
        else mirrored.with_statistics(passes.translate_with)
    )


def name_runs(paths: Sequence[Path], models: Sequence[Model]) -> list[str]:
    """Name runs by their translators, or by their folders where two have the same."""
    names = [model.recipe.translator for model in models]
    return [name if names.count(name) == 1 else path.name for name, path in zip(names, paths, strict=True)]


def common_preprocessing(names: Sequence[str], models: Sequence[Model]) -> Preprocessing:
    """Return the first run's preprocessing.

    Raises:
        UsageError: E004 without runs, or for runs with different targets.
    """
    if not models:
        raise UsageError("E004", "no run", "one run or more", "Name the folder of a trained run.")
    first = models[0].preprocessing
    for name, model in zip(names, models, strict=True):
        if model.preprocessing.target != first.target:
            raise UsageError(
                "E004",
                f"{names[0]} makes {first.target}, {name} makes {model.preprocessing.target}",
                "runs with one target",
                "Evaluate them apart.",
            )
    return first
