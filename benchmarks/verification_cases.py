"""The problems the tissue solver is verified with, each at any size: meshes, loads, what is read.

Small in tests/solvers/test_verification.py, in full in benchmarks/tissue_verification.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from benchmarks.verification_meshes import tube_mesh, ventricle_fibres, ventricle_mesh
from solvers.acting import load_recipe
from solvers.elements import COARSER, ELEMENTS
from solvers.refinement import Mesh
from tests.solvers.meshes import box_mesh
from tests.solvers.problems import Problem, active_tension, dead_traction

Reals = NDArray[np.float64]
MU_KPA: Final = 2.0
DENSITY_G_PER_ML: Final = 1.05
GRAVITY_MM_PER_S2: Final = 9810.0
TINY: Final = 1e-9


def neo_hookean(poisson_ratio: float, shear_modulus_kpa: float = MU_KPA) -> dict[str, float]:
    """Return the law's values."""
    return {"shear_modulus_kpa": shear_modulus_kpa, "poisson_ratio": poisson_ratio}


def pushed(problem: Problem, faces: NDArray[np.int32], pressure_kpa: float) -> None:
    """Add a pressure that follows the faces."""
    made = load_recipe("pressure", ELEMENTS[problem.element])
    problem.act(made, faces, pressure_kpa=pressure_kpa)


def weighed(problem: Problem) -> None:
    """Add the weight along -z."""
    made = load_recipe("gravity", ELEMENTS[problem.element])
    term = problem.act(made, problem.cells, gravity_mm_per_s2=(0.0, 0.0, -GRAVITY_MM_PER_S2))
    term.values["density_g_per_ml"].value = DENSITY_G_PER_ML


def slid(problem: Problem, faces: NDArray[np.int32]) -> None:
    """Keep faces in their plane, free to slide: springs so stiff that they do not give."""
    term = problem.act(load_recipe("springs", ELEMENTS[problem.element]), faces)
    stiffness = 1e5 * float(problem.values["shear_modulus_kpa"])
    term.values["spring_normal_kpa_per_mm"].value = stiffness


def nested(made: Callable[[str, Any], Problem], element: str, steps: int) -> Problem:
    """Solve as `Organ` does: by load steps with the coarser element, from there with this one."""
    if element not in COARSER:
        return made(element, None).solve(steps)
    coarse = made(COARSER[element].name, None).solve(steps)
    return made(element, coarse.grid).solve(start=coarse)


def across(axis: int, at: float) -> Callable[[Reals], NDArray[np.bool_]]:
    """Return what tells which points have this coordinate."""
    return lambda x: np.asarray(np.abs(x[:, axis] - at) < TINY)


def border(size: Sequence[float]) -> Callable[[Reals], NDArray[np.bool_]]:
    """Return what tells which points are on the border of the box [0, size]."""
    return lambda x: ((x < TINY) | (x > np.array(size) - TINY)).any(axis=1)


def patch_error_mm(element: str) -> float:
    """Return the largest distance from a linear map imposed on an irregular mesh's border."""
    size = (10.0, 8.0, 6.0)
    mesh = box_mesh(size, (3, 3, 2), jitter=0.15)
    slope = np.array([[0.1, 0.05, 0.0], [0.0, -0.06, 0.03], [0.02, 0.0, 0.04]])
    problem = Problem(mesh, element, "neo_hookean", neo_hookean(0.49))
    problem.hold(border(size), lambda x: x @ slope.T)
    exact = mesh.points_mm @ slope.T
    return float(np.abs(problem.solve().displacement_mm() - exact).max())


def pressed_stretch(stretch: float, axes: Sequence[int]) -> float:
    """Return the stretch that the pressure of `stretch` along `axes` gives a block.

    Incompressible neo-Hookean, P on the faces across `axes`, none on the others: -P = μ (λ² - λ₀²),
    λ₀ the stretch of a free axis (Treloar 1975, The physics of rubber elasticity, chapter 5).
    """
    size = np.array([6.0, 5.0, 4.0])
    free = stretch ** (-len(axes) / (3 - len(axes)))
    pressure = MU_KPA * (free**2 - stretch**2)
    stretches = np.where(np.isin(np.arange(3), axes), stretch, free)
    problem = Problem(
        box_mesh((6.0, 5.0, 4.0), (2, 2, 2)), "p2_p1", "neo_hookean", neo_hookean(0.5)
    )
    corners = np.vstack([np.zeros(3), np.diag(size)])
    problem.hold(
        lambda x: (np.abs(x[:, None] - corners) < TINY).all(axis=2).any(axis=1),
        lambda x: x * (stretches - 1.0),
    )
    for axis in axes:
        for end in (0.0, size[axis]):
            pushed(problem, problem.faces(across(axis, end)), pressure)
    far = problem.solve().moved((6.0, 5.0, 4.0))
    return float((far / size)[axes[0]])


