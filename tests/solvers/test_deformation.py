"""Deformation against closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import fsolve

from solvers.deformation import SETTINGS
from solvers.elements import ACCURATE
from solvers.failures import BadInput, NotConverged
from solvers.laws import law, laws
from solvers.organ import Organ
from solvers.refinement import Mesh
from tests.solvers.meshes import box_mesh
from tests.solvers.test_laws import DIRECTIONS, energy, values

MU, NU = 2.14, 0.49
SOFT = {1: {"shear_modulus_kpa": MU, "poisson_ratio": NU}}
NO_LOAD: dict[str, Any] = {}
Solve = Callable[..., dict[str, NDArray[np.float64]]]


def held_organ(name: str, mesh: Mesh, arrays: Mapping[str, NDArray[Any]]) -> Solve:
    """What solves a mesh of one law for its values and loads."""
    from mpi4py import MPI

    arrays = {"fixed_nodes": np.empty(0, np.int32), **arrays}
    arrays |= {d: np.tile(DIRECTIONS[d], (len(mesh.cells), 1)) for d in law(name).directions}
    organ = Organ(mesh, {1: name}, ACCURATE, arrays, comm=MPI.COMM_SELF)

    def solve(values: Any, given: Mapping[str, Any], steps: int = 1) -> Any:
        none = {s.parameter.name: np.zeros(s.length).squeeze() for s in SETTINGS}
        level = organ.solve(values, {**none, **given}, steps=steps)
        return {
            "displacement_mm": level.displacement_mm(),
            "von_mises_kpa": level.cell_mean("von_mises"),
            "volume_ratio": level.cell_mean("ratio"),
        }

    return solve


def weight(x: float, y: float, z: float) -> dict[str, Any]:
    """Gravity of these mm/s² on tissue of 1.05 g/mL."""
    return {"gravity_mm_per_s2": (x, y, z), "density_g_per_ml": 1.05}


def outer(points: NDArray[np.float64]) -> NDArray[np.int64]:
    low, high = points.min(axis=0), points.max(axis=0)
    return np.flatnonzero(((points < low + 1e-9) | (points > high - 1e-9)).any(axis=1))


def moved(nodes: NDArray[Any], shift: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    return {"fixed_nodes": np.empty(0, np.int32), "prescribed_nodes": nodes, "prescribed_mm": shift}


def faces_at(mesh: Mesh, on: NDArray[np.bool_]) -> NDArray[np.int32]:
    corners = [mesh.cells[:, [a, b, c]] for a, b, c in ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3))]
    triangles = np.concatenate(corners)
    return triangles[on[triangles].all(axis=1)]


@pytest.mark.parametrize("name", list(laws()))
def test_that_an_imposed_linear_map_is_met_everywhere(name: str) -> None:
    # patch test: the map solves the equations, so every mesh must give it to rounding
    mesh = box_mesh((10.0, 8.0, 6.0), (3, 3, 2), jitter=0.15)
    slope = np.array([[0.1, 0.05, 0.0], [0.0, -0.06, 0.03], [0.02, 0.0, 0.04]])
    exact = mesh.points_mm @ slope.T
    nodes = outer(mesh.points_mm)
    organ = held_organ(name, mesh, moved(nodes, exact[nodes]))
    answer = organ({1: values(law(name))}, NO_LOAD, 1)
    assert answer["displacement_mm"] == pytest.approx(exact, abs=1e-5)
    ratio = np.linalg.det(np.eye(3) + slope)
    assert answer["volume_ratio"] == pytest.approx(ratio, abs=1e-5)


@pytest.mark.parametrize("name", list(laws()))
def test_that_a_squeezed_bar_takes_its_closed_form(name: str) -> None:
    # principal Cauchy stresses λᵢ/J ∂W/∂λᵢ: minus the pressure along the bar, zero across it
    mesh = box_mesh((12.0, 6.0, 6.0), (4, 2, 2))
    chosen, pressure, h = law(name), 0.4, 1e-6

    def out_of_balance(stretches: NDArray[np.float64]) -> NDArray[np.float64]:
        slopes = [
            (energy(chosen, np.diag(stretches + e)) - energy(chosen, np.diag(stretches - e)))
            / 2
            / h
            for e in h * np.eye(3)
        ]
        return np.array(slopes) + np.array([pressure * stretches[1] * stretches[2], 0.0, 0.0])

    stretches = fsolve(out_of_balance, [0.95, 1.02, 1.02])
    exact = mesh.points_mm * (stretches - 1.0)
    held = [np.flatnonzero((mesh.points_mm == p).all(axis=1))[0] for p in CORNERS]
    ends_faces = [faces_at(mesh, mesh.points_mm[:, 0] == x) for x in (0.0, 12.0)]
    arrays = moved(np.array(held), exact[held])
    organ = held_organ(name, mesh, {**arrays, "pressure_faces": np.concatenate(ends_faces)})
    answer = organ({1: values(chosen)}, {"pressure_kpa": pressure}, 1)
    assert answer["displacement_mm"] == pytest.approx(exact, abs=2e-5)
    shrunk = stretches[1] * stretches[2] if chosen.small else 1.0  # stress per area at rest
    assert answer["von_mises_kpa"] == pytest.approx(pressure * shrunk, rel=1e-4)


CORNERS = ([0.0, 0.0, 0.0], [12.0, 0.0, 0.0], [0.0, 6.0, 0.0], [0.0, 0.0, 6.0])


def test_that_a_thick_shell_is_inflated_as_the_closed_form_says() -> None:
    # incompressible neo-Hookean sphere, inner radius 10, outer 20 mm, with λ = r/R at each:
    # P = μ/2 (4/λ_b + 1/λ_b⁴ - 4/λ_a - 1/λ_a⁴); Ogden 1984, Non-linear elastic deformations, 5.3
    errors = [abs(inner_stretch(subdivisions) - 1.2) for subdivisions in (2, 3)]
    assert errors[1] < 0.005  # flat facets for a sphere, and two cells through the wall
    assert math.log2(errors[0] / errors[1]) > 1.5


def inner_stretch(subdivisions: int) -> float:
    """The mean stretch of the inner surface under the pressure of a stretch of 1.2."""
    mesh, inner, outside = shell_mesh(subdivisions, (10.0, 14.0, 20.0))
    outer_stretch = (20.0**3 + 10.0**3 * (1.2**3 - 1.0)) ** (1 / 3) / 20.0

    def term(stretch: float) -> float:
        return 4.0 / stretch + stretch**-4.0

    pressure = 0.5 * MU * (term(outer_stretch) - term(1.2))
    held = outside[:3]
    arrays = moved(held, (outer_stretch - 1.0) * mesh.points_mm[held])
    organ = held_organ("neo_hookean", mesh, {**arrays, "pressure_faces": inner})
    stiff = {1: {"shear_modulus_kpa": MU, "poisson_ratio": 0.5}}
    answer = organ(stiff, {"pressure_kpa": pressure}, 1)
    nodes = np.unique(inner)
    reached = mesh.points_mm[nodes] + answer["displacement_mm"][nodes]
    return float(np.linalg.norm(reached, axis=1).mean() / 10.0)


def shell_mesh(
    subdivisions: int, radii: tuple[float, ...]
) -> tuple[Mesh, NDArray[np.int64], NDArray[np.int64]]:
    """A ball shell of prisms cut in three; its inner triangles and outer nodes."""
    points, triangles = octahedron()
    for _ in range(subdivisions):
        points, triangles = subdivided(points, triangles)
    size = len(points)
    a, b, c = np.sort(triangles, axis=1).T
    cells = []
    for layer in range(len(radii) - 1):
        low, high = layer * size, (layer + 1) * size
        cells += [
            np.column_stack([a + low, b + low, c + low, c + high]),
            np.column_stack([a + low, b + low, b + high, c + high]),
            np.column_stack([a + low, a + high, b + high, c + high]),
        ]
    joined = np.concatenate(cells).astype(np.int32)
    shells = np.concatenate([radius * points for radius in radii])
    mesh = Mesh(shells, joined, np.ones(len(joined), np.int32))
    return mesh, triangles, np.arange(size) + (len(radii) - 1) * size


def octahedron() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1.0]])
    return points, np.array([[x, y, z] for x in (0, 1) for y in (2, 3) for z in (4, 5)])


def subdivided(
    points: NDArray[np.float64], triangles: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    pairs, which = np.unique(edges, axis=0, return_inverse=True)
    middles = points[pairs].sum(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    ab, bc, ca = (which.reshape(-1, 3) + len(points)).T
    a, b, c = triangles.T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([points, middles]), np.concatenate([np.column_stack(p) for p in parts])


def test_that_a_hanging_block_sags_as_a_sheared_column() -> None:
    # a wide plate, height 5 mm, weight b across it: shear only, top moves b H² / (2 μ)
    mesh = box_mesh((60.0, 60.0, 5.0), (8, 8, 2))
    fixed = np.flatnonzero(mesh.points_mm[:, 2] == 0.0)
    organ = held_organ("neo_hookean", mesh, {"fixed_nodes": fixed})
    load = 1e-6 * 1.05 * 9810.0 * 0.1
    answer = organ(SOFT, weight(981.0, 0.0, 0.0))
    middle = (np.abs(mesh.points_mm - [30.0, 30.0, 5.0]) < 8.0).all(axis=1)
    top = middle & (mesh.points_mm[:, 2] == 5.0)
    assert answer["displacement_mm"][top, 0].mean() == pytest.approx(
        load * 25.0 / (2 * MU), rel=0.05
    )


def test_that_the_block_solver_agrees_with_the_direct_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = []
    for limit in (10**6, 0):
        monkeypatch.setattr("solvers.linear.DIRECT_BELOW", limit)
        mesh = box_mesh((40.0, 20.0, 20.0), (8, 4, 4), jitter=0.1)
        fixed = np.flatnonzero(mesh.points_mm[:, 0] == 0.0)
        organ = held_organ("neo_hookean", mesh, {"fixed_nodes": fixed})
        answers.append(organ(SOFT, weight(0.0, 0.0, -9810.0))["displacement_mm"])
    assert np.abs(answers[0]).max() > 1.0
    assert answers[1] == pytest.approx(answers[0], abs=1e-4)


def test_that_nothing_moves_without_a_load() -> None:
    mesh = box_mesh((4.0, 4.0, 4.0), (1, 1, 1))
    organ = held_organ("neo_hookean", mesh, {"fixed_nodes": np.arange(4)})
    answer = organ(SOFT, NO_LOAD, 1)
    assert np.abs(answer["displacement_mm"]).max() == 0.0
    assert answer["volume_ratio"] == pytest.approx(1.0)


def test_that_an_organ_that_nothing_holds_is_refused() -> None:
    mesh = box_mesh((4.0, 4.0, 4.0), (1, 1, 1))
    with pytest.raises(BadInput, match="at least 3"):
        held_organ("neo_hookean", mesh, {"fixed_nodes": np.array([0, 1])})


def test_that_a_load_no_tissue_bears_names_the_load_and_the_residual() -> None:
    mesh = box_mesh((20.0, 4.0, 4.0), (4, 1, 1))
    far = np.flatnonzero(mesh.points_mm[:, 0] == 20.0)
    near = np.flatnonzero(mesh.points_mm[:, 0] == 0.0)
    inside_out = np.tile([-60.0, 0.0, 0.0], (len(far), 1))
    organ = held_organ("neo_hookean", mesh, {**moved(far, inside_out), "fixed_nodes": near})
    with pytest.raises(NotConverged, match=r"of the load: .*residual"):
        organ(SOFT, NO_LOAD, 1)
