"""IXI as released: T1, T2 and PD of healthy people, one folder per contrast.

    IXI-T1/IXI002-Guys-0828-T1.nii.gz    IXI-T2/IXI002-Guys-0828-T2.nii.gz    IXI-PD/IXI002-Guys-0828-PD.nii.gz

The people come from three London hospitals. T2 and PD are the two echoes of one acquisition and share a grid. T1 was
taken apart, with another axis order, and is not registered: it is brought rigidly onto the grid of T2 and PD, which are
not touched. With `--with onto=t1` T2 and PD come onto T1's grid instead, sharing one transform, as pGAN, ResViT and
SynDiff have it. MRA and diffusion images are ignored. Heads keep their skull.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case import Step
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.steps.coregistration import Coregister, Unbias
from transmodal.errors import UsageError
from transmodal.volumes.reading import STRICT, Reading

_NAME = re.compile(
    r"(?P<case>(?P<patient>IXI\d{3})-(?P<site>[A-Za-z]+)-\d{4})-(?P<what>T1|T2|PD)", re.IGNORECASE
)
_EXPECTED = "IXI002-Guys-0828-T1.nii.gz and the same with T2 and PD, in folders or not"
_CONTRASTS = ("t1", "t2", "pd")


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        need: contrasts that are taken, and that a case needs to be taken at all.
        onto: whose grid the case comes onto: `t2` (that of T2 and PD), `t1`, or `none` to register
            nothing, for files that were registered before.
        bias: take the bias field out of every contrast with N4, before registration.
        limit_mm: a registration whose two directions differ by more has failed.
        group: what stays on one side of the split beside the patient: nothing, or the `site`.

    Raises:
        UsageError: E001 for another value.
    """

    need: tuple[str, ...] = _CONTRASTS
    onto: str = "t2"
    bias: bool = False
    limit_mm: float = 2.0
    group: str = ""

    def __post_init__(self) -> None:
        for contrast in self.need:
            release_files.check_choice("need", contrast, _CONTRASTS)
        if not self.need:
            raise UsageError("E001", "need=", "one or more of t1, t2, pd", "Leave it out for all three.")
        release_files.check_choice("onto", self.onto, ("t1", "t2", "none"))
        release_files.check_choice("group", self.group, ("", "site"))
        if not self.limit_mm > 0:
            raise UsageError("E001", f"limit_mm={self.limit_mm}", "more than 0", "Correct it.")


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseFiles]:
    """Find the cases of IXI, and what was left aside.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, E103 when a case has two files of
            one contrast, E131 when no case is complete.
    """
    folder = Path(folder)
    parts: release_files.Parts = {}
    unknown = []
    for path in release_files.files_below(folder, _EXPECTED):
        name = _NAME.fullmatch(release_files.stem(path))
        if name is None or not release_files.is_volume(path):
            unknown.append(path)
        elif name["what"].lower() in options.need:
            release_files.add(parts, name["case"], name["what"].lower(), path)
    whole, left_out = release_files.complete(
        parts, dict.fromkeys(parts, options.need), folder, _EXPECTED, release_files.FEWER
    )
    return FolderContents(
        [_case(case, parts[case], options, reading) for case in whole],
        release_files.summarise(unknown, folder, "neither T1, T2 nor PD by its name"),
        left_out,
    )


def _case(case: str, images: dict[str, Path], options: Options, reading: Reading) -> CaseFiles:
    patient, site, _ = case.split("-")
    return CaseFiles(
        case,
        patient,
        images,
        group=f"site {site}" if options.group else "",
        steps=_steps(options),
        reading=reading,
    )


def _steps(options: Options) -> tuple[Step, ...]:
    steps: list[Step] = [Unbias(options.need)] if options.bias else []
    echoes = tuple(name for name in ("t2", "pd") if name in options.need)
    if options.onto != "none" and "t1" in options.need and echoes:
        steps.append(
            Coregister("t1", echoes[0], echoes[1:], options.limit_mm)
            if options.onto == "t1"
            else Coregister(echoes[0], "t1", (), options.limit_mm)
        )
    return tuple(steps)
