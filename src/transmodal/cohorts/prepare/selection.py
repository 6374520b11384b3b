"""A check before a preparation goes on: the cases in the cohort's folder have to be among those to prepare."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.manifest import Manifest, read_manifest
from transmodal.cohorts.prepare import write_case
from transmodal.errors import InputError, IntegrityError, TransmodalError, UsageError


def check(folder: Path, makers: Mapping[str, CaseMaker]) -> None:
    """Refuse to prepare other cases over a cohort; nothing of it is touched.

    A preparation goes on where every case that the folder holds is named again, and where the inputs of one of
    them at least are the same as before: a case that was corrected, and cases that are new, are welcome, another
    data set under the same names is not. Options may differ; the cases that they touch are prepared again.

    Args:
        folder: the cohort's.
        makers: of the cases to prepare, by folder name.

    Raises:
        UsageError: E005 when the folder holds cases of another selection.
    """
    manifest = read_recorded(folder)
    recorded = _list_stored(folder)
    if manifest is not None:
        recorded |= {case.id for case in manifest.cases} | set(manifest.left_out)
    missing = sorted(recorded - set(makers))
    if missing:
        raise _refusal(
            folder, f"holds {_list_cases(missing)}, not among the {len(makers)} {_cases(makers)} to prepare"
        )
    if manifest is not None and manifest.cases and not _any_same(folder, manifest, makers):
        raise _refusal(folder, f"holds {_list_cases([case.id for case in manifest.cases])} with other images")


def _any_same(folder: Path, manifest: Manifest, makers: Mapping[str, CaseMaker]) -> bool:
    """Return whether a case that stands was prepared from inputs that its maker still has."""
    checked = 0
    for case in manifest.cases:
        entry = write_case.load_prepared(folder, case.id).entry
        if entry is None:  # lost or damaged: it says nothing
            continue
        checked += 1
        try:
            inputs = makers[case.id].fingerprint()
        except TransmodalError:
            continue
        # By the options that were recorded: those that are asked for now may differ.
        if entry.fingerprint == write_case.fingerprint(inputs, entry.volumes, manifest.options):
            return True
    return checked == 0


def read_recorded(folder: Path) -> Manifest | None:
    """Return the manifest that a folder has; None where it has none that can be believed."""
    try:
        return read_manifest(folder / "cohort.json")
    except (InputError, IntegrityError):  # none yet, or one that is written anew
        return None


def _list_stored(folder: Path) -> set[str]:
    """Return the cases that stand without a manifest, as an interrupted preparation leaves them."""
    return {path.parent.name for path in (folder / "cases").glob("[!.]*/case.json")}


def _refusal(folder: Path, state: str) -> UsageError:
    return UsageError(
        "E005",
        f"{folder} {state}",
        "a new folder, or the cases that the cohort was prepared from",
        "Choose another folder with -o, or put cohorts together afterwards: transmodal merge.",
    )


def _list_cases(names: Collection[str]) -> str:
    first, *more = names
    return f"case {first} and {len(more)} more" if more else f"case {first}"


def _cases(makers: Collection[str]) -> str:
    return "case" if len(makers) == 1 else "cases"