def shear_force_mn(shear: float) -> tuple[float, float]:
    """Return the force on the top of a sheared block, and μ γ times its area.

    Simple shear of a neo-Hookean solid: P₁₃ = μ γ, whatever the pressure.
    """
    size = (6.0, 5.0, 4.0)
    problem = Problem(box_mesh(size, (2, 2, 2)), "p2_p1", "neo_hookean", neo_hookean(0.499))
    problem.hold(border(size), lambda x: np.outer(x[:, 2], [shear, 0.0, 0.0]))
    force = problem.solve().inner_force(lambda x: x[:, 2] > size[2] - TINY)
    return float(force[0]), MU_KPA * shear * size[0] * size[1]


def tube_stretch(cuts_around: int, layers: int) -> tuple[float, float]:
    """Return the mean stretch of a tube's inner wall under the pressure of 1.25, and 1.25.

    Incompressible neo-Hookean, kept at its length, radii 10 and 15 mm: P = ∫ μ (λ² - λ⁻²)/r dr with
    λ = r/R, r² - R² the same everywhere (Rivlin 1949, 10.1098/rsta.1949.0009).
    """
    inner, outer, length, goal = 10.0, 15.0, 3.0, 1.25
    grown = (inner * goal) ** 2 - inner**2
    outside = np.sqrt(outer**2 + grown)

    def slope(r: float) -> float:
        square = r**2 / (r**2 - grown)
        return MU_KPA * (square - 1.0 / square) / r

    mesh = tube_mesh(cuts_around, layers, (inner, outer, length))
    problem = Problem(mesh, "p2_p1", "neo_hookean", neo_hookean(0.5))
    radius = np.linalg.norm(mesh.points_mm[:, :2], axis=1)
    wall = np.abs(radius - inner) < TINY
    problem.hold(
        lambda x: (np.abs(radius - outer) < TINY) & (np.abs(x[:, 1]) < TINY) & (x[:, 2] < TINY),
        lambda x: x * (outside / outer - 1.0) * np.array([1.0, 1.0, 0.0]),
    )
    for end in (0.0, length):
        slid(problem, problem.faces(across(2, end)))
    pushed(problem, problem.faces(lambda _: wall), quad(slope, inner * goal, outside)[0])
    moved = mesh.points_mm + problem.solve().displacement_mm()
    return float(np.linalg.norm(moved[wall, :2], axis=1).mean() / inner), goal


def cook_mm(element: str, cuts: int, poisson_ratio: float = 0.4999) -> float:
    """Return how far the upper corner of Cook's membrane rises.

    Neo-Hookean, μ = 80.1938, κ = 40.0942e4, plane strain, a dead force of 100 over the right edge
    for each unit of thickness: de Souza Neto et al. 1996, 10.1016/0020-7683(95)00259-6.
    """
    box = box_mesh((1.0, 1.0, 1.0), (cuts, cuts, 1))
    s, t, w = box.points_mm.T
    points = np.column_stack([48.0 * s, 44.0 * s + t * (44.0 - 28.0 * s), 2.0 * w])
    values = neo_hookean(poisson_ratio, 80.1938)
    problem = Problem(Mesh(points, box.cells, box.regions), element, "neo_hookean", values)
    problem.hold(lambda x: x[:, 0] < TINY)
    for end in (0.0, 2.0):
        slid(problem, problem.faces(across(2, end)))
    edge = problem.faces(lambda x: x[:, 0] > 48.0 - TINY)
    problem.act(dead_traction(ELEMENTS[element]), edge, traction=(0.0, 100.0 / 16.0, 0.0))
    return float(problem.solve().moved((48.0, 60.0, 0.0))[1] - 60.0)


def sag_mm(element: str, cuts: int, poisson_ratio: float) -> float:
    """Return how far the end of a block of 40 × 20 × 20 mm, held at its other end, sags."""
    mesh = box_mesh((40.0, 20.0, 20.0), (2 * cuts, cuts, cuts))

    def made(name: str, grid: Any) -> Problem:
        problem = Problem(mesh, name, "neo_hookean", neo_hookean(poisson_ratio), grid)
        problem.hold(lambda x: x[:, 0] < TINY)
        weighed(problem)
        return problem

    return float(20.0 - nested(made, element, 1).moved((40.0, 20.0, 20.0))[2])


