"""The tissue solver against closed forms, manufactured solutions, published results and CalculiX.

    python -m benchmarks.tissue_verification [CASE ...]

Prints case, figure, its value, the reference and where that is from, the deviation and what is
allowed; ends with 1 when anything is missed. CASE: names as printed in the first column.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import verification_calculix as calculix
from benchmarks import verification_cases as cases
from solvers.__main__ import prepare_process
from solvers.elements import ELEMENTS
from solvers.failures import NotConverged
from solvers.refinement import Mesh
from tests.solvers.meshes import box_mesh
from tests.solvers.problems import (
    Problem,
    manufactured_error,
    manufactured_problem,
    outer_faces,
)
from tests.solvers.test_deformation import inner_stretch

LAND = "Land et al. 2015, 10.1098/rspa.2015.0641"
READ = "as read by the benchmarks of TorchCor and solids4foam"
COOK = "de Souza Neto 1996; law and values of the OpenGeoSys benchmark, F-bar quads"


@dataclass(frozen=True)
class Figure:
    """One line: `deviation` (in the unit of `value` unless `relative`) is to be at most `goal`."""

    name: str
    value: float
    reference: str
    deviation: float
    goal: float
    relative: bool = True

    @property
    def holds(self) -> bool:
        """Whether the goal is met."""
        return bool(self.deviation <= self.goal)


def near(name: str, value: float, reference: float, goal: float, source: str) -> Figure:
    """Return a figure with a relative deviation."""
    away = abs(value - reference) / abs(reference)
    return Figure(name, value, f"{reference:.6g}, {source}", away, goal)


def within(name: str, value: float, spread: tuple[float, float], source: str) -> Figure:
    """Return a figure that is to lie in a published spread: how far outside it is."""
    low, high = spread
    away = max(low - value, value - high, 0.0) / abs(low)
    return Figure(name, value, f"{low:g} to {high:g}, {source}", away, 0.0)


def order(name: str, errors: list[float], expected: float) -> Figure:
    """Return the order seen from the last two errors, the mesh halved between them."""
    seen = math.log2(errors[-2] / errors[-1])
    short = max(0.0, expected - seen)
    told = f"{name} (error {errors[-1]:.2g})"
    return Figure(told, seen, f"{expected:g}, a priori estimate", short, 0.15, relative=False)


def patches() -> Iterator[Figure]:
    """A linear map on every element."""
    for element in ELEMENTS:
        error = cases.patch_error_mm(element)
        yield Figure(f"{element}, largest error mm", error, "0, exact", error, 1e-5, relative=False)


def manufactured() -> Iterator[Figure]:
    """Observed orders at ν = 0.4999."""
    expected = {"p1_p1": (2.0, 1.0, 1.0), "p2_p1": (3.0, 2.0, 2.0)}
    for element, orders in expected.items():
        cuts = (4, 8, 16) if element == "p1_p1" else (3, 6, 12)
        solved = [manufactured_problem(element, n, 0.4999).solve() for n in cuts]
        columns = np.transpose([manufactured_error(problem) for problem in solved])
        for name, column, wanted in zip(("u L2", "u H1", "p L2"), columns, orders, strict=True):
            yield order(f"{element}, order of {name}", list(column), wanted)


def closed_forms() -> Iterator[Figure]:
    """Homogeneous states."""
    for stretch in (0.7, 1.4):
        value = cases.pressed_stretch(stretch, (0,))
        yield near("uniaxial stretch", value, stretch, 1e-4, "closed form, Treloar")
    for stretch in (0.8, 1.3):
        value = cases.pressed_stretch(stretch, (0, 1))
        yield near("equibiaxial stretch", value, stretch, 1e-4, "closed form, Treloar")
    force, exact = cases.shear_force_mn(0.5)
    yield near("simple shear, force mN", force, exact, 1e-4, "closed form, mu gamma A")


def inflation() -> Iterator[Figure]:
    """A thick-walled tube and a thick-walled sphere."""
    tube = [cases.tube_stretch(*size) for size in ((12, 1), (24, 2))]
    yield near("tube, inner stretch", *tube[-1], 0.005, "closed form, Rivlin 1949")
    errors = [abs(value - exact) for value, exact in tube]
    yield order("tube, order in flat facets", errors, 2.0)
    spheres = [inner_stretch(subdivisions) for subdivisions in (2, 3)]
    yield near("sphere, inner stretch", spheres[-1], 1.2, 0.005, "closed form, Ogden 1984")
    yield order("sphere, order in flat facets", [abs(s - 1.2) for s in spheres], 1.5)


def cook() -> Iterator[Figure]:
    """Cook's membrane: the corner at 30 quadrilaterals a side elsewhere, ours converging."""
    accurate = [cases.cook_mm("p2_p1", cuts) for cuts in (8, 16, 32)]
    yield near("p2_p1, corner mm", accurate[-1], 6.8914, 0.01, COOK)
    move = abs(accurate[-1] - accurate[-2]) / accurate[-1]
    yield Figure("p2_p1, change by the last halving", accurate[-1], "itself", move, 0.01)
    yield near("p1_p1, corner mm", cases.cook_mm("p1_p1", 32), accurate[-1], 0.05, "p2_p1")
    locked = cases.cook_mm("p1", 16)
    told = f"{accurate[-1]:.4g}, p2_p1: p1 locks, at least to half"
    yield Figure("p1, corner mm", locked, told, locked / accurate[-1], 0.5)


