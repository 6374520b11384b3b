"""What an error advises exists: every option and verb in the text of an error is one of the command line's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

import transmodal
from transmodal import cli
from transmodal.cohorts import layouts
from transmodal.commands._verbs import whole

SOURCE = Path(transmodal.__file__).parent
ERRORS = ("UsageError", "InputError", "ResourceError", "IntegrityError", "InternalError", "TransmodalError")
SPREADING = ("prepare", "translate", "atlas", "benchmark", "ablate", "study")
SPLITTING = ("prepare", "merge", "resplit")
READING = ("prepare", "translate", "view", "overlap", "dose", "evaluate")
VERBS: dict[str, tuple[str, ...]] = {
    "commands/_dicom_nodes.py": ("dicom-node",),
    "commands/_dicom_": ("translate",),
    "checkpoint/": ("translate", "evaluate"),
    "cli.py": ("prepare", "merge", "resplit", "benchmark", "ablate", "atlas"),
    "cluster/": SPREADING,
    "cohorts/edit/merge.py": ("merge",),
    "cohorts/quality/duplicates.py": SPLITTING,
    "cohorts/split/slabs.py": ("prepare",),
    "cohorts/split/": SPLITTING,
    "cohorts/": ("prepare",),
    "commands/_calibrating.py": ("calibrate",),
    "commands/_case_work.py": ("evaluate",),
    "commands/_rates.py": ("plan",),
    "commands/_clusters.py": ("prepare", "atlas", "benchmark", "ablate", "study"),
    "commands/_evaluating.py": ("evaluate",),
    "commands/_exporting.py": ("export",),
    "commands/_importing.py": ("import",),
    "commands/import_weights.py": ("import",),
    "commands/_preparing.py": ("prepare",),
    "commands/_translating.py": ("translate",),
    "commands/_evaluation_words.py": ("evaluate",),
    "commands/_passes.py": ("translate", "evaluate"),
    "commands/_prediction_words.py": ("evaluate",),
    "commands/_places.py": ("translate", "reproduce"),
    "commands/_reproducing.py": ("reproduce",),
    "commands/_sources.py": ("translate",),
    "commands/_splitting.py": SPLITTING,
    "commands/_verifying.py": ("verify",),
    "commands/_viewing.py": ("view",),
    "commands/_publishing.py": ("publish",),
    "commands/_reader_sessions.py": ("reader",),
    "commands/_readers.py": ("reader",),
    "commands/_reading.py": READING,
    "evaluation/regions": ("regions",),
    "commands/_measuring": ("regions",),
    "commands/_segmenting": ("segmentation",),
    "evaluation/compare/": ("compare",),
    "evaluation/": ("evaluate",),
    "experiments/benchmark/": ("benchmark",),
    "experiments/reader/": ("reader",),
    "experiments/study/": ("study",),
    "commands/_gate.py": ("translate",),
    "evaluation/unpaired/cycle.py": ("evaluate",),
    "inference/ensemble.py": ("translate",),
    "inference/gate.py": ("translate",),
    "inference/intervals/": ("translate",),
    "inference/translation.py": ("translate",),
    "inference/": ("translate", "evaluate"),
    "nets/": ("evaluate",),
    "exporting/": ("export",),
    "importing/": ("import",),
    "publishing/": ("publish",),
    "quantizing/": ("quantize",),
    "recipes/": ("train",),
    "service/dicom_node/": ("dicom-node",),
    "service/": ("serve",),
    "training/forecast/": ("plan",),
    "training/": ("train",),
    "viewing/": ("view",),
    "volumes/diffusion.py": ("prepare",),
    "volumes/": READING,
}
"""Which verbs show a user the errors of a module; the first entry that fits counts, and commands have their own."""


OTHER_PROGRAMS = r"\b(dask|gdcmconv|dcmdjpeg|dcm2niix|git|pip)\b"
"""Programs whose options advice may name."""


class Text(NamedTuple):
    """The texts of an error where it is raised, with `{}` for what is filled in."""

    module: str
    line: int
    text: str


def texts() -> Iterator[Text]:
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            module = path.relative_to(SOURCE).as_posix()
            if isinstance(node, ast.Call):
                for argument in advice_in(node):
                    yield from (Text(module, node.lineno, text) for text in said(argument))
            elif module.startswith("cohorts/") and isinstance(node, (ast.Constant, ast.JoinedStr)):
                # What layouts leave aside is told in lines with advice too.
                yield from (
                    Text(module, node.lineno, text)
                    for text in said(node)
                    if " --" in text and "\n" not in text
                )


def advice_in(call: ast.Call) -> list[ast.expr]:
    """Return the arguments of a call that advise the user."""
    if getattr(call.func, "id", "") in ERRORS:
        return call.args[2:]
    if ast.unparse(call.func) in ("memory.guarded", "memory.shortage"):
        return call.args[1:]
    return []


def said(node: ast.expr) -> list[str]:
    """Return what an expression can say."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)]  # type: ignore[misc]  # text
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "suggest":
        return said(node.args[2])
    if isinstance(node, ast.IfExp):
        return [*said(node.body), *said(node.orelse)]
    return []


