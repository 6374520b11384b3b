"""SynthRAD2023 and SynthRAD2025 as released: MR or CBCT, CT and the body's mask.

    Task1/brain/1BA001/  mr.nii.gz    ct.nii.gz  mask.nii.gz      (2023: brain B, pelvis P)
    Task2/HN/2HNA001/    cbct.mha     ct.mha     mask.mha         (2025: AB, HN, TH)

A name is task, region, centre and number. `folder` is the release, a task, or a region of it; overviews and
tables beside the cases are ignored. MR and CT come registered and on one grid: nothing is resampled here.
The mask, the outline of the body dilated, is where the challenge takes its figures, and so where we do.

Sources: Thummerer et al. 2023 (arXiv 2303.16320) for 2023; the challenge's preprocessing for 2025, whose
second release clips CT and CBCT to [-1024, 3071] HU.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case import Step
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.steps.voxelwise import Clip, Outside
from transmodal.errors import UsageError
from transmodal.volumes.reading import STRICT, Reading

_NAME = re.compile(r"(?P<task>[12])(?P<region>AB|HN|TH|B|P)(?P<centre>[A-F])(?P<number>\d{3})")
_EXPECTED = "<task><region><centre><number>/ (such as 1BA001) with mr or cbct, ct and mask"
_SOURCES = {"1": "mr", "2": "cbct"}
_IMAGES = ("mr", "cbct", "ct", "mask")
_AIR_HU = -1024.0
_CLIP_2025 = (_AIR_HU, 3071.0)


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        need: what a case needs beside its source to be taken; nothing for the cases of a test set.
        clip: `challenge` clips CT and CBCT of 2025 to [-1024, 3071] HU and leaves those of 2023, whose
            evaluation does the clipping, as they are; `none`; or LOW:HIGH in HU.
        outside: `keep` what lies outside the mask, or set it to `air`: CT and CBCT -1024 HU, MR 0.
        group: what stays on one side of the split beside the patient: nothing, or the `centre`.

    Raises:
        UsageError: E001 for another value.
    """

    need: tuple[str, ...] = ("ct", "mask")
    clip: str = "challenge"
    outside: str = "keep"
    group: str = ""

    def __post_init__(self) -> None:
        for image in self.need:
            release_files.check_choice("need", image, ("ct", "mask"))
        release_files.check_choice("outside", self.outside, ("keep", "air"))
        release_files.check_choice("group", self.group, ("", "centre"))
        if self.clip not in ("challenge", "none"):
            _parse_range(self.clip)


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseFiles]:
    """Find the cases of a release, and what was left aside.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, E103 when a case has two files of
            one kind, E131 when no case is complete.
    """
    folder = Path(folder)
    parts: release_files.Parts = {}
    unknown = []
    for path in release_files.files_below(folder, _EXPECTED):
        case, image = path.parent.name, release_files.stem(path).lower()
        if not _NAME.fullmatch(case):
            if release_files.is_volume(path):
                unknown.append(path)
        elif image in _IMAGES and release_files.is_volume(path):
            release_files.add(parts, case, image, path)
        else:
            parts.setdefault(case, {})
            unknown.append(path)
    need = {case: (_SOURCES[case[0]], *options.need) for case in parts}
    whole, left_out = release_files.complete(parts, need, folder, _EXPECTED, release_files.FEWER)
    return FolderContents(
        [_case(case, parts[case], options, reading) for case in whole],
        release_files.summarise(unknown, folder, "neither mr, cbct, ct nor mask of a case"),
        left_out,
    )


def _case(case: str, images: dict[str, Path], options: Options, reading: Reading) -> CaseFiles:
    name = _NAME.fullmatch(case)
    assert name is not None
    return CaseFiles(
        case,
        case,
        {image: path for image, path in images.items() if image != "mask"},
        mask=images.get("mask"),
        group=f"centre {name['centre']} of {name['region']}" if options.group else "",
        steps=_steps(name["region"], options),
        reading=reading,
    )


def _steps(region: str, options: Options) -> tuple[Step, ...]:
    steps: list[Step] = []
    if options.clip not in ("challenge", "none"):
        steps.append(Clip(("ct", "cbct"), *_parse_range(options.clip)))
    elif options.clip == "challenge" and region in ("AB", "HN", "TH"):
        steps.append(Clip(("ct", "cbct"), *_CLIP_2025))
    if options.outside == "air":
        steps.append(Outside((("ct", _AIR_HU), ("cbct", _AIR_HU), ("mr", 0.0))))
    return tuple(steps)


def _parse_range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
        if not low < high:
            raise ValueError(text)
    except ValueError as error:
        raise UsageError(
            "E001", f"clip={text}", "challenge, none or LOW:HIGH in HU", "Correct it."
        ) from error
    return low, high
