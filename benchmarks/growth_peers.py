"""Growth against its peers in one run: same voxels, same equation, same treatments.

``python -m benchmarks.growth_peers [--spacing H] [--diffusion D] [--toolkit FOLDER] [--json]``
grows a tumour for 270 days in a ball of 72 mm, untreated and under 30 fractions of radiotherapy
and 5 doses of chemotherapy, with

- ours: `solvers.library.grow` on the mesh of the voxels,
- a plain voxel solver of the same equations (`benchmarks.growth_voxels`), numpy and scipy,
- TumorGrowthToolkit (MIT), untreated: it has no treatments. It is not installed: ``git clone
  https://github.com/m1balcerak/TumorGrowthToolkit FOLDER`` (or ``pip install --target FOLDER
  TumorGrowthToolkit`` where there is such a package) and give the folder.

Each row is a process of its own with one thread. It prints CPU seconds after imports (mesh and
set-up counted), how much the process grew at most, and L2 errors on the last day: over the voxels'
centres, at the solver's own points (our nodes lie at the voxels' corners: read linearly at the
centres a front is smoothed), and of the amount. They are relative to a fine reference: the voxel
solver with a third of the spacing, extrapolated with the same at the full one (both h² errors
cancel), in steps of 0.3 days. It favours the voxel solver's stencil, if anything. No goal, no
status: it is for reading.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.growth_voxels import grown
from solvers.contract import Event

Reals = NDArray[np.float64]
RADIUS_MM, DAYS, RHO = 36.0, 270.0, 0.02
CENTRE_MM, WIDTH_MM, PEAK = np.array([6.0, -4.0, 3.0]), 6.0, 0.7
SURVIVING: Final = float(np.exp(-0.05 * 2.0 - 0.005 * 2.0**2))
"""Of one fraction of 2 Gy: alpha 0.05 /Gy, alpha/beta 10 Gy (R6 of the reference numbers)."""
CASES: Final = ("untreated", "treated")
ROWS: Final = (
    ("ours", 6.0), ("ours", 3.0), ("ours", 1.5),
    ("voxels", 3.0), ("voxels", 1.5), ("voxels", 0.75),
    ("toolkit", 0.0),
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What is solved: voxels of `spacing` mm, `diffusion` in mm²/day, "untreated" or "treated"."""

    spacing: float
    diffusion: float
    case: str


def events_of(case: str) -> tuple[Event, ...]:
    """Return 30 fractions at 09:00 on weekdays from day 30, 5 doses at 14:00 every 28 days."""
    if case == "untreated":
        return ()
    weekdays = [30 + 7 * week + day for week in range(6) for day in range(5)]
    fractions = [Event("scale_density", day + 9 / 24, SURVIVING) for day in weekdays]
    doses = [30.0 + 28.0 * number + 14 / 24 for number in range(5)]
    return (*fractions, *(Event("add_rate", d, -2.0, decay_per_day=9.242) for d in doses))


def ball(spacing: float) -> tuple[NDArray[np.bool_], Reals]:
    """Return the mask of a ball with a border of two voxels, and the affine of its grid."""
    count = 2 * round(RADIUS_MM / spacing) + 4
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -0.5 * spacing * (count - 1)
    return np.linalg.norm(centres(affine, count), axis=-1) < RADIUS_MM, affine


def centres(affine: Reals, count: int) -> Reals:
    """Return (count, count, count, 3) mm."""
    index = np.stack(np.meshgrid(*[np.arange(count)] * 3, indexing="ij"), axis=-1)
    return np.asarray(index * affine[0, 0] + affine[:3, 3])


def start_at(points: Reals) -> Reals:
    """Return the density on day 0 at points (…, 3) mm: a Gaussian."""
    away = ((points - CENTRE_MM) ** 2).sum(axis=-1)
    return np.asarray(PEAK * np.exp(-away / (2.0 * WIDTH_MM**2)))


def finer(mask: NDArray[np.bool_], affine: Reals, times: int) -> tuple[NDArray[np.bool_], Reals]:
    """Return the same mask and its affine on voxels `times` as fine."""
    moved = affine.copy()
    moved[:3, :3] /= times
    moved[:3, 3] -= 0.5 * (affine[0, 0] - moved[0, 0])
    for axis in range(3):
        mask = mask.repeat(times, axis)
    return mask, moved


