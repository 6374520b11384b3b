"""One record per modality: unit, window, range, storage and names. A new modality is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from transmodal.volumes.bounds import Bounds
from transmodal.volumes.intensity import IntensitySpec

ROBUST = IntensitySpec("percentile", 0.5, 99.5)
"""Intensity map of values without a unit, such as MR contrasts: robust ends inside the mask."""


_OPEN = Bounds()


class BidsName(NamedTuple):
    """Name of a modality's images in BIDS.

    Attributes:
        datatype: its folder.
        suffix: such as T1w.
        entity: what the name says beside its subject, with its `_`, such as `ce-gadolinium_`.
    """

    datatype: str
    suffix: str
    entity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modality:
    """One modality. The defaults are those of a grey image without a unit, such as an MR contrast.

    A modality of a user's own, which has no line in `MODALITIES`, has these defaults. A cohort's or recipe's
    intensity map, and the unit that a cohort finds in its values, hold before the record's.

    Attributes:
        name: in cohorts and recipes, small letters.
        unit: of its values; empty where they have the training cohort's reference units.
        window: values shown from black to white, in the unit; an open end is taken from the values.
        decimals: of figures in the unit; None writes three digits.
        background: the value of nothing in the unit, which SSIM counts from.
        bounds: values that the modality can have, in the unit; None looks at the training cohort's map.
        intensity: how values are mapped where no cohort or recipe says it; a fixed window where there is a unit.
        storage: type of a synthetic volume's values in files, which rounds them where it is whole.
        is_colour: sRGB of 8 bits, whatever the pixels are: a slab of it can be black all over.
        regions: how the target's values make regions: `tissues` by HU, `tenths` of equal size, or none.
        dicom: DICOM's Modality; empty where it is not known.
        bids: how BIDS names it; None where it does not.
        aliases: names in data sets and folders, small letters.
        usually: the modality that data sets mean by a name that says less; empty where it says all.
    """

    name: str
    unit: str = ""
    window: Bounds = _OPEN
    decimals: int | None = None
    background: float = 0.0
    bounds: Bounds | None = None
    intensity: IntensitySpec = ROBUST
    storage: Literal["float32", "int16", "uint8"] = "float32"
    is_colour: bool = False
    regions: Literal["tissues", "tenths"] | None = None
    dicom: str = ""
    bids: BidsName | None = None
    aliases: frozenset[str] = frozenset()
    usually: str = ""

    @property
    def label(self) -> str:
        """Its name as readers know it: `T1`, `FA`, `CT`, and `colour`."""
        return self.name if self.is_colour else self.name.upper()

    @property
    def data_range(self) -> float | None:
        """Width of the fixed window, which figures are relative to; None where each cohort has its own."""
        return self.intensity.high - self.intensity.low if self.intensity.method == "window" else None

    @property
    def is_sequence(self) -> bool:
        """Whether it is MR and says which contrast."""
        return self.dicom == "MR" and not self.usually


# T1 with contrast agent is no T1: names of one are none of the other. Hounsfield units have the window of SynthRAD,
# and scanners store nothing below -1024; those of cone beams are not calibrated. FA and ct are no ratified BIDS names.
MODALITIES: tuple[Modality, ...] = (
    Modality(name="t1", dicom="MR", bids=BidsName("anat", "T1w"), aliases=frozenset({"t1w", "t1n"})),
    Modality(
        name="t1ce",
        dicom="MR",
        bids=BidsName("anat", "T1w", "ce-gadolinium_"),
        aliases=frozenset({"t1c", "t1gd", "t1wce"}),
    ),
    Modality(name="t2", dicom="MR", bids=BidsName("anat", "T2w"), aliases=frozenset({"t2w"})),
    Modality(name="pd", dicom="MR", bids=BidsName("anat", "PDw"), aliases=frozenset({"pdw"})),
    Modality(name="flair", dicom="MR", bids=BidsName("anat", "FLAIR"), aliases=frozenset({"t2f", "t2flair"})),
    Modality(name="mr", dicom="MR", aliases=frozenset({"mri"}), usually="t1"),
    Modality(
        name="fa",
        unit="FA",
        window=Bounds(0.0, None),
        decimals=4,
        bounds=Bounds(0.0, 1.0),
        intensity=IntensitySpec("window", 0.0, 1.0),
        regions="tenths",
        dicom="MR",
        bids=BidsName("dwi", "dwimap", "param-fa_"),
    ),
    Modality(
        name="ct",
        unit="HU",
        window=Bounds(-1000.0, 1000.0),
        decimals=1,
        background=-1024.0,
        bounds=Bounds(-1024.0, None),
        intensity=IntensitySpec("window", -1024.0, 3000.0),
        storage="int16",
        regions="tissues",
        dicom="CT",
        bids=BidsName("ct", "ct"),
    ),
    Modality(name="cbct", dicom="CT"),
    Modality(name="pet", dicom="PT", bids=BidsName("other", "pet")),
    Modality(
        name="colour",
        unit="sRGB levels",
        window=Bounds(0.0, 255.0),
        decimals=2,
        bounds=Bounds(0.0, 255.0),
        intensity=IntensitySpec("window", 0.0, 255.0),
        storage="uint8",
        is_colour=True,
        aliases=frozenset({"color"}),
    ),
)
"""All modalities that this software knows something of; read through the functions below."""


def known_modalities() -> tuple[Modality, ...]:
    """Return the records of all modalities that this software knows something of."""
    return MODALITIES


def modality_of(name: str) -> Modality:
    """Return a modality's record; the documented defaults for a name that has no line in `MODALITIES`."""
    return next((modality for modality in MODALITIES if modality.name == name), Modality(name=name))


def modality_in(unit: str) -> Modality:
    """Return the record that says how values of a unit are written and counted; the defaults for any other unit.

    Args:
        unit: such as `HU`; modalities in one unit agree in decimals, background and regions.
    """
    return next(
        (modality for modality in MODALITIES if modality.unit == unit and unit), Modality(name="", unit=unit)
    )
