"""The gate: sources are checked before they are translated; one that does not fit the run is named or refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from transmodal.cohorts.headers.source_facts import SourceFacts, header_findings
from transmodal.cohorts.quality.finding import OUTCOMES, Finding, Outcome
from transmodal.cohorts.quality.source_check import check_source
from transmodal.cohorts.quality.training_sources import SourceReference
from transmodal.errors import InputError
from transmodal.volumes import Volume

Policy = Literal["strict", "refuse", "warn", "off"]
"""How a doubtful source is handled: `strict` refuses on a warning too, `refuse` on a refusal, `warn` translates all the
same and says so, `off` does not check."""

NO_REFERENCE = "not checked: the run keeps no reference"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """How sources are checked.

    Attributes:
        policy: for doubtful sources.
        facts: what the sources' headers and names say, by modality.
        name: of the case, for messages; empty where there is one.
    """

    policy: Policy = "refuse"
    facts: Mapping[str, SourceFacts] = field(default_factory=dict)
    name: str = ""


class SourceVerdict(NamedTuple):
    """The gate's findings on one source.

    Attributes:
        findings: against it.
        figures: behind it, JSON-able.
        note: why it was not checked; empty where it was.
    """

    findings: tuple[Finding, ...]
    figures: Mapping[str, Any]
    note: str = ""

    @property
    def outcome(self) -> Outcome:
        """The worst of the findings."""
        return max((finding.outcome for finding in self.findings), key=OUTCOMES.index, default="pass")


class Verdict(NamedTuple):
    """The gate's findings on the sources of a case.

    Attributes:
        sources: by modality.
        policy: that was asked for.
    """

    sources: Mapping[str, SourceVerdict]
    policy: Policy

    @property
    def outcome(self) -> Outcome:
        """The worst over the sources."""
        return max((verdict.outcome for verdict in self.sources.values()), key=OUTCOMES.index, default="pass")

    @property
    def is_closed(self) -> bool:
        """Whether the policy refuses what was found."""
        least = {"strict": 1, "refuse": 2}.get(self.policy, len(OUTCOMES))
        return OUTCOMES.index(self.outcome) >= least

    def lines(self) -> list[str]:
        """Return each finding on a line, and why a source was not checked."""
        notes = [f"{name}: {verdict.note}" for name, verdict in self.sources.items() if verdict.note]
        return notes + [
            f"{name}: {finding.outcome}: {finding.text} ({finding.evidence})"
            for name, verdict in self.sources.items()
            for finding in verdict.findings
        ]

    def record(self) -> dict[str, Any]:
        """Return what stands in a sidecar."""
        return {
            "outcome": self.outcome if self.policy != "off" else "not checked",
            "policy": self.policy,
            "overridden": self.policy == "warn" and self.outcome == "refuse",
            "sources": {
                name: {
                    "outcome": verdict.note or verdict.outcome,
                    "reasons": [finding._asdict() for finding in verdict.findings],
                    "figures": dict(verdict.figures),
                }
                for name, verdict in self.sources.items()
            },
        }


def check(reference: SourceReference | None, sources: Mapping[str, Volume], gate: Gate) -> Verdict:
    """Check the sources of a case, each against its own modality in training.

    Args:
        reference: the run's record of training's sources; None in runs without one.
        sources: volumes by modality.
        gate: how they are checked.
    """
    if gate.policy == "off":
        return Verdict({}, "off")
    return Verdict(
        {name: _of_source(reference, name, volume, gate) for name, volume in sources.items()}, gate.policy
    )


def admit(reference: SourceReference | None, sources: Mapping[str, Volume], gate: Gate) -> Verdict:
    """Check the sources of a case, log the findings, and refuse what the policy refuses.

    Raises:
        InputError: E140 naming the first reason.
    """
    verdict = check(reference, sources, gate)
    before = f"{gate.name}: " if gate.name else ""
    if verdict.is_closed:
        *remaining, last = sorted(verdict.lines(), key=lambda line: ": refuse: " in line)
        for line in remaining:
            _log.warning("%s%s", before, line)
        raise InputError(
            "E140",
            f"{before}{last}",
            "a source like those that the run was trained on",
            "Give that image; or look at it, and translate it all the same with --force (gate='warn').",
        )
    for line in verdict.lines():
        _log.warning("%s%s", before, line)
    return verdict


def _of_source(reference: SourceReference | None, name: str, volume: Volume, gate: Gate) -> SourceVerdict:
    facts = gate.facts.get(name, SourceFacts())
    learned = None if reference is None else reference.modalities.get(name)
    if learned is None:
        findings = header_findings(facts, name, is_head=False, image_passes=False)
        return SourceVerdict(tuple(findings), {}, NO_REFERENCE)
    findings, figures = check_source(learned, volume)
    passes = learned.kind != "none" and not any(finding.evidence == "image" for finding in findings)
    headers = header_findings(facts, name, is_head=learned.kind == "head", image_passes=passes)
    return SourceVerdict((*headers, *findings), figures)
