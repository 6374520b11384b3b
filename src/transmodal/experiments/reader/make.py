"""Make a reading session: choose cases and slices, draw every picture, seal which is which away from the pictures."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transmodal._version import __version__
from transmodal.cohorts.store import Cohort
from transmodal.counts import counted
from transmodal.errors import UsageError
from transmodal.evaluation.external.sites import select_cases
from transmodal.evaluation.predictions.alone import choose_target
from transmodal.experiments.reader.items import (
    ItemPlan,
    ItemRequest,
    PictureId,
    draw_names,
    plan_items,
)
from transmodal.experiments.reader.order import MOST_REPEATS
from transmodal.experiments.reader.pictures import encode_alike
from transmodal.experiments.reader.selection import Drawing, ReaderRequest, choose_cases, draw_cases
from transmodal.experiments.reader.session import (
    PICTURES,
    QUESTIONS,
    PictureTruth,
    ReaderKey,
    ReaderSession,
    key_sha256,
    write_key,
    write_session,
)
from transmodal.experiments.reader.systems import CaseRequest, ReadSystem, find_systems
from transmodal.experiments.record import cohort_record
from transmodal.experiments.study.record import StudyCohort
from transmodal.progress import StageProgress
from transmodal.storage import files, outputs

N_ORDERS = 8
"""Orders of a session's items; a ninth reader has the first's."""


class MadeSession(NamedTuple):
    """A session that was written, its key, and remarks for who made it."""

    session: ReaderSession
    key: ReaderKey
    notes: tuple[str, ...]


def make_session(
    request: ReaderRequest,
    cohort: Cohort,
    folder: Path,
    key: Path,
    progress: StageProgress | None = None,
) -> MadeSession:
    """Draw the pictures of a session and write it; its key goes elsewhere.

    Args:
        request: what it is made of.
        cohort: whose cases are shown.
        folder: of the session; a new one.
        key: file of the key, outside of the folder.
        progress: told how far it is.

    Raises:
        UsageError: E001 and E004 for what does not go together, E005 for a folder or a key that is there.
        InputError: E132 without cases that every system has a volume of, E131 for lesions that are nowhere known, and as
            `systems.find_systems` and `pictures.draw_slice`.
    """
    _check(request, folder, key)
    target = choose_target(cohort, request.target)
    cases = [case for case in select_cases(cohort, request.split) if target in case.modalities]
    systems = find_systems(request.systems, CaseRequest(cohort, cases, target, request.reading))
    if request.pairs == "systems" and len(systems) < 2 and "preference" in request.questions:
        raise UsageError(
            "E004", "--pairs systems of one system", "two or more", "Name another, or choose --pairs real."
        )
    seed = secrets.randbits(63) if request.seed is None else request.seed
    draw = np.random.default_rng(seed)
    session_cases = choose_cases(cases, systems, request.n_cases, draw)
    drawing = draw_cases(request, cohort, target, session_cases, systems, draw, progress)
    content = _Content(request, cohort, target, systems, drawing, seed, len(cases) - len(session_cases))
    return _write(content, draw, folder, key)


class _Content(NamedTuple):
    """All that a session is written from."""

    request: ReaderRequest
    cohort: Cohort
    target: str
    systems: Sequence[ReadSystem]
    drawing: Drawing
    seed: int
    n_left_out: int


def _check(request: ReaderRequest, folder: Path, key: Path) -> None:
    """Refuse words that do not fit, before anything is read."""
    if not request.systems:
        raise UsageError(
            "E004",
            "a session without synthetic pictures",
            "evaluations or folders of predictions",
            "Name them: transmodal reader make SESSION EVALUATION...",
        )
    if not 0 <= request.repeats <= MOST_REPEATS:
        raise UsageError(
            "E001", f"--repeats {request.repeats:g}", f"0 to {MOST_REPEATS:.2f}", "Choose such a share."
        )
    if ("lesion" in request.questions) != (request.lesions is not None):
        has_question = "lesion" in request.questions
        raise UsageError(
            "E004",
            "the question lesion without lesions" if has_question else "lesions without their question",
            "both",
            "Name --lesion-labels or --subjects together with --questions lesion, or leave both out.",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "E005", f"{folder} is there already", "a new folder: answers are never mixed", "Choose another."
        )
    if key.exists() or key.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            "E005",
            f"the key {key}",
            "a new file outside of the session's folder, which goes to readers",
            "Choose another place: --key.",
        )
    outputs.check_folder(folder)
    outputs.check_file(key)


def _write(content: _Content, draw: np.random.Generator, folder: Path, key_path: Path) -> MadeSession:
    request, drawing = content.request, content.drawing
    ids = list(drawing.pictures)
    names = dict(zip(ids, draw_names(len(ids), draw), strict=True))
    shape, encoded = encode_alike(list(drawing.pictures.values()))
    contents = {f"{names[own]}.png": png for own, png in zip(ids, encoded, strict=True)}
    files_of = {own: f"{name}.png" for own, name in names.items()}
    systems = [system.name for system in content.systems]
    plan = plan_items(
        drawing.slices,
        files_of,
        ItemRequest(systems, request.pairs, request.repeats, N_ORDERS),
        draw,
    )
    key = _key(content, files_of, plan, draw.bytes(8).hex())
    digests = {name: sha256(contents[name]).hexdigest() for name in sorted(contents)}
    session = ReaderSession(
        id=key.session,
        title="Reading session",
        shape=shape,
        pictures=digests,
        items=plan.items,
        orders=plan.orders,
        key_sha256=key_sha256(key),
    )
    try:
        with files.atomic_folder(folder) as beside:
            _write_pictures({name: contents[name] for name in digests}, beside / PICTURES)
            write_session(session, beside)
            write_key(key, key_path)
    except BaseException:
        key_path.unlink(missing_ok=True)  # of no session
        raise
    return MadeSession(session, key, _notes(content, plan))


def _write_pictures(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write files in the order of their names, all of one time: nothing tells in which order they were drawn."""
    folder.mkdir()
    for name, png in contents.items():
        (folder / name).write_bytes(png)
        os.utime(folder / name, (0, 0))


