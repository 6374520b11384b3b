"""Mutation testing on demand: change the code as mutmut would, and see whether the tests notice.

The mutants are mutmut's; a random sample of them is tried, each in a process forked from one that has imported numpy and torch, so
that a mutant costs its tests and no more. A figure of a sample comes with its interval.

    python tools/mutate.py                                   # 15 mutants of each group
    python tools/mutate.py readers metrics --sample 40 --seed 2
    python tools/mutate.py src/transmodal/volumes/bounds.py tests/volumes/test_bounds.py --sample 20
"""

from __future__ import annotations

import argparse
import difflib
import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mutation_groups import GROUPS, Modules
from mutation_trials import (
    KILLED,
    SLOW,
    SOURCE,
    SURVIVED,
    Mutant,
    copy_of_package,
    import_others,
    limit_of,
    try_mutant,
)

TARGET = 0.85


class Population:
    """Every mutant of a module, in mutmut's order; one is rendered when it is drawn."""

    def __init__(self, module: str, source: Path = SOURCE) -> None:
        from mutmut.mutation.file_mutation import create_mutations

        self.module = module
        self._text = (source / module).read_text(encoding="utf-8")
        self._tree, self._mutations, _, _ = create_mutations(module, self._text)

    def __len__(self) -> int:
        return len(self._mutations)

    def render(self, index: int) -> Mutant:
        """Return a mutant by its place in the order."""
        from mutmut.mutation.file_mutation import deep_replace

        mutation = self._mutations[index]
        code = deep_replace(self._tree, mutation.original_node, mutation.mutated_node).code
        lines = difflib.unified_diff(self._text.splitlines(), code.splitlines(), lineterm="", n=0)
        change = "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
        return Mutant(self.module, code, change)


def measure(
    groups: dict[str, Modules], sample: int, seed: int, report: Callable[[str], None] = print
) -> dict[str, Any]:
    """Try a random sample of the mutants of each group.

    Args:
        groups: modules with their tests, by name.
        sample: mutants per group.
        seed: of the draw.
        report: called with a line per mutant.

    Returns:
        `mutants`, `killed` (of them `slow`, that did not come to an end), `population`, the `interval` of the share (Wilson, 95 %), the `target`, per group the same, and
        `survivors`, the changes that no test noticed.

    Raises:
        SystemExit: when tests fail on code that nobody changed.
    """
    by_group: dict[str, dict[str, int]] = {}
    survivors = []
    with copy_of_package() as source:
        for name, modules in groups.items():
            populations = [Population(module) for module in modules]
            places = [(one, index) for one in populations for index in range(len(one))]
            limits: dict[str, float] = {}
            counted = {"mutants": 0, "killed": 0, "slow": 0, "population": len(places)}
            # Drawn anew for each group, so that one alone gives what it gives among the others.
            for population, index in random.Random(seed).sample(places, min(sample, len(places))):
                mutant = population.render(index)
                tests = modules[mutant.module]
                limit = limits.get(mutant.module) or limits.setdefault(mutant.module, limit_of(source, tests))
                outcome = try_mutant(mutant, tests, source, limit)
                counted["mutants"] += 1
                counted["killed"] += outcome != SURVIVED
                counted["slow"] += outcome == SLOW
                report(
                    f"{name}: {mutant.module}: {outcome}"
                    + (f"\n{mutant.change}" if outcome != KILLED else "")
                )
                if outcome == SURVIVED:
                    survivors.append(f"{mutant.module}: {mutant.change}")
            by_group[name] = counted
    total = {
        key: sum(group[key] for group in by_group.values())
        for key in ("mutants", "killed", "slow", "population")
    }
    return {
        **total,
        "interval": interval(total["killed"], total["mutants"]),
        "target": TARGET,
        "groups": by_group,
        "survivors": survivors,
    }


def interval(killed: int, mutants: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; 0 to 1 where nothing was tried."""
    if not mutants:
        return 0.0, 1.0
    z, share = 1.959964, killed / mutants
    centre = share + z * z / (2 * mutants)
    half = z * math.sqrt(share * (1 - share) / mutants + z * z / (4 * mutants * mutants))
    scale = 1 + z * z / mutants
    return round((centre - half) / scale, 4), round((centre + half) / scale, 4)


def main(words: Sequence[str] | None = None) -> int:
    """Try the sample and show it; return 1 where fewer are killed than the target asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", help=f"groups ({', '.join(GROUPS)}), or a module and its test files"
    )
    parser.add_argument("--sample", type=int, default=15, help="mutants per group")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--json", type=Path, help="file to write the figures into")
    given = parser.parse_args(words)
    groups = {name: GROUPS[name] for name in given.names or GROUPS if name in GROUPS}
    if given.names and not groups:
        relative = Path(given.names[0]).resolve().relative_to(SOURCE).as_posix()
        groups = {relative: {relative: tuple(test.removeprefix("tests/") for test in given.names[1:])}}
    import_others()
    figures = measure(groups, given.sample, given.seed, lambda line: print(line, flush=True))
    if given.json:
        given.json.write_text(json.dumps(figures), encoding="utf-8")
    low, high = figures["interval"]
    print(f"{figures['killed']} of {figures['mutants']} killed (95 % interval {low:.2f} to {high:.2f})")
    return int(figures["killed"] < TARGET * figures["mutants"])


if __name__ == "__main__":
    raise SystemExit(main())
