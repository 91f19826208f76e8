"""Random organ-like problems within physiological ranges: how many converge without a person.

``python -m benchmarks.tissue_random [--first N] [--count N] [--every N] [--seed N] [--wide]
[--log FILE]``

Each problem is an organ (`random_organs`) of one of three kinds, with a law for each region out of
all there are, weight in any direction, and any of: springs, pressure, a tool, a plane, a rigid
surface, a prescribed displacement; 2 000 to 40 000 unknowns of p2_p1. Moduli and the Ogden exponent
of the brain: CLINICAL.md, section E; other numbers of laws: about their defaults. The laws for
comparison (linear elastic, Saint-Venant-Kirchhoff) are drawn where weight and springs alone act:
they are wrong at large strains, where the latter gives way. `--wide` draws them under every load,
and lets abdominal organs hang without neighbours (`random_questions.question`).

Prints each problem and, of those that fail, what a person is told; one that takes more than
`MOST_SECONDS` of CPU time counts as failed. What is in the log (a JSON line each) of the same code
is not solved again, so runs can be stopped and add up. Goal: at least 99 % converge, and the
message of each other one names where and what to do. Exit status 1 when missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.random_questions import question
from solvers.failures import NotConverged
from solvers.library import deform
from solvers.starting import prepare_process

ROOT: Final = Path(__file__).parent.parent
GOAL: Final = 0.99
MOST_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Outcome:
    """How one problem ended: `end` is the farthest displacement, or what a person is told.

    Args:
        code: digest of what drew and solved it (`digest`).
    """

    seed: int
    number: int
    wide: bool
    code: str
    converged: bool
    told: str
    end: str
    seconds: float


class OverTimeError(Exception):
    """A problem took more CPU time than it may."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise OverTimeError in what is done within, after so much CPU time of this process."""

    def stop(*_: object) -> None:
        raise OverTimeError(f"not solved within {seconds:.0f} s of CPU time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def digest() -> str:
    """Return a digest of the solvers and of what draws the problems."""
    found = hashlib.sha256()
    for path in sorted([*ROOT.glob("solvers/**/*.py"), *ROOT.glob("benchmarks/random_*.py")]):
        found.update(path.read_bytes())
    return found.hexdigest()[:8]


def outcome(seed: int, number: int, *, wide: bool, code: str) -> Outcome:
    """Solve one problem."""
    one, begun = question(seed, number, wide=wide), time.process_time()
    told = f"{len(one.mesh.cells)} cells, {', '.join(one.told)}"
    converged = False
    try:
        with bounded(MOST_SECONDS):
            answer = deform(
                one.mesh, "neo_hookean", one.values, arrays=one.arrays, settings=one.settings
            )
        farthest = np.linalg.norm(answer["displacement_mm"], axis=1).max()
        converged, end = True, f"{farthest:.1f} mm"
    except (NotConverged, OverTimeError) as error:
        end = f"FAILED {error}"
    seconds = time.process_time() - begun
    return Outcome(seed, number, wide, code, converged, told, end, seconds)


def logged(path: Path | None, code: str) -> dict[tuple[int, int, bool], Outcome]:
    """Return what a log holds of this code, by seed, number and whether wide."""
    if path is None or not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    found = [Outcome(**line) for line in lines if line.get("code") == code]
    return {(one.seed, one.number, one.wide): one for one in found}


def main() -> int:
    """Solve and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--every", type=int, default=1, help="take one of so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wide", action="store_true", help="the wider population")
    parser.add_argument("--log", type=Path, default=None)
    asked = parser.parse_args()
    prepare_process()
    code = digest()
    known, ended = logged(asked.log, code), []
    for number in range(asked.first, asked.first + asked.count, asked.every):
        one = known.get((asked.seed, number, asked.wide))
        if one is None:
            one = outcome(asked.seed, number, wide=asked.wide, code=code)
            if asked.log is not None:
                with asked.log.open("a") as log:
                    log.write(json.dumps(asdict(one)) + "\n")
        ended.append(one)
        print(f"{number:4d} {one.told}: {one.end}; {one.seconds:.1f} s, {one.code}", flush=True)
    reached = sum(one.converged for one in ended) / len(ended)
    print(
        f"{100 * reached:.1f} % of {len(ended)} converged (goal {100 * GOAL:.0f} %), "
        f"{sum(one.seconds for one in ended):.0f} s CPU"
    )
    return int(reached < GOAL)


if __name__ == "__main__":
    sys.exit(main())
