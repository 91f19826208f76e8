"""Closed forms on tetrahedra."""

from __future__ import annotations

import numpy as np
import pytest

from solvers.tetrahedra import (
    mass_matrix,
    node_volumes_mm3,
    stiffness_matrix,
    volume_above_mm3,
    volumes_mm3,
)
from tests.solvers.meshes import box_mesh

CORNER = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
ONE = np.array([[0, 1, 2, 3]], np.int32)


def sampled_fraction(values: list[float], level: float) -> float:
    weights = np.random.default_rng(0).dirichlet(np.ones(4), 400_000)
    return float((weights @ np.array(values) > level).mean())


@pytest.mark.parametrize(
    "values", [[0.0, 0.1, 0.2, 1.0], [0.0, 0.3, 0.7, 1.0], [0.1, 0.6, 0.8, 1.0], [0, 0, 1, 1]]
)
def test_that_the_part_above_a_level_is_the_sampled_one(values: list[float]) -> None:
    exact = volume_above_mm3(np.array(values), 0.5, ONE, np.ones(1))
    assert exact == pytest.approx(sampled_fraction(values, 0.5), abs=3e-3)


def test_that_a_corner_above_has_the_cube_of_its_edge_part() -> None:
    assert volume_above_mm3(np.array([1.0, 0, 0, 0]), 0.75, ONE, np.ones(1)) == pytest.approx(
        1 / 64
    )


def test_that_what_is_above_and_below_make_the_whole() -> None:
    mesh = box_mesh((4.0, 3.0, 2.0), (4, 3, 2), jitter=0.2)
    u = np.random.default_rng(1).random(len(mesh.points_mm))
    v = volumes_mm3(mesh.points_mm, mesh.cells)
    both = volume_above_mm3(u, 0.4, mesh.cells, v) + volume_above_mm3(-u, -0.4, mesh.cells, v)
    assert both == pytest.approx(24.0, rel=1e-12)


def test_that_a_mesh_of_a_box_has_its_volume_and_mass() -> None:
    mesh = box_mesh((4.0, 3.0, 2.0), (4, 3, 2), jitter=0.2)
    mass = mass_matrix(mesh.points_mm, mesh.cells)
    assert mass.sum() == pytest.approx(24.0, rel=1e-12)
    assert mass.sum(axis=1) == pytest.approx(node_volumes_mm3(mesh.points_mm, mesh.cells))


def test_that_diffusion_does_not_see_a_constant_and_measures_a_slope() -> None:
    mesh = box_mesh((4.0, 3.0, 2.0), (4, 3, 2), jitter=0.2)
    stiffness = stiffness_matrix(mesh.points_mm, mesh.cells)
    x = mesh.points_mm[:, 0]
    assert np.abs(stiffness @ np.ones(len(x))).max() < 1e-12
    assert x @ (stiffness @ x) == pytest.approx(24.0, rel=1e-12)  # |grad x|² = 1 over 24 mm³
