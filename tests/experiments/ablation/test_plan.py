"""Plans of ablations: those of the package, and what is no plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.experiments.ablation.plan import LIBRARY, plan_of


def test_studies_that_come_with_the_package_can_be_resolved() -> None:
    assert LIBRARY.names()
    for name in LIBRARY.names():
        plan = plan_of(name)
        assert plan.name == name
        resolved = {variant: plan.resolved(variant, 7) for variant in plan.variants}
        assert all(recipe.training.seed == 7 for recipe in resolved.values())
        texts = {recipe.model_dump_json() for recipe in resolved.values()}
        assert len(texts) == len(resolved), "two variants are the same"


def test_what_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no study 'nothing'"):
        plan_of("nothing")
    with pytest.raises(InputError, match="does not exist"):
        plan_of(str(tmp_path / "gone.yaml"))
    (tmp_path / "bad.yaml").write_text("name: x\nvariants: {}\n")
    with pytest.raises(UsageError, match=r"bad\.yaml"):
        plan_of(str(tmp_path / "bad.yaml"))
    (tmp_path / "typo.yaml").write_text(
        "name: x\nrecipe: t1-to-fa-small\nvariants: {a: {changes: [training.epoch=2]}}\n"
    )
    with pytest.raises(UsageError, match="unknown key training"):
        plan_of(str(tmp_path / "typo.yaml"))
