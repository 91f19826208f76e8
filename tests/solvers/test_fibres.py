"""Directions of fibres and sheets, and laws that differ from region to region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import fsolve

from solvers.contract import Job
from solvers.deformation import run
from solvers.directions import unit_directions
from solvers.failures import BadInput
from solvers.laws import law
from tests.solvers.meshes import box_mesh, mesh_arrays
from tests.solvers.test_deformation import faces_at, moved
from tests.solvers.test_laws import stress, values

EVERYWHERE = np.ones(2, bool)


def test_that_directions_are_made_orthonormal() -> None:
    given = {
        "fibre": np.array([[1.02, 0, 0], [0, 1, 0]]),
        "sheet": np.array([[0.05, 1, 0], [1, 0, 0]]),
    }
    made = unit_directions(given, ("fibre", "sheet"), EVERYWHERE)
    assert made["fibre"] == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]))
    assert made["sheet"] == pytest.approx(np.array([[0, 1, 0], [1, 0, 0]]))


def test_that_cells_of_other_laws_need_no_direction() -> None:
    made = unit_directions(
        {"fibre": np.array([[0, 0, 1.0], [0, 0, 0]])}, ("fibre",), np.array([True, False])
    )
    assert made["fibre"].tolist() == [[0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({}, "'fibre' is missing"),
        ({"fibre": np.array([[1.0, 0, 0], [0, 2, 0]])}, "cell 1"),
        ({"fibre": np.array([[1.0, 0, 0], [0, np.nan, 0]])}, "finite"),
        ({"fibre": np.eye(3)[:2], "sheet": np.array([[0.2, 0.98, 0], [1, 0, 0]])}, "square"),
        ({"fibre": np.eye(3)}, "shape"),
    ],
)
def test_that_directions_that_are_none_are_refused(arrays: Any, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        unit_directions(arrays, ("fibre", "sheet"), EVERYWHERE)


def test_that_muscle_without_directions_is_refused() -> None:
    mesh = box_mesh((4.0, 4.0, 4.0), (1, 1, 1))
    member = {f"{name}@1": value for name, value in values(law("holzapfel_ogden")).items()}
    arrays = {**mesh_arrays(mesh), "fixed_nodes": np.arange(4)}
    with pytest.raises(BadInput, match="'fibre' is missing"):
        run(Job("deformation", "holzapfel_ogden", (member,)), arrays, lambda _: None)


def balance(name: str, numbers: Any, stretches: Any, pressure: float) -> Any:
    """How far a bar under pressure along x is from balance, along and across."""
    along, across = stretches
    slopes = stress(law(name), np.diag([along, across, across]), numbers)
    return [slopes[0, 0] + pressure * across**2, slopes[1, 1]]


def test_that_a_bar_of_two_laws_in_series_takes_its_closed_form() -> None:
    # both free across and under the same pressure; ν of the stiffer half is such that both widen
    # alike, so that each half is uniform: P = ∂W/∂F of each law is (-p s², 0, 0)
    pressure, soft = 1.0, values(law("neo_hookean")) | {"poisson_ratio": 0.35}
    along, across = fsolve(lambda x: balance("neo_hookean", soft, x, pressure), [0.85, 1.05])

    def second(x: Any) -> Any:
        return balance("yeoh", stiff | {"poisson_ratio": x[1]}, (x[0], across), pressure)

    stiff = values(law("yeoh")) | {"shear_modulus_kpa": 1.15 * soft["shear_modulus_kpa"]}
    other, ratio = fsolve(second, [0.9, 0.43])
    mesh = box_mesh((12.0, 4.0, 4.0), (6, 2, 2))
    x, y, z = mesh.points_mm.T
    exact = np.stack(
        [np.where(x < 6.0, x * along, 6.0 * along + (x - 6.0) * other), y * across, z * across], 1
    )
    regions = np.where(mesh.points_mm[mesh.cells].mean(axis=1)[:, 0] < 6.0, 1, 2)
    held = np.flatnonzero((x == 0.0) & ((y == 0.0) | (z == 0.0)) & (y + z <= 4.0))
    ends = np.concatenate([faces_at(mesh, x == end) for end in (0.0, 12.0)])
    arrays = {**mesh_arrays(mesh), "regions": regions, "pressure_faces": ends}
    arrays |= moved(held, (exact - mesh.points_mm)[held])
    member = {f"{name}@1": value for name, value in soft.items()}
    member |= {f"{name}@2": value for name, value in (stiff | {"poisson_ratio": ratio}).items()}
    settings = {"pressure_kpa": pressure, "law@2": "yeoh", "element": "p1"}
    told = run(Job("deformation", "neo_hookean", (member,), settings), arrays, lambda _: None)[0]
    error = np.abs(told["displacement_mm"][0] - (exact - mesh.points_mm)).max()
    assert error < 1e-6
