"""Tissue that swells with what grows in it: free, in a shell, in every law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.growth_sphere import core_in_a_shell, core_pressure_kpa, exact_ball
from solvers.elements import ELEMENTS
from solvers.failures import BadInput
from solvers.growing import GrowingTissue
from solvers.laws import laws, strain_energy
from solvers.organ import Organ
from solvers.swelling import dilation_at_rest, grown_moduli
from solvers.tissue import KEPT_BULK
from tests.solvers.loaded import NONE
from tests.solvers.meshes import box_mesh
from tests.solvers.test_deformation import CORNERS
from tests.solvers.test_laws import numbers

MU = 2.0
TISSUE = {"shear_modulus_kpa": MU, "poisson_ratio": 0.45}
GROWING = [law for law in laws().values() if law.powers is not None]
STRAINED = np.array([[1.2, 0.1, 0.0], [0.05, 0.9, -0.1], [0.02, 0.0, 1.1]])


def block(name: str, element: str, growth: float, swelling: float = 0.5) -> tuple[Any, Any, Any]:
    """A free block that has grown by `growth` × `swelling`, held at four corners where they go."""
    from mpi4py import MPI

    mesh = box_mesh((12.0, 6.0, 6.0), (4, 2, 2), jitter=0.1)
    free = mesh.points_mm * (np.cbrt(1.0 + swelling * growth) - 1.0)
    held = [np.flatnonzero((mesh.points_mm == p).all(axis=1))[0] for p in CORNERS]
    arrays: dict[str, NDArray[Any]] = {
        "prescribed_nodes": np.array(held, np.int32),
        "prescribed_mm": free[held],
        "fibre": np.tile([1.0, 0.0, 0.0], (len(mesh.cells), 1)),
    }
    own = {p.name: TISSUE.get(p.name, p.default) for p in laws()[name].parameters}
    organ = Organ(mesh, {1: name}, ELEMENTS[element], arrays, comm=MPI.COMM_SELF)
    tissue = GrowingTissue(organ, {1: name})
    tissue.begin({1: own}, {1: swelling}, NONE)
    return tissue, tissue.balance(np.full(len(mesh.points_mm), growth)), free


@pytest.mark.parametrize("element", ["p1_p1", "p2_p1"])
def test_that_a_free_block_grows_without_stress(element: str) -> None:
    tissue, level, free = block("neo_hookean", element, 1.0)
    assert level.displacement_mm() == pytest.approx(free, abs=1e-6)
    assert np.abs(tissue.stress_kpa()).max() < 1e-6 * MU


@pytest.mark.parametrize("name", ["fung", "saint_venant_kirchhoff"])
def test_that_other_laws_grow_without_stress_too(name: str) -> None:
    tissue, level, free = block(name, "p1_p1", 1.0)
    assert level.displacement_mm() == pytest.approx(free, abs=1e-5)
    assert np.abs(tissue.stress_kpa()).max() < 1e-5 * MU


def test_that_a_free_block_has_the_volume_it_grew_to() -> None:
    _, level, _ = block("neo_hookean", "p1_p1", 0.6)
    assert level.cell_mean("ratio") == pytest.approx(1.3, rel=1e-6)  # 1 + swelling × density


def test_that_the_next_balance_starts_from_the_last() -> None:
    tissue, level, _ = block("neo_hookean", "p1_p1", 1.0)
    once = level.displacement_mm()
    before = level.newton.iterations
    tissue.balance(np.full(len(once), 1.0))
    assert level.newton.iterations == before


@pytest.mark.parametrize("law", GROWING, ids=lambda law: law.name)
def test_that_a_grown_law_is_its_law_of_the_elastic_part(law: Any) -> None:
    # det(F_g) ψ(F F_g⁻¹) with F_g = g I, as it is defined
    own = {p.name: TISSUE.get(p.name, p.default) for p in law.parameters}
    given = {**own, **{d: np.array([1.0, 0.0, 0.0]) for d in law.directions}}
    volume = 1.4
    energy = volume * numbers(strain_energy(law, _ufl(STRAINED / np.cbrt(volume)), _ufls(given)))
    grown = _grown(law, own, volume, pressure=False)
    theta = numbers(law.dilation(_ufl(STRAINED)))
    rest = dilation_at_rest(law, volume - 1.0)
    bulk, of_law = grown["bulk_kpa"], grown["bulk_of_law_kpa"]
    found = numbers(strain_energy(law, _ufl(STRAINED), _ufls({**given, **grown})))
    found = found + 0.5 * bulk * (theta - rest) ** 2 - 0.5 * of_law * theta**2
    assert found == pytest.approx(energy, rel=1e-9)


@pytest.mark.parametrize("poisson_ratio", [0.3, 0.45, 0.4999])
def test_that_pressure_and_displacement_share_the_same_bulk_modulus(poisson_ratio: float) -> None:
    own = {"shear_modulus_kpa": MU, "poisson_ratio": poisson_ratio}
    grown = _grown(laws()["neo_hookean"], own, 1.7, pressure=True)
    kept = KEPT_BULK * grown["shear_modulus_kpa"]
    soft = 3.0 * (1.0 - 2.0 * grown["poisson_ratio"])
    soft /= 2.0 * grown["shear_modulus_kpa"] * (1.0 + grown["poisson_ratio"])
    rest = soft / (1.0 - kept * soft)  # of the pressure, as the law's form takes it
    bulk = 2.0 * MU * (1.0 + poisson_ratio) / (3.0 * (1.0 - 2.0 * poisson_ratio)) / 1.7
    assert grown["bulk_kpa"] + 1.0 / rest == pytest.approx(bulk, rel=1e-9)


def _grown(law: Any, own: Any, volume: float, *, pressure: bool) -> dict[str, float]:
    arrays = {k: np.array([v]) for k, v in own.items() if k.endswith("kpa") or k == "poisson_ratio"}
    found = grown_moduli(law, arrays, np.array([volume]), pressure=pressure)
    return {name: float(value[0]) for name, value in found.items()}


def _ufl(array: NDArray[np.float64]) -> Any:
    import ufl

    return ufl.as_tensor(array.tolist())


def _ufls(values: Any) -> Any:
    return {k: _ufl(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}


def test_that_the_exact_ball_meets_the_closed_form() -> None:
    exact = exact_ball(lambda r: np.where(r <= 10.0, 0.5, 0.0), 10.0)
    rim = exact.pressure_kpa[1] + 2.0 / 3.0 * exact.von_mises_kpa[1]  # -σ_r is continuous
    assert rim == pytest.approx(core_pressure_kpa(0.5), rel=1e-3)


def test_that_a_growing_core_presses_its_shell_as_the_closed_form_says() -> None:
    for figure in core_in_a_shell(3):
        assert figure.value == pytest.approx(figure.exact, rel=0.01), figure.name


def test_that_fibres_measured_as_they_are_cannot_grow() -> None:
    with pytest.raises(BadInput, match="fibres know no growth strain"):
        grown_moduli(laws()["holzapfel_ogden"], {}, np.ones(1), pressure=True)


def test_that_tissue_that_would_vanish_is_refused() -> None:
    with pytest.raises(BadInput, match="choose a smaller swelling"):
        block("neo_hookean", "p1_p1", -1.0, 0.95)
