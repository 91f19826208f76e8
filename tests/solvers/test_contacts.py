"""Contacts: closed forms, what cannot be solved, and the spline that reads a distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.distance import DistanceMap
from solvers.failures import BadInput, NotConverged
from solvers.refinement import Mesh
from solvers.spline import Spline
from tests.solvers.loaded import FIRM, MU, ball_surface, solved
from tests.solvers.meshes import box_mesh
from tests.solvers.test_deformation import faces_at, weight


def test_that_a_block_between_two_planes_takes_its_closed_form() -> None:
    # sliding planes, incompressible neo-Hookean: nominal stress μ (λ - λ⁻²), λ = 0.8; area 100 mm²
    mesh = box_mesh((10.0, 10.0, 10.0), (3, 3, 3), jitter=0.1)
    z = mesh.points_mm[:, 2]
    arrays: dict[str, Any] = {
        "spring_faces": faces_at(mesh, z == 0),
        "plane_faces": faces_at(mesh, z == 10),
    }
    pressed = {
        "plane_normal": (0.0, 0.0, -1.0),
        "plane_point_mm": (5.0, 5.0, 10.0),
        "plane_travel_mm": (0.0, 0.0, -2.0),
        "spring_normal_kpa_per_mm": 1e3,
        "spring_tangential_kpa_per_mm": 0.01,
    }
    level = solved(mesh, arrays, pressed, FIRM)
    exact = MU * (0.8 - 0.8**-2) * 0.1
    assert level.force_n("plane")[2] == pytest.approx(exact, rel=0.01)
    assert level.contacts[0].penetration_mm() <= 0.005
    assert level.displacement_mm()[z == 10, 2] == pytest.approx(-2.0, abs=0.02)


def test_that_a_table_carries_what_lies_on_it() -> None:
    mesh = box_mesh((30.0, 30.0, 10.0), (6, 6, 2))
    x, y, z = mesh.points_mm.T
    rounded = mesh.points_mm + np.outer(0.002 * ((x - 15) ** 2 + (y - 15) ** 2), [0, 0, 1])
    bowl = Mesh(rounded, mesh.cells, mesh.regions)
    arrays: dict[str, Any] = {
        "spring_faces": faces_at(mesh, z == 10),
        "plane_faces": faces_at(mesh, z == 0),
    }
    faint = {"spring_normal_kpa_per_mm": 1e-3, "spring_tangential_kpa_per_mm": 1e-3}
    table = {"plane_normal": (0.0, 0.0, 1.0), "plane_point_mm": (0.0, 0.0, -1.0)}
    level = solved(bowl, arrays, {**faint, **table, **weight(0.0, 0.0, -9810.0)})
    held = level.force_n("plane") + level.force_n("springs")
    assert held == pytest.approx(-level.force_n("gravity"), abs=1e-6)
    assert level.force_n("plane")[2] > 0.9 * held[2]


def indented(kind: str, depth: float) -> NDArray[np.float64]:
    """The force in N of a ball of 10 mm on a quarter of a block 30 × 30 × 15 mm."""
    mesh = box_mesh((15.0, 15.0, 15.0), (6, 6, 6))
    points = mesh.points_mm
    points[:] = 15.0 * (points / 15.0) ** 1.6  # finer below the ball
    points[:, 2] = 15.0 - points[:, 2]
    x, y, z = points.T
    mirrors = [faces_at(mesh, points[:, axis] == 0.0) for axis in (0, 1)]
    near = faces_at(mesh, (z == 15.0) & (np.hypot(x, y) < 6.0))
    arrays: dict[str, Any] = {
        "spring_faces": np.concatenate(mirrors),
        "fixed_nodes": np.flatnonzero(z == 0.0),
    }
    given: dict[str, Any] = {
        "spring_normal_kpa_per_mm": 100.0,
        f"{kind}_travel_mm": (0.0, 0.0, -depth),
    }
    given["contact_tolerance_mm"] = 0.002
    centre = np.array([0.0, 0.0, 25.0])
    if kind == "tool":
        given |= {"tool_radius_mm": 10.0, "tool_start_mm": centre}
    else:
        arrays |= ball_surface("surface", centre, 10.0)
    level = solved(mesh, {**arrays, f"{kind}_faces": near}, given, FIRM)
    return level.force_n(kind)


def test_that_a_ball_pressed_into_a_layer_meets_the_force_of_the_closed_form() -> None:
    # incompressible layer of height H bonded below, χ = √(R d) / H: F = 16/9 E √R d^1.5
    # (1 + 1.133 χ + 1.283 χ² + 0.769 χ³ + 0.0975 χ⁴); Dimitriadis et al. 2002, Biophys. J. 82, 2798
    depth = 0.5
    chi = np.sqrt(10.0 * depth) / 15.0
    series = 1 + 1.133 * chi + 1.283 * chi**2 + 0.769 * chi**3 + 0.0975 * chi**4
    exact = -1e-3 * 16.0 / 9.0 * 3.0 * MU * np.sqrt(10.0) * depth**1.5 * series / 4.0
    force = indented("tool", depth)
    assert force[2] == pytest.approx(exact, rel=0.08)
    # a ball given by its distance on a grid of 1 mm is the same ball
    assert indented("surface", depth)[2] == pytest.approx(force[2], rel=0.01)


def test_that_a_tool_too_deep_for_any_tissue_is_named() -> None:
    mesh = box_mesh((6.0, 6.0, 4.0), (2, 2, 1))
    z = mesh.points_mm[:, 2]
    arrays: dict[str, Any] = {
        "fixed_nodes": np.flatnonzero(z == 0),
        "tool_faces": faces_at(mesh, z == 4),
    }
    tool: dict[str, Any] = {
        "tool_radius_mm": 5.0,
        "tool_start_mm": (3.0, 3.0, 9.0),
        "tool_travel_mm": (0, 0, -12),
    }
    with pytest.raises(NotConverged, match="under tool"):
        solved(mesh, arrays, tool)


def test_that_a_contact_without_its_number_is_refused() -> None:
    mesh = box_mesh((4.0, 4.0, 4.0), (1, 1, 1))
    arrays: dict[str, Any] = {
        "fixed_nodes": np.arange(4),
        "plane_faces": faces_at(mesh, mesh.points_mm[:, 2] == 4),
    }
    with pytest.raises(BadInput, match="plane: plane_normal"):
        solved(mesh, arrays, {"plane_travel_mm": (0.0, 0.0, -1.0)})


def test_that_a_spline_reads_slopes_and_curvatures_of_a_turned_grid() -> None:
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.5]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn, (5.0, -3.0, 2.0)
    index = np.stack(np.meshgrid(*[np.arange(16.0)] * 3, indexing="ij"), axis=-1)
    middle = turn @ np.full(3, 7.3) + affine[:3, 3] - [30.0, 0.0, 0.0]
    distance = np.linalg.norm(index @ turn.T + affine[:3, 3] - middle, axis=-1) - 25.0
    points = np.random.default_rng(0).uniform(3.0, 12.0, (50, 3)) @ turn.T + affine[:3, 3]
    value, slope, curved = Spline(DistanceMap(distance.astype(np.float32), affine)).at(points)
    away = points - middle
    length = np.linalg.norm(away, axis=1, keepdims=True)
    n = away / length
    exact = (np.eye(3) - n[:, :, None] * n[:, None, :]) / length[:, :, None]
    pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    assert value == pytest.approx(length[:, 0] - 25.0, abs=1e-4)
    assert slope == pytest.approx(n, abs=5e-4)
    assert curved == pytest.approx(np.column_stack([exact[:, i, j] for i, j in pairs]), abs=5e-3)
