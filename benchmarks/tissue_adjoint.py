"""What derivatives of an answer cost: the adjoint beside the last Newton step, in one run.

``python benchmarks/tissue_adjoint.py [--tetrahedra N] [--part P] [--json]`` deforms the organ of
`tissue_cases` (about 110 000 unknowns by default) by weight and pressure, and takes the misfit to
200 points, seen with a noise of 1 mm. It prints the CPU seconds of the last Newton step (tangent,
preconditioner, linear solve, line search) and of all derivatives by one adjoint solve: of each
region's and load's numbers, and of the shear modulus of every cell. The derivative with respect to
the tumour's shear modulus is held against a central difference of two more solves, all to 1e-10.
Goals: at most once the Newton step; 1e-4. Exit status 1 when one is missed. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.tissue_cases import (
    DENSITY_G_PER_ML,
    GRAVITY_MM_PER_S2,
    ORGAN_KPA,
    POISSON,
    PRESSURE_KPA,
    TUMOUR_KPA,
    Problem,
    organ,
)
from solvers.__main__ import prepare_process
from solvers.elements import ACCURATE
from solvers.observing import Observed, interpolation
from solvers.organ import Organ

MOST_RATIO, MOST_ERROR = 1.0, 1e-4
LAWS = {1: "neo_hookean", 2: "neo_hookean"}
POINTS, NOISE_MM = 200, 1.0
_STEP = 2e-3
"""Relative, of the central difference: errs by the step squared; noise is the tolerance over it."""
_EXACT = 1e-10
"""Of residuals, Newton's and linear, where derivatives are compared."""


@dataclass(frozen=True)
class Cost:
    """CPU seconds, and how far the adjoint is from the central difference (relative)."""

    unknowns: int
    derivatives: int
    solve_s: float
    newton_step_s: float
    newton_linear_steps: int
    adjoint_s: float
    adjoint_linear_steps: int
    error: float

    @property
    def reached(self) -> bool:
        """Whether both goals are."""
        return self.adjoint_s <= MOST_RATIO * self.newton_step_s and self.error <= MOST_ERROR

    def lines(self) -> str:
        """For a person."""
        ratio = self.adjoint_s / self.newton_step_s
        return (
            f"{self.unknowns} unknowns solved in {self.solve_s:.1f} s CPU; last Newton step "
            f"{self.newton_step_s:.2f} s ({self.newton_linear_steps} linear steps)\n"
            f"{self.derivatives} derivatives by the adjoint {self.adjoint_s:.2f} s "
            f"({self.adjoint_linear_steps} linear steps): {ratio:.2f} "
            f"times (goal {MOST_RATIO:g}); from a central difference {self.error:.1e} (goal "
            f"{MOST_ERROR:g}) {'reached' if self.reached else 'MISSED'}"
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tetrahedra", type=int, default=25_000)
    parser.add_argument("--part", type=float, default=0.3, help="of the full load")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    prepare_process()
    cost = measured(organ(asked.tetrahedra), asked.part)
    print(json.dumps(asdict(cost) | {"reached": cost.reached}) if asked.json else cost.lines())
    return int(not cost.reached)


def measured(problem: Problem, part: float) -> Cost:
    """Return what it costs on a problem."""
    from mpi4py import MPI

    from solvers.adjoint import Adjoint

    held = Organ(problem.mesh, LAWS, ACCURATE, problem.arrays, comm=MPI.COMM_SELF)
    linear = held.fine.newton.linear
    begun: list[tuple[float, int]] = []
    direction = linear.direction

    def noted(*given: Any, **more: Any) -> Any:
        begun.append((time.process_time(), linear.steps))
        return direction(*given, **more)

    linear.direction = noted  # type: ignore[method-assign]
    start = time.process_time()
    level = held.solve(values(TUMOUR_KPA), loads(part))
    end, (last, steps) = time.process_time(), begun[-1]
    newton_steps = linear.steps - steps
    seen = observed(problem, level.displacement_mm())
    Adjoint(held, LAWS)  # compiles
    before, steps = time.process_time(), linear.steps
    _, slope = seen.misfit(level.displacement_mm())
    found = Adjoint(held, LAWS).gradients(slope)
    after = time.process_time()
    adjoint_steps = linear.steps - steps
    error = _error(held, seen, part)
    return Cost(
        level.system.size,
        sum(np.size(one) for one in found.values()),
        end - start,
        end - last,
        newton_steps,
        after - before,
        adjoint_steps,
        error,
    )


def _error(held: Organ, seen: Observed, part: float) -> float:
    """Relative, of the misfit's slope for the tumour's stiffness."""
    from solvers.adjoint import Adjoint

    def solved(tumour_kpa: float) -> Any:
        level = held.solve(values(tumour_kpa), loads(part))
        level.newton.solve(level.reference, _EXACT)
        return seen.misfit(level.displacement_mm())

    change = _STEP * TUMOUR_KPA
    above, below = solved(TUMOUR_KPA + change)[0], solved(TUMOUR_KPA - change)[0]
    slope = solved(TUMOUR_KPA)[1]
    found = Adjoint(held, LAWS).gradients(slope, _EXACT)["shear_modulus_kpa@2"]
    return abs(2.0 * change * float(found) / float(above - below) - 1.0)


def values(tumour_kpa: float) -> dict[int, dict[str, float]]:
    """Return the tissue's numbers."""
    return {
        label: {"shear_modulus_kpa": shear, "poisson_ratio": POISSON}
        for label, shear in ((1, ORGAN_KPA), (2, tumour_kpa))
    }


def loads(part: float) -> dict[str, Any]:
    """Return weight and pressure."""
    return {
        "gravity_mm_per_s2": (-part * GRAVITY_MM_PER_S2, 0.0, 0.0),
        "density_g_per_ml": DENSITY_G_PER_ML,
        "pressure_kpa": part * PRESSURE_KPA,
    }


def observed(problem: Problem, moved_mm: Any) -> Observed:
    """Return points in cells drawn at random, seen with noise."""
    random = np.random.default_rng(5)
    cells = random.choice(len(problem.mesh.cells), POINTS, replace=False)
    points = problem.mesh.points_mm[problem.mesh.cells[cells]].mean(axis=1)
    at = interpolation(problem.mesh, points)
    noise = random.normal(0.0, NOISE_MM, (POINTS, 3))
    return Observed(at, at @ moved_mm + noise, np.full(POINTS, NOISE_MM))


if __name__ == "__main__":
    sys.exit(main())