class Reference:
    """The density on the last day, by the voxel solver on a third of the spacing, extrapolated."""

    def __init__(self, problem: Problem) -> None:
        """Solve it twice."""
        mask, self._affine = ball(problem.spacing)
        found = []
        for times in (1, 3):
            fine, moved = finer(mask, self._affine, times)
            start = np.where(fine, start_at(centres(moved, len(fine))), 0.0)
            field = grown(
                fine, start, spacing_mm=problem.spacing / times, diffusion=problem.diffusion,
                rho=RHO, days=DAYS, step_days=0.3, events=events_of(problem.case),
            )  # fmt: skip
            found.append((field, moved))
        (coarse, _), (self._fine, self._moved) = found
        at = self._fine[1::3, 1::3, 1::3]
        self._more = (at - coarse) / 8.0
        self.at_centres = at + self._more
        self._inner = ndimage.binary_erosion(mask, np.ones((3, 3, 3)), iterations=2)

    def at(self, points: Reals) -> tuple[NDArray[np.bool_], Reals]:
        """Return which points (n, 3) mm lie two voxels inside, and cubic values at those."""
        index = (points - self._affine[:3, 3]) / self._affine[0, 0]
        i, j, k = np.clip(np.rint(index - 0.25).astype(int), 0, len(self._inner) - 1).T
        inside = self._inner[i, j, k]
        fine = (points[inside] - self._moved[:3, 3]) / self._moved[0, 0]
        values = ndimage.map_coordinates(self._fine, fine.T, order=3)
        more = ndimage.map_coordinates(self._more, index[inside].T, order=3)
        return inside, np.asarray(values + more)


Field = tuple[Reals, Reals | None, Reals | None]
"""Density at the voxels' centres; a solver's own points (n, 3) mm and density there, if others."""


def ours(problem: Problem, step: float) -> Callable[[], Field]:
    """Return what solves it on the mesh of the voxels."""
    from solvers.library import grow, voxel_mesh
    from solvers.starting import prepare_process

    prepare_process()
    import petsc4py.PETSc  # noqa: F401  imports are not counted

    import solvers.tumour  # noqa: F401

    def solve() -> Field:
        mask, affine = ball(problem.spacing)
        mesh = voxel_mesh(mask, affine)
        i, j, k = mask.shape
        answer = grow(
            mesh, "fisher_kpp",
            {"diffusion_mm2_per_day": problem.diffusion, "proliferation_per_day": RHO},
            days=(DAYS,), arrays={"density": start_at(mesh.points_mm)},
            events=events_of(problem.case), settings={"step_days": step},
            grid=((i, j, k), affine),
        )  # fmt: skip
        return answer["density_grid"][-1], mesh.points_mm, answer["density"][-1]

    return solve


def voxels(problem: Problem, step: float) -> Callable[[], Field]:
    """Return what solves it on the voxels."""

    def solve() -> Field:
        mask, affine = ball(problem.spacing)
        start = np.where(mask, start_at(centres(affine, len(mask))), 0.0)
        field = grown(
            mask, start, spacing_mm=problem.spacing, diffusion=problem.diffusion, rho=RHO,
            days=DAYS, step_days=step, events=events_of(problem.case),
        )  # fmt: skip
        return field, None, None

    return solve


def toolkit(problem: Problem, _step: float) -> Callable[[], Field]:
    """Return what solves it with TumorGrowthToolkit, started from the same density."""
    theirs: Any = importlib.import_module("TumorGrowthToolkit.FK")

    def solve() -> Field:
        mask, affine = ball(problem.spacing)
        start = np.where(mask, start_at(centres(affine, len(mask))), 0.0)

        class Started(theirs.Solver):  # type: ignore[misc]
            """Its own Gaussian is tied to the spacing and cut off at 0.1."""

            def gauss_sol3d(self, *_: Any) -> Reals:
                return start

        h = problem.spacing
        asked = {
            "Dw": problem.diffusion, "rho": RHO, "stopping_time": DAYS, "resolution_factor": 1,
            "wm": mask.astype(float), "gm": np.zeros(mask.shape), "dx_mm": h, "dy_mm": h,
            "dz_mm": h, "NxT1_pct": 0.5, "NyT1_pct": 0.5, "NzT1_pct": 0.5,
        }  # fmt: skip
        found = Started(asked).solve()
        if not found["success"]:
            raise RuntimeError(found["error"])
        return np.asarray(found["final_state"]), None, None

    return solve


