"""The acquisition parameters of an MR series, as its header has them."""

from __future__ import annotations

from typing import NamedTuple

LONG_TI_MS = 1400.0
"""From it on fluid is suppressed under T2 weighting (1650 to 2900 ms at 1.5 to 3 T, less at low field)."""


class Acquisition(NamedTuple):
    """Acquisition parameters in a header; None and empty where it has none.

    Attributes:
        description: SeriesDescription.
        protocol: ProtocolName; of GE the whole examination's.
        image_type: ImageType.
        scanning_sequence: SE, IR, GR, EP, RM.
        variant: SequenceVariant: SK, MTC, SS, TRSS, SP, MP, OSP, NONE.
        sequence_name: SequenceName, as Siemens and Canon have it.
        repetition_ms: TR.
        echo_ms: TE.
        inversion_ms: TI.
        agent: ContrastBolusAgent.
        agent_ml: ContrastBolusVolume.
    """

    description: str
    protocol: str = ""
    image_type: tuple[str, ...] = ()
    scanning_sequence: tuple[str, ...] = ()
    variant: tuple[str, ...] = ()
    sequence_name: str = ""
    repetition_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None
    agent: str = ""
    agent_ml: float | None = None

    @property
    def is_gradient(self) -> bool:
        """Whether it consists of gradient echoes alone."""
        return "GR" in self.scanning_sequence and "SE" not in self.scanning_sequence

    @property
    def inverts(self) -> bool:
        """Whether its header says that it is an inversion recovery."""
        return "IR" in self.scanning_sequence

    @property
    def fluid_suppressed(self) -> bool:
        """Whether the inversion time is one that suppresses fluid under T2 weighting."""
        return self.inversion_ms is not None and self.inversion_ms >= LONG_TI_MS