def locking() -> Iterator[Figure]:
    """A block of 40 x 20 x 20 mm under its weight, at 0.4999."""
    fine = cases.sag_mm("p2_p1", 12, 0.4999)
    source = "p2_p1 on cells a third as large"
    yield near("p2_p1, sag mm", cases.sag_mm("p2_p1", 4, 0.4999), fine, 0.02, source)
    yield near("p1_p1, sag mm", cases.sag_mm("p1_p1", 8, 0.4999), fine, 0.1, source)
    for poisson in (0.3, 0.45, 0.49, 0.4999):
        own = cases.sag_mm("p1_p1", 8, poisson), cases.sag_mm("p2_p1", 8, poisson)
        yield near(f"p1_p1 over p2_p1, sag mm at {poisson}", *own, 0.1, "p2_p1 on the same mesh")
    locked = cases.sag_mm("p1", 4, 0.4999)
    told = f"{fine:.4g}, {source}: p1 locks, at least to half"
    yield Figure("p1, sag mm", locked, told, locked / fine, 0.5)


def land() -> Iterator[Figure]:
    """Problems 1 to 3."""
    value = cases.beam_mm(4)
    yield within("problem 1, end z mm", value, (4.14, 4.20), f"{LAND} fig. 3, {READ}")
    yield near("problem 1, end z mm", value, 4.17, 0.005, f"consensus of fig. 3, {READ}")
    source = f"{LAND} fig. 6, as read by the benchmarks of TorchCor"
    found = {
        solver: cases.apex_mm("p2_p1", 12, 2, direct=solver == "direct")
        for solver in ("direct", "iterative")
    }
    for solver, (inner, outer) in found.items():
        yield within(f"problem 2, inner apex z mm, {solver}", inner, (-26.9, -26.4), source)
        yield within(f"problem 2, outer apex z mm, {solver}", outer, (-28.5, -28.1), source)
    preview = cases.apex_mm("p1_p1", 16, 4)[0]
    yield near("problem 2, p1_p1, inner apex z mm", preview, -26.6, 0.01, source)
    both = found["iterative"][0], found["direct"][0]
    yield near("problem 2, inner apex z mm, iterative", *both, 1e-4, "direct")
    yield from beating()


def beating() -> Iterator[Figure]:
    """Land's problem 3; fibres are constant in each cell."""
    inner, outer, twist = cases.beating_mm(12, 6)
    source = f"FEniCS's of {LAND}, fig. 9, as kept by the benchmarks of TorchCor"
    yield near("problem 3, inner apex z mm", inner, -12.347, 0.02, source)
    yield near("problem 3, outer apex z mm", outer, -15.452, 0.02, source)
    read = f"main cluster of {LAND}, fig. 11, as read by the benchmarks of TorchCor"
    yield within("problem 3, twist of the mid-wall mm", twist, (1.3, 1.8), read)