def beam_mm(cuts: int) -> float:
    """Return the height of the end of Land's problem 1: the point (10, 0.5, 1) mm at rest.

    Args:
        cuts: bricks across; even, for a node to be there.
    """
    mesh = box_mesh((10.0, 1.0, 1.0), (10 * cuts, cuts, cuts))
    values = {"shear_modulus_kpa": 2.0, "poisson_ratio": 0.5, "stiffening_across": 2.0}
    fibres = {"fibre_ratio": 4.0, "fibre_shear_ratio": 2.0, "fibre": (1.0, 0.0, 0.0)}

    def made(name: str, grid: Any) -> Problem:
        problem = Problem(mesh, name, "fung", {**values, **fibres}, grid)
        problem.hold(lambda x: x[:, 0] < TINY)
        pushed(problem, problem.faces(lambda x: x[:, 2] < TINY), 0.004)
        return problem

    return float(nested(made, "p2_p1", 4).moved((10.0, 0.5, 1.0))[2])


def apex_mm(element: str, rings: int, layers: int, *, direct: bool = False) -> tuple[float, float]:
    """Return z of the inner and outer apex of Land's problem 2 under 10 kPa.

    Args:
        direct: factorise in every linear solve, to look at the discretisation alone.
    """
    mesh = ventricle_mesh(rings, layers)
    values = {"shear_modulus_kpa": 5.0, "poisson_ratio": 0.5, "stiffening_across": 1.0}
    fibres = {"fibre_ratio": 1.0, "fibre_shear_ratio": 1.0, "fibre": (1.0, 0.0, 0.0)}
    wall = np.arange(len(mesh.points_mm)) < len(mesh.points_mm) // (layers + 1)

    def made(name: str, grid: Any) -> Problem:
        problem = Problem(mesh, name, "fung", {**values, **fibres}, grid, direct)
        problem.hold(lambda x: x[:, 2] > 5.0 - 1e-6)
        pushed(problem, problem.faces(lambda _: wall), 10.0)
        return problem

    solved = nested(made, element, 4)
    inner, outer = solved.moved((0.0, 0.0, -17.0)), solved.moved((0.0, 0.0, -20.0))
    return float(inner[2]), float(outer[2])


def beating_mm(rings: int, layers: int) -> tuple[float, float, float]:
    """Return z of the inner and outer apex of Land's problem 3, and how far its mid-wall twists.

    15 kPa inside and 60 kPa along the fibres, both from zero together. Twist: the largest y of the
    line in the middle of the wall that is at y = 0, x < 0 (v = 0) at rest: his figure 11.

    Args:
        layers: of cells through the wall; even, for nodes to be in its middle.
    """
    mesh = ventricle_mesh(rings, layers)
    shell = len(mesh.points_mm) // (layers + 1)
    fibres = ventricle_fibres(mesh.points_mm[mesh.cells].mean(axis=1))
    values = {"shear_modulus_kpa": 2.0, "poisson_ratio": 0.5, "stiffening_across": 2.0}
    ratios = {"fibre_ratio": 4.0, "fibre_shear_ratio": 2.0}

    def made(name: str, grid: Any) -> Problem:
        problem = Problem(mesh, name, "fung", {**values, **ratios, "fibre": (1.0, 0.0, 0.0)}, grid)
        own = fibres[problem.grid.cells].ravel()
        problem.system.terms[0].values["fibre"].x.array[:] = own
        term = problem.act(active_tension(ELEMENTS[name]), problem.cells, tension=60.0)
        term.values["fibre"].x.array[:] = own
        problem.hold(lambda x: x[:, 2] > 5.0 - 1e-6)
        pushed(problem, problem.faces(lambda _: np.arange(len(mesh.points_mm)) < shell), 15.0)
        return problem

    solved = nested(made, "p2_p1", 8)
    inner, outer = solved.moved((0.0, 0.0, -17.0)), solved.moved((0.0, 0.0, -20.0))
    middle = slice(shell * layers // 2, shell * (layers // 2 + 1))
    at_rest, moved = mesh.points_mm[middle], solved.displacement_mm()[middle]
    line = (np.abs(at_rest[:, 1]) < 1e-6) & (at_rest[:, 0] < 0.0)
    return float(inner[2]), float(outer[2]), float(moved[line, 1].max())
