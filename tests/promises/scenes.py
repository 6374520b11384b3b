"""What is killed: every verb that writes, on a cohort of four tiny cases, with the smallest network of each paper."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from PIL import Image
from safetensors import SafetensorError, safe_open

from contract.test_recipes import Everything, in_small
from phantoms import SmoothPhantom
from promises.forge import Answer, Forge
from promises.tasks import TRANSLATORS, Task
from transmodal import checkpoint
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import TransmodalError
from transmodal.recipes import load
from transmodal.volumes import io

Hashes = dict[str, str]
_ATLAS = "--subjects 2 --spacing-mm 10 --workers 1 --modalities t1"
_PREPARATION = "--region t1=body --counts 1:1:1 --workers 1"
SUITE = """\
name: kills
about: a training
budget: none
cohort: any
metric: mae
seeds: [1]
entries:
  plain: {recipe: RECIPE}
"""
_TIMED = {"sha256", "manifest_sha256", "manifest_parts", "commit"}
"""Keys of hashes over records that say how long something took, and of the code's version."""
STUDY = """\
name: kills
recipe: RECIPE
seeds: [1]
variants:
  whole: {}
"""


class Scene(NamedTuple):
    """A command line.

    Attributes:
        words: of the command line.
        output: folder that it writes into.
    """

    words: tuple[str, ...]
    output: Path


class Stage:
    """What commands read, made once; and the command of each verb."""

    def __init__(self, root: Path, forge: Forge) -> None:
        self._root, self._forge = root, forge
        self._made: dict[Path, Answer] = {}
        self.log = root / "log.txt"

    def scene(self, task: Task, output: Path) -> Scene:
        """Return the command line of a task that writes into a folder; what it reads is made where it is not there yet."""
        translator = task.translator
        words: dict[str, Callable[[], Sequence[object]]] = {
            "atlas": lambda: _ATLAS.split(),
            "prepare": lambda: ("folders", self._images, *_PREPARATION.split()),
            "train": lambda: (
                *(self._recipe(translator), "--cohort", self._cohort),
                *("--set", f"training.workers={task.loaders}"),
            ),
            "translate": lambda: (self._earlier("train", translator), self._cohort, "--split", "all"),
            "evaluate": lambda: (
                *(self._earlier("train", translator), "--cohort", self._cohort),
                "--save-volumes",
            ),
            "compare": lambda: (self._earlier("evaluate", translator),),
            "benchmark": lambda: (self._design("suite", SUITE), "--cohort", self._cohort, "--workers", "1"),
            "ablate": lambda: (self._design("study", STUDY), "--cohort", self._cohort, "--workers", "1"),
        }
        return Scene((task.verb, *map(str, words[task.verb]()), "-o", str(output)), output)

    def _earlier(self, verb: str, translator: str) -> Path:
        return self.reference(Task(verb, translator))

    @cached_property
    def _images(self) -> Path:
        for number in range(3):
            case = SmoothPhantom(number).load()
            folder = self._root / "images" / case.id
            folder.mkdir(parents=True)
            for modality in ("t1", "t2"):
                io.write(case.volumes[modality], folder / f"{modality}.nii.gz")
        return self._root / "images"

    @cached_property
    def _cohort(self) -> str:
        recipes = [load.load(_recipe_name(translator)) for translator in TRANSLATORS]
        firsts = {recipe.task.source[0] for recipe in recipes} - {"colour"}
        options = PrepareOptions(regions=dict.fromkeys(firsts, ("body",)), counts=(2, 1, 1))
        return str(prepare([Everything(n) for n in range(4)], self._root / "cohort", options).folder)

    def _recipe(self, translator: str) -> str:
        path = self._root / f"{translator}.yaml"
        if not path.exists():
            changes = ["training.epochs=2", "training.checkpoint_minutes=0", "training.log_every=1"]
            path.write_text(load.dump(load.changed(in_small(load.load(_recipe_name(translator))), changes)))
        return str(path)

    def _design(self, name: str, text: str) -> str:
        path = self._root / f"{name}.yaml"
        path.write_text(text.replace("RECIPE", self._recipe("unet_regression")))
        return str(path)

    def cost(self, task: Task) -> Answer:
        """Return how long the command takes that nothing interrupts, and how often it changes the disk."""
        return self._made[self.reference(task)]

    def reference(self, task: Task) -> Path:
        """Return what the command gives that nothing interrupts."""
        output = self._root / "uninterrupted" / (task.translator or "any") / str(task.loaders) / task.verb
        if output not in self._made:
            output.parent.mkdir(parents=True, exist_ok=True)
            scene = self.scene(task, output)
            answer = self._forge.run(scene.words, self.log)
            if answer.status:
                raise RuntimeError(
                    f"{' '.join(scene.words)} ended with {answer.status}: {self.log.read_text()[-2000:]}"
                )
            self._made[output] = answer
        return output


