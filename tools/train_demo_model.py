"""Train, measure and pack the demonstration model that the package ships.

    python tools/train_demo_model.py SCRATCH

SCRATCH takes the cohorts and the run; a call that was interrupted goes on. Written are
`src/transmodal/models/t1-to-fa-demo.{tmz,md,json}`: the model, its card, and the figures with what they came from.
The same commit on the same machine writes the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_contrast import SHIFTS, ContrastSubject

from transmodal.checkpoint import archive
from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.evaluation.oracles import fit as oracles
from transmodal.exporting import card
from transmodal.inference.load import checkpoint_folder, load
from transmodal.inference.model import Model
from transmodal.models import MOST_BYTES
from transmodal.notice import INTENDED_USE
from transmodal.recipes import load as recipes
from transmodal.recipes.schema import Recipe
from transmodal.storage import files, regular
from transmodal.training.train import train
from transmodal.volumes import Volume

ROOT = Path(__file__).resolve().parents[1]
NAME = "t1-to-fa-demo"
PLACE = ROOT / "src/transmodal/models"
TEMPLATE = Path(__file__).with_name("demo_card.md")
CHANGES = (
    f"name={NAME}",
    "settings.levels=3",
    "training.epochs=8",
    "training.samples_per_epoch=1200",
    "training.augment.gain=0.1",
    "training.augment.gamma=0.25",
    "training.augment.flip_lr=true",
    "training.device=cpu",
    "training.validate_every=4",
)
SEED, TEST_SEED = 2024, 7
TRAINING = (20, 2, 2)
TESTING = (2, 1, 3)
SPACING_MM = 2.0
TOOLS = ("train_demo_model.py", "demo_contrast.py")
ORACLES = ("mean_target", "lookup")


def main() -> None:
    """Train, measure, pack and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scratch", type=Path, help="folder for cohorts and run")
    scratch: Path = parser.parse_args().scratch
    torch.set_num_threads(1)
    origin = _origin(scratch)
    recipe = recipes.load("t1-to-fa-small", CHANGES)
    cohort = _prepared(scratch / "cohort", _subjects(TRAINING, SEED, "drawn"), TRAINING, SEED)
    began = time.process_time()
    result = train(recipe, cohort, scratch / "run")
    print(result.line(), f"{time.process_time() - began:.0f} CPU seconds", flush=True)
    facts = {**origin, **_facts(recipe, cohort, scratch / "run")}
    facts["figures"] = _measured(scratch)
    _pack(scratch / "run", facts)


def _subjects(counts: Sequence[int], seed: int, kind: str) -> list[CaseMaker]:
    """Return virtual subjects: with contrasts that are `drawn`, with one of `SHIFTS`, or `plain`."""
    options = atlas.AtlasOptions(spacing_mm=SPACING_MM, modalities=("fa", "t1"), head="half")
    made = atlas.subjects(sum(counts), options, seed=seed)
    if kind == "plain":
        return list(made)
    return [ContrastSubject(subject, SHIFTS.get(kind)) for subject in made]


def _prepared(folder: Path, makers: Sequence[CaseMaker], counts: tuple[int, int, int], seed: int) -> Cohort:
    options = PrepareOptions(regions={"t1": ("brain",)}, counts=counts, seed=seed)
    return prepare(makers, folder, options, workers=2)


def _measured(scratch: Path) -> dict[str, dict[str, float]]:
    """Return MAE of FA inside the brain by contrast and by model: the mean over the test subjects.

    Each contrast's oracles were fitted on subjects of that very contrast, which the model was not. Figures of a
    call before stay as long as the weights are theirs.
    """
    model = load(scratch / "run", device="cpu")
    place = scratch / "figures.json"
    if place.is_file() and files.read_json(place)["weights"] == model.digest:
        return dict(files.read_json(place)["mae"])
    figures = {}
    for kind in ("plain", *SHIFTS):
        cohort = _prepared(scratch / f"test-{kind}", _subjects(TESTING, TEST_SEED, kind), TESTING, TEST_SEED)
        figures[kind] = _mae_of(model, cohort)
        print(kind, figures[kind], flush=True)
    files.write_json(place, {"weights": model.digest, "mae": figures})
    return figures