def _key(content: _Content, names: Mapping[PictureId, str], plan: ItemPlan, session: str) -> ReaderKey:
    request, drawing = content.request, content.drawing
    by_place = {(shown_slice.case, shown_slice.place): shown_slice for shown_slice in drawing.slices}
    truths = {}
    for own, name in names.items():
        shown_slice = by_place[own.case, own.place]
        truths[name] = PictureTruth(
            case=own.case,
            patient=shown_slice.patient,
            system=own.system,
            slice=own.place,
            has_lesion=shown_slice.has_lesion,
        )
    return ReaderKey(
        session=session,
        seed=content.seed,
        cohort=StudyCohort(**cohort_record(content.cohort)),
        split=request.split,
        target=content.target,
        plane=request.style.plane,
        systems=tuple(system.origin for system in content.systems),
        pictures=dict(sorted(truths.items())),
        repeats=plan.repeats,
        protocol=_describe(content),
        tool_version=__version__,
    )


def _describe(content: _Content) -> str:
    """Return in sentences how pictures were made and items were drawn."""
    request, drawing = content.request, content.drawing
    style = request.style
    window = (
        f"the window {style.window[0]:g} to {style.window[1]:g}"
        if style.window
        else "the window of the modality where it has a unit, an open end taken from the measured image, else that of each volume's own values (0.5th to 99.5th percentile)"
    )
    outside = "shown" if style.shows_outside else "black, where the case has an evaluation mask"
    n_cases = len({shown_slice.case for shown_slice in drawing.slices})
    sentences = [
        f"{counted(len(drawing.pictures), 'picture')} of {counted(n_cases, 'case')}: {style.plane} slices of {content.target}, "
        f"the same slice of the measured image and of every system, in {window}; what lies outside is {outside}.",
        "Names and orders were drawn; all pictures have one size in pixels and bytes, and no metadata.",
        f"Repeated items: {request.repeats:.0%} of each question, at least a third of the items later, pairs with their sides "
        "changed.",
    ]
    if request.lesions is not None:
        sentences.append(f"Lesions: {request.lesions.text()}.")
    return " ".join(sentences)


def _notes(content: _Content, plan: ItemPlan) -> tuple[str, ...]:
    notes = []
    if content.n_left_out:
        notes.append(f"{counted(content.n_left_out, 'case')} of the split not shown.")
    n_patients = len({shown_slice.patient for shown_slice in content.drawing.slices})
    if n_patients < 6:
        notes.append(f"{counted(n_patients, 'patient')}: below six there are no intervals.")
    if "lesion" in content.request.questions and all(
        shown_slice.has_lesion is not False for shown_slice in content.drawing.slices
    ):
        notes.append(
            "No slice without a lesion: how often readers see one where there is none cannot be said."
        )
    for question in QUESTIONS:
        n = sum(item.question == question for item in plan.items.values())
        if n:
            notes.append(f"{question}: {counted(n, 'item')}.")
    return tuple(notes)