KINDS: Final = {"ours": ours, "voxels": voxels, "toolkit": toolkit}


def main() -> int:
    """Run every row and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spacing", type=float, default=2.0, metavar="H", help="of voxels, mm")
    parser.add_argument("--diffusion", type=float, default=0.1, metavar="D", help="mm²/day")
    parser.add_argument("--toolkit", default="", metavar="FOLDER", help="TumorGrowthToolkit's")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--row", nargs=4, metavar="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.row:
        kind, case, step, to = asked.row
        return _row(Problem(asked.spacing, asked.diffusion, case), kind, float(step), to=Path(to))
    mask, _ = ball(asked.spacing)
    if not asked.json:
        print(f"{int(mask.sum())} voxels of {asked.spacing:g} mm, {DAYS:g} days, one thread each")
    for case in CASES:
        truth = Reference(Problem(asked.spacing, asked.diffusion, case))
        for kind, step in ROWS:
            if kind == "toolkit" and (case == "treated" or not asked.toolkit):
                why = "has no treatments" if case == "treated" else "is not here: see --help"
                print(f"{case:9} TumorGrowthToolkit {why}", file=sys.stderr, flush=True)
                continue
            told = _told(asked, case, (kind, step), truth=truth)
            print(json.dumps(told) if asked.json else _line(told), flush=True)
    return 0


def _told(
    asked: argparse.Namespace, case: str, row: tuple[str, float], *, truth: Reference
) -> dict[str, Any]:
    """Run one row in a process of its own and compare it."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "field.npz"
        command = [sys.executable, "-m", "benchmarks.growth_peers", "--spacing", str(asked.spacing)]
        command += ["--diffusion", str(asked.diffusion)]
        command += ["--row", row[0], case, str(row[1]), str(to)]
        paths = [asked.toolkit, os.environ.get("PYTHONPATH", "")]
        place = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
        said = subprocess.run(
            command, env={**os.environ, **place}, capture_output=True, text=True, check=False
        )
        if said.returncode:
            raise RuntimeError(said.stderr.strip().splitlines()[-1])
        with np.load(to) as file:
            found = dict(file)
    grid, want = found["grid"], truth.at_centres
    error = own = float(np.linalg.norm(grid - want) / np.linalg.norm(want))
    if "points" in found:
        inside, want = truth.at(found["points"])
        own = float(np.linalg.norm(found["own"][inside] - want) / np.linalg.norm(want))
    return {
        "case": case, "solver": row[0], "step_days": row[1],
        **json.loads(said.stdout.strip().splitlines()[-1]),
        "error": error, "own_error": own,
        "amount_error": float(grid.sum() / truth.at_centres.sum() - 1.0),
    }  # fmt: skip


def _row(problem: Problem, kind: str, step: float, *, to: Path) -> int:
    """Solve, write the field, and print what it cost."""
    solve = KINDS[kind](problem, step)
    before, began = _memory_mb("VmRSS"), time.process_time()
    grid, points, own = solve()
    cost = time.process_time() - began
    grew = _memory_mb("VmHWM") - before
    more = {} if points is None or own is None else {"points": points, "own": own}
    np.savez(to, allow_pickle=False, grid=grid, **more)
    print(json.dumps({"cpu_s": cost, "memory_mb": grew}))
    return 0


def _memory_mb(which: str) -> float:
    """Of this process: VmRSS now, VmHWM the most so far (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(which)).split()[1]) / 1024.0


def _line(told: dict[str, Any]) -> str:
    step = f"{told['step_days']:g} d" if told["step_days"] else "its own"
    return (
        f"{told['case']:9} {told['solver']:8} step {step:8} {told['cpu_s']:8.2f} s CPU "
        f"{told['memory_mb']:6.0f} MB  error {100 * told['error']:6.3f} % on voxels, "
        f"{100 * told['own_error']:6.3f} % at its points, amount "
        f"{100 * told['amount_error']:+6.3f} %"
    )


if __name__ == "__main__":
    sys.exit(main())