def _mae_of(model: Model, cohort: Cohort) -> dict[str, float]:
    fitted = [oracles.fit(name, cohort.cases("train"), model.preprocessing) for name in ORACLES]
    errors: dict[str, list[float]] = {name: [] for name in ("model", *ORACLES)}
    for case in cohort.cases("test"):
        synthetic = model.translate({"t1": case.volume("t1")}, gate="warn").volume
        errors["model"].append(_mae(synthetic, case))
        for oracle in fitted:
            errors[oracle.name].append(_mae(oracle.translate(case), case))
    return {name: round(statistics.fmean(values), 4) for name, values in errors.items()}


def _mae(synthetic: Volume, case: PreparedCase) -> float:
    inside = case.mask()
    if inside is None:
        raise ValueError("virtual subjects have a mask")
    return float(np.abs(synthetic.voxels - case.volume("fa").voxels)[inside].mean())


def _origin(scratch: Path) -> dict[str, Any]:
    """Return what trains the model: recorded at the first call, before training, and read by those that go on."""
    place = scratch / "origin.json"
    if not place.is_file():
        command = ["git", "log", "-1", "--format=%H", "--", "src/transmodal"]
        commit = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        scratch.mkdir(parents=True, exist_ok=True)
        tools = {name: files.sha256_file(Path(__file__).with_name(name)) for name in TOOLS}
        files.write_json(place, {"commit": commit, "tools_sha256": tools, "torch": torch.__version__})
    return files.read_json(place)


def _facts(recipe: Recipe, cohort: Cohort, run: Path) -> dict[str, Any]:
    """Return what the model came from."""
    model = load(run, device="cpu")
    return {
        "name": NAME,
        "source": list(recipe.task.source),
        "target": recipe.task.target,
        "trained_on": f"{TRAINING[0]} virtual subjects",
        "recipe": recipe.name,
        "recipe_sha256": files.sha256_file(run / "recipe.yaml"),
        "cohort_digest": cohort.digest(),
        "seeds": {"training": SEED, "test": TEST_SEED},
        "subjects": {"training": list(TRAINING), "test": list(TESTING)},
        "parameters": sum(p.numel() for p in model.translator.parameters()),
        "training_seconds": model.provenance.get("training_seconds"),
    }


def _pack(run: Path, facts: Mapping[str, Any]) -> None:
    """Write model, card and figures."""
    text = _card(facts)
    PLACE.mkdir(exist_ok=True)
    pages = {"recipe.yaml": regular.read_bytes(run / "recipe.yaml"), card.FILE: text.encode()}
    packed = PLACE / f"{NAME}{archive.ENDING}"
    archive.pack(packed, checkpoint_folder(run, "best"), pages)
    if packed.stat().st_size >= MOST_BYTES:
        raise SystemExit(f"{packed.stat().st_size} bytes, {MOST_BYTES} at most")
    (PLACE / f"{NAME}.md").write_text(text, encoding="utf-8")
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    files.write_json(PLACE / f"{NAME}.json", {**facts, "sha256": digest, "bytes": packed.stat().st_size})
    print(packed, packed.stat().st_size, "bytes")


def _card(facts: Mapping[str, Any]) -> str:
    """Return the card: the template with facts and figures in their places."""
    rows = [
        f"| {kind} | {row['model']:.4f} | {row['lookup']:.4f} | {row['mean_target']:.4f} |"
        for kind, row in facts["figures"].items()
    ]
    behind = [kind for kind, row in facts["figures"].items() if row["model"] >= row["lookup"]]
    verdict = (
        f"It does not beat the look-up table on: {', '.join(behind)}."
        if behind
        else "It beats the look-up table on each of these contrasts."
    )
    words = {key: str(value) for key, value in facts.items()}
    words |= {"table": "\n".join(rows), "verdict": verdict, "intended_use": INTENDED_USE, **_words(facts)}
    text = TEMPLATE.read_text(encoding="utf-8")
    for key, value in words.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def _words(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that are lists of numbers, in words."""
    training, tested = facts["subjects"]["training"], facts["subjects"]["test"]
    return {
        "parameters_text": f"{facts['parameters']:,}",
        "seeds_text": f"{facts['seeds']['training']} to train and {facts['seeds']['test']} to test",
        "subjects_text": (
            f"{training[0]} to train, {training[1]} to validate and {training[2]} held out; for each contrast below, of another "
            f"seed, {tested[0]} for the oracles, {tested[1]} to validate and {tested[2]} to test"
        ),
    }


if __name__ == "__main__":
    main()
