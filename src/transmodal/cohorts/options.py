"""The options that a cohort is prepared and split with, as its manifest keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from transmodal.storage import files
from transmodal.volumes.intensity import IntensitySpec
from transmodal.volumes.regions.masks import Kind

RegionKind = Kind
VERSION = 1
"""Of the format, and of how `prepare` makes arrays: another one prepares every case anew."""

CopiesPolicy = Literal["refuse", "warn", "ignore"]
"""The policy on copies of one image under two patients' names."""


class FrozenRecord(BaseModel):
    """A record that takes no unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """The split of cases into training, validation and test.

    Attributes:
        ratios: shares of training, validation and test, over patients or groups.
        counts: numbers of patients (or groups) instead of shares.
        seed: of the ranks of the groups.
        fold: number of the fold to test, from 0, and how many folds there are; instead of the share to test.
        test_group: group to test, such as `site Guys`; instead of the share to test.
    """

    ratios: tuple[float, float, float] = (8, 1, 1)
    counts: tuple[int, int, int] | None = None
    seed: int = 2024
    fold: tuple[int, int] | None = None
    test_group: str = ""


class PrepareOptions(FrozenRecord):
    """The masks and intensity maps that a preparation computes, and how it splits the cases.

    Attributes:
        regions: masks to compute, by source modality: `{"t1": ("brain",)}`.
        intensity: intensity maps by modality, where the modality's default does not fit.
        ratios: shares of training, validation and test, over patients or groups.
        counts: numbers of patients (or groups) instead of shares.
        seed: of the split.
        fold: number of the fold to test, from 0, and how many folds there are; instead of the share to test.
        test_group: group to test, such as `site Guys`; instead of the share to test.
        copies: the policy on copies of one image under two patients' names: refused where they stand on
            two sides, only warned of, or not looked for.
        keep_going: leave failing cases out and record them, instead of stopping at the end.
        strict_pairs: take a case whose contrasts do not seem to lie on one another for a failing one.
        record_names: write the base names of the input files into the manifest.
        labels: names of the segmentation's labels, for reports; nothing is computed from them.
    """

    regions: Mapping[str, tuple[RegionKind, ...]] = {}
    intensity: Mapping[str, IntensitySpec] = {}
    ratios: tuple[float, float, float] = (8, 1, 1)
    counts: tuple[int, int, int] | None = None
    seed: int = 2024
    fold: tuple[int, int] | None = None
    test_group: str = ""
    copies: CopiesPolicy = "refuse"
    keep_going: bool = False
    strict_pairs: bool = False
    record_names: bool = True
    labels: Mapping[int, str] = {}

    def with_split(self, split: SplitOptions) -> PrepareOptions:
        """Return the options with another split."""
        return self.model_copy(update=asdict(split))

    def with_names(self, names: Mapping[str, str]) -> PrepareOptions:
        """Return the options with modalities under other names, by those that they have."""
        return self.model_copy(
            update={
                "regions": {names.get(name, name): kinds for name, kinds in self.regions.items()},
                "intensity": {names.get(name, name): spec for name, spec in self.intensity.items()},
            }
        )

    def fingerprint(self, modalities: tuple[str, ...]) -> str:
        """Return a hash of the options that decide the arrays of a case with these modalities."""
        data = self.model_dump(mode="json", include={"regions", "intensity", "record_names"})
        for part in ("regions", "intensity"):
            # Options of modalities that the case lacks do not touch it.
            data[part] = {name: data[part][name] for name in sorted(data[part]) if name in modalities}
        return files.sha256_text(f"{VERSION} {json.dumps(data, sort_keys=True)}")
