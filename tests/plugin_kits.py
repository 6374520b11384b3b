"""Distributions of plugins as pip installs them: modules beside a folder of metadata, in a place for `sys.path`."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

TRANSLATOR = '''"""A line: Galton, Regression Towards Mediocrity in Hereditary Stature, J. Anthropol. Inst. 15, 1886; 2015 reprint."""

from typing import NamedTuple

from torch import Tensor, nn

from transmodal.losses.regression import squared
from transmodal.precision import full_precision
from transmodal.translators._base import Translator, TranslatorConfig


class Config(TranslatorConfig):
    """No setting of its own."""


class Outputs(NamedTuple):
    synthetic: Tensor


class Line(Translator[Outputs]):
    output_range = "free"

    def __init__(self, config):
        super().__init__(config)
        self.line = nn.Conv2d(config.in_channels, config.target_channels, 1)

    def forward(self, source, available, features=None, noise=None):
        self.check(source, available)
        with full_precision(source):
            return self.line(source.float())

    def players(self, phase):
        return {"generator": self}

    def synthesise(self, batch):
        return Outputs(self(batch.source, batch.available))

    def losses(self, player, batch, outputs):
        return {"mse": squared(outputs.synthetic, batch.target)}


def build(config):
    return Line(config)
'''
LAYOUT = '''"""Scans of a night shift: a file per contrast, named after the patient.

    anna_t1.nii.gz  anna_fa.nii.gz
"""

from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts import FolderContents
from transmodal.volumes import io
from transmodal.volumes.reading import STRICT, Reading


@dataclass(frozen=True)
class Options:
    """The settings.

    Attributes:
        need: contrasts that a patient needs to be taken.
    """

    need: tuple[str, ...] = ()


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseFiles]:
    """Find the patients of a night shift.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, E131 when no case is complete.
    """
    parts: release_files.Parts = {}
    for path in release_files.files_below(folder, "anna_t1.nii.gz"):
        patient, _, contrast = release_files.stem(path).rpartition("_")
        release_files.add(parts, patient, contrast, path)
    need = dict.fromkeys(parts, options.need)
    complete, left_out = release_files.complete(parts, need, folder, "anna_t1.nii.gz")
    cases = [CaseFiles(name, name.partition("-")[0], parts[name], reading=reading) for name in complete]
    return FolderContents(cases, left_out=left_out)


def write(cases, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        for contrast, volume in case.volumes.items():
            io.write(volume, folder / f"{case.id}_{contrast}.nii.gz")
'''
METRIC = '''"""The share of the reference's contrast that the synthetic volume keeps."""

from transmodal.metrics.metric import Metric


def share(pair):
    inside = ... if pair.mask is None else pair.mask
    return 1 - abs(1 - float(pair.synthetic[inside].std() / pair.reference[inside].std()))


CONTRAST = Metric("contrast_kept", "1", "higher", share, definition="standard deviations")
'''
MODULES = {"line": TRANSLATOR, "night": LAYOUT, "contrast": METRIC}
ENTRIES = {
    "translators": {"line": "night_kit.line"},
    "layouts": {"night_shift": "night_kit.night"},
    "metrics": {"contrast_kept": "night_kit.contrast:CONTRAST"},
}


def install(
    place: Path,
    entries: Mapping[str, Mapping[str, str]] = ENTRIES,
    *,
    name: str = "night-kit",
    version: str = "1.2",
    modules: Mapping[str, str] = MODULES,
) -> Path:
    """Write a distribution as `pip install --target PLACE` leaves it, and return the place."""
    package = place / name.replace("-", "_")
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('raise ImportError("imported")\n' if "__init__" in modules else "")
    for module, text in modules.items():
        if module != "__init__":
            (package / f"{module}.py").write_text(text)
    metadata = place / f"{package.name}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    sections = [
        "\n".join([f"[transmodal.{kind}]", *(f"{part} = {value}" for part, value in parts.items())])
        for kind, parts in entries.items()
    ]
    (metadata / "entry_points.txt").write_text("\n\n".join(sections) + "\n")
    return place


def pack(place: Path, folder: Path) -> Path:
    """Pack an installed distribution as a wheel into a folder, and return the wheel."""
    (metadata,) = place.glob("*.dist-info")
    (metadata / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    paths = [path.relative_to(place) for path in sorted(place.rglob("*")) if path.is_file()]
    record = metadata.relative_to(place) / "RECORD"
    (place / record).write_text("".join(f"{path.as_posix()},,\n" for path in [*paths, record]))
    wheel = folder / f"{metadata.stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in [*paths, record]:
            archive.write(place / path, path.as_posix())
    return wheel
