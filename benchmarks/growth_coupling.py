"""Growth coupled to tissue, against exact solutions: ``python -m benchmarks.growth_coupling``.

- A core that grows in an elastic shell, and a ball that grows throughout
  (`benchmarks.growth_sphere`): radius, pressure, von Mises stress within 1 %.
- R9: under a constant γ σ = 0.5 a front goes at exp(-0.25) = 0.7788 of its speed (from D = D₀
  exp(-γ σ) and speed ~ √D), within 1 % of the front without stress on the same mesh.
- The order in the coupling step: a front whose tissue swells around it, in 2 to 16 intervals.

Exit status 1 when a goal is missed. One thread.
"""

from __future__ import annotations

import math
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.growth_sphere import core_in_a_shell, grown_throughout
from solvers.library import couple
from solvers.refinement import Mesh
from solvers.starting import prepare_process
from tests.solvers.meshes import box_mesh

GOAL: Final = 0.01
EXPONENT: Final = 0.5
RHO_PER_DAY: Final = 0.05
DIFFUSION_MM2_PER_DAY: Final = 0.2
STRETCH: Final = 1.1
TISSUE: Final = {"shear_modulus_kpa": 2.0, "poisson_ratio": 0.45}
STRESS_KPA: Final = 2.0 * (STRETCH**2 - 1.0 / STRETCH)
"""Of an incompressible neo-Hookean bar at this stretch, and of any that is held to that shape."""


@dataclass(frozen=True)
class Front:
    """Days, and the amount (mL) of a tumour whose front goes along a bar."""

    days: NDArray[np.float64]
    mass_ml: NDArray[np.float64]

    @property
    def growth_ml_per_day(self) -> float:
        """Over the second half of the time: the front's speed times the bar's section."""
        half = len(self.days) // 2
        gain = self.mass_ml[-1] - self.mass_ml[half]
        return float(gain / (self.days[-1] - self.days[half]))


def bar_mesh(length_mm: float, width_mm: float) -> Mesh:
    """Return a bar along x in bricks of 2 mm, irregular."""
    counts = round(length_mm / 2.0), round(width_mm / 2.0), round(width_mm / 2.0)
    return box_mesh((length_mm, width_mm, width_mm), counts, jitter=0.15)


def _profile(mesh: Mesh, diffusion: float) -> NDArray[np.float64]:
    """(n,) the exact front at x = 8 mm: Ablowitz & Zeppetella 1979, 10.1007/BF02462380."""
    along = (mesh.points_mm[:, 0] - 8.0) / math.sqrt(diffusion / RHO_PER_DAY)
    return np.asarray((1.0 + (math.sqrt(2.0) - 1.0) * np.exp(along / math.sqrt(6.0))) ** -2)


def stretched_front(exponent: float) -> Front:
    """Return a front in a bar whose whole surface is held stretched, with γ σ = `exponent`."""
    mesh = bar_mesh(60.0, 6.0)
    points = mesh.points_mm
    outside = ((points < 1e-9) | (points > points.max(axis=0) - 1e-9)).any(axis=1)
    held = np.flatnonzero(outside)
    shape = np.array([STRETCH, STRETCH**-0.5, STRETCH**-0.5]) - 1.0
    slowed = DIFFUSION_MM2_PER_DAY * math.exp(-exponent)
    values = {"swelling": 0.0, "slowing_per_kpa": exponent / STRESS_KPA}
    arrays = {"prescribed_nodes": held, "prescribed_mm": points[held] * shape}
    return _front(mesh, arrays | {"density": _profile(mesh, slowed)}, values, coupling_days=30.0)


def swelling_front(coupling_days: float) -> Front:
    """Return a front in a bar held at its ends, which swells and slows it."""
    mesh = bar_mesh(30.0, 4.0)
    ends = np.flatnonzero((mesh.points_mm[:, 0] < 1e-9) | (mesh.points_mm[:, 0] > 30.0 - 1e-9))
    arrays = {"fixed_nodes": ends, "density": _profile(mesh, DIFFUSION_MM2_PER_DAY)}
    values = {"swelling": 0.5, "slowing_per_kpa": 1.0}
    return _front(
        mesh, arrays, values, days=(0.0, 40.0), coupling_days=coupling_days, step_days=0.625
    )


def _front(
    mesh: Mesh,
    arrays: dict[str, Any],
    values: dict[str, float],
    *,
    days: tuple[float, ...] = (0.0, 60.0, 120.0),
    **settings: float,
) -> Front:
    growth = {
        "diffusion_mm2_per_day": DIFFUSION_MM2_PER_DAY,
        "proliferation_per_day": RHO_PER_DAY,
    }
    answer = couple(
        mesh,
        "fisher_kpp",
        {**growth, **TISSUE, **values},
        days=days,
        arrays=arrays,
        settings={"element": "p1_p1", "step_days": 1.0, **settings},
    )
    return Front(answer["days"], answer["mass_ml"])


def orders(intervals: tuple[int, ...]) -> tuple[float, ...]:
    """Return the observed orders in the coupling step, from one number of intervals to the next."""
    exact = swelling_front(40.0 / (4 * intervals[-1])).mass_ml[-1]
    errors = [abs(swelling_front(40.0 / n).mass_ml[-1] - exact) for n in intervals]
    steps = zip(errors, errors[1:], intervals, intervals[1:], strict=False)
    return tuple(math.log(a / b) / math.log(n / m) for a, b, m, n in steps)


def main() -> int:
    """Measure and print; return 1 when a goal is missed."""
    os.environ["OMP_NUM_THREADS"] = "1"
    prepare_process()
    missed = 0
    for title, figures in (
        ("core in a shell", core_in_a_shell(4)),
        ("ball that grows throughout", grown_throughout(4, 16)),
    ):
        for figure in figures:
            away = figure.value / figure.exact - 1.0
            missed += abs(away) > GOAL
            print(f"{title}: {figure.name} {figure.value:.5g}, {figure.exact:.5g} ({away:+.2%})")
    started = time.process_time()
    slow, free = (stretched_front(exponent).growth_ml_per_day for exponent in (EXPONENT, 0.0))
    part, exact = slow / free, math.exp(-0.5 * EXPONENT)
    missed += abs(part / exact - 1.0) > GOAL
    print(f"R9: the front goes at {part:.4f} of its speed, {exact:.4f} ({part / exact - 1.0:+.2%})")
    found = orders((2, 4, 8, 16))
    missed += found[-1] < 1.8
    print("order in the coupling step:", ", ".join(f"{order:.2f}" for order in found))
    print(f"{time.process_time() - started:.1f} s CPU for the fronts")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
