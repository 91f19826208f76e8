"""Every law: no energy at rest, none from a rotation, stress is the slope of energy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import ufl
from ffcx.ir.analysis.graph import build_graph_vertices, rebuild_with_scalar_subexpressions
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from ufl.algorithms import apply_algebra_lowering, apply_derivatives

from solvers.kinematics import cauchy, von_mises
from solvers.laws import POISSON_RATIO, SHEAR_MODULUS, laws, strain_energy

LAWS = list(laws().values())
STRETCH = np.array([[1.2, 0.15, -0.05], [0.02, 0.9, 0.1], [0.07, -0.03, 1.05]])
each_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)


OBJECTIVE = pytest.mark.parametrize(
    "law", [law for law in LAWS if not law.small], ids=lambda law: law.name
)
DIRECTIONS = {"fibre": (0.0, 0.0, 1.0), "sheet": (0.0, 1.0, 0.0)}
"""Of every law that has any: the shear of these tests is in a plane with the sheet alone."""


def values(law: Any) -> dict[str, float]:
    defaults = {p.name: p.default for p in law.parameters}
    return {**defaults, "shear_modulus_kpa": 2.14, "poisson_ratio": 0.45}


def given(law: Any) -> dict[str, Any]:
    return values(law) | {name: ufl.as_vector(DIRECTIONS[name]) for name in law.directions}


def energy(law: Any, f: NDArray[np.float64]) -> float:
    return float(numbers(strain_energy(law, ufl.as_matrix(f.tolist()), given(law))).item())


def stress(law: Any, f: NDArray[np.float64], chosen: Any = None) -> NDArray[np.float64]:
    """First Piola P = ∂W/∂F, evaluated from the derivative that UFL takes."""
    variable = ufl.variable(ufl.as_matrix(f.tolist()))
    energy = strain_energy(law, variable, chosen or given(law))
    return numbers(ufl.diff(energy, variable)).reshape(3, 3)


def numbers(expression: Any) -> NDArray[np.float64]:
    """The components of an expression of numbers, each part of it evaluated once."""
    lowered = apply_derivatives.apply_derivatives(
        apply_algebra_lowering.apply_algebra_lowering(expression)
    )
    parts = rebuild_with_scalar_subexpressions(build_graph_vertices([lowered]))
    return np.array([float(part(())) for part in parts])


@each_law
def test_that_tissue_at_rest_has_no_energy(law: Any) -> None:
    assert energy(law, np.eye(3)) == pytest.approx(0.0, abs=1e-14)


@each_law
def test_that_tissue_at_rest_has_no_stress(law: Any) -> None:
    assert stress(law, np.eye(3)) == pytest.approx(np.zeros((3, 3)), abs=1e-12)


@OBJECTIVE
def test_that_a_rotation_changes_no_energy(law: Any) -> None:
    turned = Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix() @ STRETCH
    assert energy(law, turned) == pytest.approx(energy(law, STRETCH), rel=1e-12)


def test_that_a_rotation_is_a_strain_for_the_linear_law() -> None:
    # ε = (cos φ - 1) (I - n n): W + κ/2 θ² = (μ 2/3 + 2 κ) (1 - cos φ)²
    turned = Rotation.from_rotvec([0.0, 0.0, 0.1]).as_matrix()
    wanted = (2.14 * 2.0 / 3.0 + 2.0 * 20.68667) * (1.0 - np.cos(0.1)) ** 2
    assert energy(laws()["linear_elastic"], turned) == pytest.approx(wanted, rel=1e-6)


@each_law
def test_that_a_deformation_costs_energy(law: Any) -> None:
    assert energy(law, STRETCH) > 0.01


@each_law
def test_that_stress_is_the_slope_of_energy(law: Any) -> None:
    slope, h = np.empty((3, 3)), 1e-6
    for i, j in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[i, j] = h
        slope[i, j] = (energy(law, STRETCH + step) - energy(law, STRETCH - step)) / (2 * h)
    assert stress(law, STRETCH) == pytest.approx(slope, abs=1e-7)


@each_law
def test_that_small_shear_meets_the_shear_modulus(law: Any) -> None:
    sheared = np.eye(3)
    sheared[0, 1] = 1e-4
    assert stress(law, sheared)[0, 1] / 1e-4 == pytest.approx(2.14, rel=1e-6)


@each_law
def test_that_small_swelling_meets_the_bulk_modulus(law: Any) -> None:
    # κ = 2 μ (1 + ν) / (3 (1 - 2ν)) = 2 × 2.14 × 1.45 / 0.3 = 20.687 kPa
    swollen = stress(law, np.eye(3) * (1.0 + 1e-6))
    assert swollen[0, 0] / 3e-6 == pytest.approx(20.6867, rel=1e-4)


@each_law
def test_that_every_law_takes_the_two_moduli_and_names_its_sources(law: Any) -> None:
    assert {SHEAR_MODULUS, POISSON_RATIO} <= set(law.parameters)
    assert all(p.source and p.unit for p in law.parameters)


@pytest.mark.parametrize("exponent", [-25.0, 0.5, 4.0, 12.0])
@pytest.mark.parametrize("stretch", [0.8, 1.05, 1.3])
def test_that_stretches_kept_apart_err_little_in_ogdens_law(
    exponent: float, stretch: float
) -> None:
    # Ogden 1972, incompressible pull: P₁₁ - P₂₂ λ₂/λ₁ = 2 μ/α (λ^(α-1) - λ^(-α/2-1))
    law = laws()["ogden"]
    chosen = values(law) | {"exponent_1": exponent, "shear_modulus_kpa": 1.0}
    p = stress(law, np.diag([stretch, stretch**-0.5, stretch**-0.5]), chosen)
    wanted = 2.0 / exponent * (stretch ** (exponent - 1.0) - stretch ** (-0.5 * exponent - 1.0))
    assert p[0, 0] - p[1, 1] * stretch**-1.5 == pytest.approx(wanted, rel=1e-4)


def test_that_a_uniaxial_stress_is_its_own_von_mises_stress() -> None:
    pulled = ufl.as_matrix([[-3.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert float(von_mises(pulled)(())) == pytest.approx(3.0)


def test_that_an_isotropic_pull_without_deformation_stays_itself() -> None:
    s = ufl.as_matrix([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
    assert float(cauchy(s, ufl.as_matrix(np.eye(3).tolist()))[0, 0](())) == pytest.approx(2.0)