def verbs_of(module: str) -> tuple[str, ...]:
    own = re.fullmatch(r"commands/([a-z]+)\.py", module)
    if own:
        return (own[1],)
    return next((verbs for prefix, verbs in VERBS.items() if module.startswith(prefix)), ())


@lru_cache
def options_of(verb: str) -> set[str]:
    command = whole(verb)
    return {name for one in command.params for name in one.opts} | {"--help", "-h"}


ADVICE = [one for one in texts() if re.search(r"(?<![\w-])--?[a-z]|transmodal [a-z]+", one.text)]


def test_there_is_advice() -> None:
    assert len(ADVICE) > 40


@pytest.mark.parametrize("one", ADVICE, ids=lambda one: f"{one.module}:{one.line}")
def test_options_and_verbs_of_advice_exist(one: Text) -> None:
    named = re.findall(r"(?<!of )transmodal ([a-z]+(?:-[a-z]+)*)", one.text)
    assert set(named) <= set(cli.VERBS), one
    for clause in re.split(r"[,;.] (?!\.)", one.text):
        if re.search(OTHER_PROGRAMS, clause):
            continue
        said_here = ("prepare",) if re.search(r"\bprepare\b", clause, re.IGNORECASE) else ()
        verbs = said_here or tuple(named) or verbs_of(one.module)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", clause):
            assert verbs, f"{one.module} advises {option}: which verb shows it?"
            for verb in verbs:
                assert option in options_of(verb), f"{verb} has no {option}: {one}"


KEYS = {
    "cohorts/quality/assumed_spacing.py": ("slices", "pairs"),
    "cohorts/layouts/_body_slab.py": ("korean_human",),
    "cohorts/layouts/_dicom_naming.py": ("dicom",),
    "cohorts/layouts/_slice_stack.py": ("slices", "pairs"),
    "cohorts/layouts/_stack_facts.py": ("korean_human",),
    "cohorts/layouts/_tensor_case.py": ("t1_fa",),
    "cohorts/layouts/_whole_body.py": ("korean_human",),
    "cohorts/headers/dicom_series.py": ("dicom",),
    "cohorts/prepare/validate.py": ("folders", "pairs", "bids", "dicom", "ixi", "t1_fa"),
    "cohorts/release_files.py": (
        "bids",
        "brats",
        "ixi",
        "pairs",
        "synthrad",
    ),  # those that advise `release_files.FEWER`
    "cohorts/split/slabs.py": ("korean_human",),
    "volumes/diffusion.py": ("t1_fa",),
}
"""Layouts whose users see the advice of a module that is none itself."""


@pytest.mark.parametrize(
    "one",
    [one for one in ADVICE if "--with " in one.text and "KEY=VALUE" not in one.text],
    ids=lambda one: one.text[-40:],
)
def test_keys_of_layouts_in_advice_exist(one: Text) -> None:
    module = Path(one.module).stem
    named = re.findall(r"transmodal prepare ([a-z0-9_]+)", one.text)
    seen_by = named or KEYS.get(one.module) or [name for name in layouts.names() if name == module]
    if one.module == "cohorts/steps/voxelwise.py":
        seen_by = ["synthrad"] if "outside" in one.text else ["brats"]
    assert seen_by, f"{one.module} advises a key: of which layout?"
    keys = re.findall(r"--with (?:[a-z_]+ )?([a-z_]+)(?:=| out)", one.text) + re.findall(
        r"[(,] (?:or )?([a-z_]+)=", one.text
    )
    assert keys, one.text
    for layout in seen_by:
        known = {field.name for field in fields(layouts.parse_options(layout))}  # type: ignore[arg-type]  # a dataclass
        assert set(keys) <= known, f"{layout} has no key {set(keys) - known}"


def test_every_layout_that_advises_to_need_less_has_the_key() -> None:
    users = {
        name for name in layouts.names() if "FEWER" in (SOURCE / f"cohorts/layouts/{name}.py").read_text()
    }
    assert users == set(KEYS["cohorts/release_files.py"])