def _recipe_name(translator: str) -> str:
    names = [name for name in load.names() if load.load(name).translator == translator]
    return next((name for name in names if name.endswith("-small")), names[0])


def result_of(output: Path) -> Hashes:
    """Return the hash of every file that a command promises to give again; times and what depends on them are left out."""
    return {path.relative_to(output).as_posix(): _hash(path) for path in _files(output) if _is_promised(path)}


def broken_files(output: Path) -> list[str]:
    """Return the names of files that are in their final place and not whole."""
    return [path.relative_to(output).as_posix() for path in _files(output) if not _is_whole(path)]


def leftovers(output: Path) -> list[str]:
    """Return what is left of writing: half-written files and folders that were moved aside."""
    return [path.name for path in output.rglob(".*") if path.name.startswith((".partial-", ".old-"))]


def steps_lost(run: Path) -> int:
    """Return how many steps of a killed run its last checkpoint does not have; -1 where it has one that does not load."""
    folder = run / "checkpoints" / "last"
    saved = 0
    if folder.exists():
        try:
            saved = checkpoint.load(folder).state.step
        except TransmodalError:
            return -1
    curves = run / "curves.csv"
    rows = csv.DictReader(curves.read_text(encoding="utf-8").splitlines()) if curves.exists() else ()
    steps = [int(row["step"]) for row in rows]
    return max(0, max(steps, default=0) - saved)


def _files(output: Path) -> Iterator[Path]:
    for path in sorted(output.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(output).parts)
        if path.is_file() and not is_hidden and not path.name.startswith("events.out.tfevents"):
            yield path


def _is_promised(path: Path) -> bool:
    """Tell whether the content of a file follows from what the command was given; a cohort's key is drawn anew."""
    is_manifest = path.name == "manifest.json" and "checkpoints" in path.parts
    # Tables of a benchmark say how long its trainings took; of the figures in them there is JSON beside.
    is_timed = path.stem == "comparison" and (path.parent / "benchmark.json").exists()
    return path.name != "patients.key" and not is_manifest and not is_timed


def _hash(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".json":
        content = json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
    elif path.suffix == ".html":
        content = re.sub(
            rb"\w*seconds [\d.]+|manifest_sha256 \w+|manifest_parts \([^)]*\)|\d[\d.]* ?(ms|s|min)\b",
            b"",
            content,
        )
    return hashlib.sha256(content).hexdigest()


def _timeless(value: object) -> object:
    """Return JSON without durations, and without the hashes of files that hold some."""
    if isinstance(value, dict):
        timed = {key for key in value if "seconds" in key or key in _TIMED}
        return {key: _timeless(inner) for key, inner in value.items() if key not in timed}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def _is_whole(path: Path) -> bool:
    try:
        _open(path)
    except (OSError, ValueError, SafetensorError, TransmodalError, yaml.YAMLError, SyntaxError):
        return False
    return True


def _open(path: Path) -> None:
    """Read a file as what its name says; rows of curves are appended, so that the last one may be cut."""
    name = path.name
    if name.endswith(".nii.gz"):
        io.read(path)
    elif name.endswith(".npy"):
        np.load(path, allow_pickle=False)
    elif name.endswith(".json"):
        json.loads(path.read_text())
    elif name.endswith(".safetensors"):
        with safe_open(path, "np") as opened:
            list(opened.keys())
    elif name.endswith(".png"):
        with Image.open(path) as image:
            image.load()
    elif name.endswith(".yaml"):
        yaml.safe_load(path.read_text())
    elif (name.endswith(".html") and not path.read_text().rstrip().endswith("</html>")) or (
        name != "curves.csv" and not path.read_bytes().endswith(b"\n")
    ):
        raise ValueError(name)