def against_calculix() -> Iterator[Figure]:
    """Sag under weight, and a smooth hollow pressed into the top."""
    if not calculix.installed():
        print("calculix: SKIPPED, the command ccx is not installed (Debian: calculix-ccx)")
        return
    for name, poisson in (("sag", 0.45), ("indentation", 0.45), ("sag", 0.49)):
        theirs = _by_calculix(name, poisson)
        for element, goal in (("p2", 0.002), ("p2_p1", 0.02)):
            ours = _loaded_block(name, poisson, element).displacement_mm()
            away = np.linalg.norm(ours - theirs, axis=1).max()
            largest = float(np.linalg.norm(theirs, axis=1).max())
            told = f"{largest:.4g}, CalculiX C3D10, the same {len(theirs)} nodes"
            label = f"{name} at {poisson}, {element}, largest difference"
            yield Figure(label, float(away), told, float(away) / largest, goal)


SIZE = (40.0, 40.0, 24.0)


def _block() -> tuple[Mesh, NDArray[np.bool_], NDArray[np.bool_]]:
    mesh = box_mesh(SIZE, (8, 8, 5), jitter=0.1)
    x = mesh.points_mm
    return mesh, x[:, 0] < cases.TINY, (x[:, 2] < cases.TINY) | (x[:, 2] > SIZE[2] - cases.TINY)


def _hollow(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """4 mm deep in the middle of the top, smooth, none 16 mm away; none at the bottom."""
    square = ((x[:, :2] - 20.0) ** 2).sum(axis=1) / 16.0**2
    depth = np.where(x[:, 2] > 12.0, -4.0 * np.maximum(0.0, 1.0 - square) ** 2, 0.0)
    return np.outer(depth, [0.0, 0.0, 1.0])


def _loaded_block(name: str, poisson: float, element: str) -> Problem:
    mesh, side, ends = _block()
    problem = Problem(mesh, element, "neo_hookean", cases.neo_hookean(poisson))
    if name == "sag":
        problem.hold(lambda _: side)
        cases.weighed(problem)
    else:
        problem.hold(lambda _: ends, _hollow)
    return problem.solve()


def _by_calculix(name: str, poisson: float) -> NDArray[np.float64]:
    mesh, side, ends = _block()
    quadratic = calculix.quadratic(mesh)
    held = quadratic.held(side if name == "sag" else ends, outer_faces(mesh))
    goal = np.zeros_like(quadratic.points_mm) if name == "sag" else _hollow(quadratic.points_mm)
    weight = 1e-6 * cases.DENSITY_G_PER_ML * cases.GRAVITY_MM_PER_S2 if name == "sag" else 0.0
    values = cases.neo_hookean(poisson)
    answer = calculix.displacement_mm(
        quadratic, values, weight_kpa_per_mm=weight, held=held, goal_mm=goal
    )
    return answer[: len(mesh.points_mm)]


CASES: dict[str, Callable[[], Iterator[Figure]]] = {
    "patch": patches,
    "manufactured": manufactured,
    "closed-form": closed_forms,
    "inflation": inflation,
    "cook": cook,
    "locking": locking,
    "land": land,
    "calculix": against_calculix,
}


def main() -> None:
    """Run and print."""
    prepare_process()
    missed = 0
    for name in sys.argv[1:] or CASES:
        start = time.process_time()
        try:
            for figure in CASES[name]():
                missed += not figure.holds
                percent = 100.0 if figure.relative else 1.0
                unit = " %" if figure.relative else ""
                print(
                    f"{name:13}{'holds ' if figure.holds else 'MISSED'} {figure.name}: "
                    f"{figure.value:.6g} ({figure.reference}); off by "
                    f"{percent * figure.deviation:.3g}{unit}, allowed "
                    f"{percent * figure.goal:g}{unit}",
                    flush=True,
                )
        except NotConverged as error:
            missed += 1
            print(f"{name:13}MISSED not solved: {error}", flush=True)
        print(f"{name:13}{time.process_time() - start:.0f} s", flush=True)
    print(f"{missed} missed" if missed else "all hold")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
