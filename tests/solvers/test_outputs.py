"""Strains, stresses, energy, volumes and forces against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solvers.deformation import OUTPUTS
from solvers.library import deform
from solvers.refinement import Mesh
from solvers.tetrahedra import volumes_mm3
from tests.solvers.meshes import box_mesh
from tests.solvers.test_deformation import faces_at, moved, outer, shell_mesh

MU, NU = 3.0, 0.45
KAPPA = 2.0 * MU * (1.0 + NU) / (3.0 * (1.0 - 2.0 * NU))
TISSUE = {"shear_modulus_kpa@1": MU, "poisson_ratio@1": NU}
SHEARED = np.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
TURN = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
MAPS = {
    "uniaxial": np.diag([1.3, 0.9, 0.9]),
    "shear": SHEARED,
    "hydrostatic": 0.97 * np.eye(3),
    "turned": TURN @ np.diag([1.2, 1.0, 0.9]),
}
Answer = dict[str, NDArray[Any]]


def mapped(f: NDArray[np.float64], element: str) -> Answer:
    """A box all of whose surface is moved by the map `f`: homogeneous inside."""
    mesh = box_mesh((6.0, 5.0, 4.0), (2, 2, 2), jitter=0.15)
    nodes = outer(mesh.points_mm)
    arrays = moved(nodes, mesh.points_mm[nodes] @ (f - np.eye(3)).T)
    settings = {"element": element, "load_steps": 2.0}
    return deform(mesh, "neo_hookean", TISSUE, arrays=arrays, settings=settings)


@pytest.mark.parametrize("element", ["p1_p1", "p2_p1"])
@pytest.mark.parametrize("name", list(MAPS))
def test_that_a_homogeneous_map_has_its_strains_stresses_and_energy(
    name: str, element: str
) -> None:
    # W = μ/2 (Ī₁ - 3) + κ/2 (J - 1)²: σ = μ J^(-5/3) dev b + κ (J - 1) I; Holzapfel 2000, 6.4
    f = MAPS[name]
    told, j, b = mapped(f, element), np.linalg.det(f), f @ f.T
    strains, directions = np.linalg.eigh(0.5 * (f.T @ f - np.eye(3)))
    stress = MU * j ** (-5 / 3) * (b - np.trace(b) / 3 * np.eye(3)) + KAPPA * (j - 1) * np.eye(3)
    energy = MU / 2 * (j ** (-2 / 3) * np.trace(b) - 3) + KAPPA / 2 * (j - 1) ** 2
    near = {"rel": 1e-5, "abs": 1e-5}
    for row in range(len(told["volume_ratio"])):
        assert told["principal_strains"][row] == pytest.approx(strains[::-1], **near)
        assert told["principal_stresses_kpa"][row] == pytest.approx(
            np.linalg.eigvalsh(stress)[::-1], **near
        )
    assert told["strain_energy_kpa"] == pytest.approx(energy, **near)
    assert told["strain_energy_mj"] == pytest.approx(1e-3 * 120.0 * energy, **near)
    assert told["region_volume_ml"] == pytest.approx([0.120 * j], rel=1e-6)
    assert told["region_volume_change_percent"] == pytest.approx([100.0 * (j - 1.0)], abs=1e-4)
    if strains[2] - strains[1] > 0.01:
        along = np.abs(told["strain_direction"] @ directions[:, 2])
        assert along == pytest.approx(1.0, abs=1e-4)


def test_that_an_inflated_shell_stores_what_the_closed_form_says() -> None:
    # incompressible, r³ = R³ + c, λ = r/R: W = μ/2 (2 λ² + λ⁻⁴ - 3), over the shell's volume
    mesh, inner, _ = shell_mesh(2, (10.0, 14.0, 20.0))
    sides = np.unique(np.concatenate([inner.ravel(), inner.ravel() + 2 * len(np.unique(inner))]))
    radius = np.linalg.norm(mesh.points_mm, axis=1)
    c = 10.0**3 * (1.2**3 - 1.0)
    shift = mesh.points_mm * (((radius**3 + c) ** (1 / 3) / radius) - 1.0)[:, None]
    stiff = {"shear_modulus_kpa@1": MU, "poisson_ratio@1": 0.5}
    told = deform(mesh, "neo_hookean", stiff, arrays=moved(sides, shift[sides]), settings={})
    r = np.linspace(10.0, 20.0, 2001)
    stretch = (r**3 + c) ** (1 / 3) / r
    density = MU / 2 * (2 * stretch**2 + stretch**-4.0 - 3.0)
    mean = np.trapezoid(density * r**2, r) / np.trapezoid(r**2, r)  # facets cut off volume
    assert told["strain_energy_mj"] / told["region_volume_ml"][0] == pytest.approx(mean, rel=0.03)
    assert told["principal_strains"][:, 2].max() < 0.0
    middle = np.linalg.norm(mesh.points_mm[mesh.cells].mean(axis=1), axis=1)
    hoop = (middle**3 + c) ** (1 / 3) / middle
    stresses = told["principal_stresses_kpa"]  # hoop minus radial: μ (λ² - λ⁻⁴), whatever p is
    apart = (stresses[:, 0] - stresses[:, 2]) / (MU * (hoop**2 - hoop**-4.0))
    assert apart.mean() == pytest.approx(1.0, abs=0.1)  # facets; once more divided it is 0.998


def supported() -> tuple[Mesh, dict[str, Any], dict[str, Any]]:
    """A block under weight and pressure on fixed nodes, two springs and a plane; its arrays."""
    mesh = box_mesh((20.0, 10.0, 10.0), (5, 3, 3), jitter=0.1)
    at = mesh.points_mm
    arrays = {
        "fixed_nodes": np.flatnonzero(at[:, 0] == 0.0),
        "prescribed_nodes": np.flatnonzero((at[:, 0] == 20.0) & (at[:, 2] == 10.0)),
        "spring_faces@rib": faces_at(mesh, at[:, 0] == 20.0),
        "spring_faces@back": faces_at(mesh, at[:, 1] == 10.0),
        "plane_faces": faces_at(mesh, at[:, 2] == 0.0),
        "pressure_faces": faces_at(mesh, at[:, 2] == 10.0),
    }
    arrays["prescribed_mm"] = np.tile([0.3, 0.2, 0.5], (len(arrays["prescribed_nodes"]), 1))
    settings = {
        "gravity_mm_per_s2": (0.0, 2000.0, -9806.65),
        "pressure_kpa": 0.2,
        "spring_normal_kpa_per_mm@rib": 0.5,
        "spring_normal_kpa_per_mm@back": 0.2,
        "spring_tangential_kpa_per_mm@back": 0.1,
        "plane_point_mm": (0.0, 0.0, 0.2),
        "plane_normal": (0.0, 0.0, 1.0),
    }
    return mesh, arrays, settings


@pytest.mark.parametrize("element", ["p1_p1", "p2_p1"])
def test_that_all_forces_on_the_tissue_balance(element: str) -> None:
    mesh, arrays, settings = supported()
    settings["element"] = element
    told = deform(mesh, "neo_hookean", TISSUE, arrays=arrays, settings=settings)
    forces = {name[8:]: force for name, force in told.items() if name.startswith("force_n@")}
    assert set(forces) == {
        "gravity", "pressure", "springs@rib", "springs@back", "plane", "fixed", "prescribed",
    }  # fmt: skip
    weight = 1.05e-9 * 2000.0 * np.array([0.0, 2000.0, -9806.65])  # t/mm³ mm³ mm/s² = N
    assert forces["gravity"] == pytest.approx(weight)
    assert min(np.linalg.norm(force) for force in forces.values()) > 1e-4
    assert np.abs(sum(forces.values())).max() < 1e-5 * np.linalg.norm(weight)


def test_that_every_array_told_is_described_with_its_unit() -> None:
    mesh, arrays, settings = supported()
    settings |= {"element": "p1_p1", "strain_limit": 0.05}
    told = deform(mesh, "neo_hookean", TISSUE, arrays=arrays, settings=settings)
    described = {output.name: output for output in OUTPUTS}
    known = {name if name in described else name.split("@")[0] + "@LOAD" for name in told}
    assert known == {name for name in described if name not in NOT_ASKED}
    assert all(output.unit for output in OUTPUTS)


NOT_ASKED = ("unloaded_mm", "displacement_at_times_mm")


def stretched_halves(**settings: Any) -> Answer:
    """Two regions, 120 mm³ in all, both stretched by 1.3: E = 0.345 along x, -0.095 across."""
    whole = box_mesh((6.0, 5.0, 4.0), (2, 2, 2))
    right = whole.points_mm[whole.cells].mean(axis=1)[:, 0] > 3.0
    mesh = Mesh(whole.points_mm, whole.cells, np.where(right, 2, 1))
    nodes = outer(mesh.points_mm)
    arrays = moved(nodes, mesh.points_mm[nodes] * (0.3, -0.1, -0.1))
    tissue = TISSUE | {name.replace("@1", "@2"): value for name, value in TISSUE.items()}
    given = {"element": "p1_p1", **settings}
    return deform(mesh, "neo_hookean", tissue, arrays=arrays, settings=given)


def test_that_tissue_beyond_a_limit_is_told_by_region() -> None:
    told = stretched_halves(**{"strain_limit@2": 0.3})
    assert told["region_beyond_limit_ml"] == pytest.approx([np.nan, 0.060], nan_ok=True)
    assert told["region_largest_strain"] == pytest.approx(0.345, rel=1e-5)
    squeezed = stretched_halves(strain_limit=-0.09, **{"strain_limit@2": -0.1})
    assert squeezed["region_beyond_limit_ml"] == pytest.approx([0.060, 0.0])


def test_that_without_a_limit_nothing_is_said_of_one() -> None:
    assert "region_beyond_limit_ml" not in stretched_halves()


def test_that_cells_are_left_out_where_nobody_asks() -> None:
    told = stretched_halves(cell_fields=0.0)
    assert "principal_strains" not in told
    assert told["region_volume_ml"] == pytest.approx(0.060 * 1.3 * 0.81, rel=1e-5)


def test_that_no_energy_is_told_of_tissue_that_has_relaxed() -> None:
    series = {"prony_moduli": (0.3,), "prony_times_s": (1.0,)}
    told = stretched_halves(times_s=(2.0,), **series)
    assert "principal_stresses_kpa" in told
    assert not [name for name in told if "energy" in name]


def test_that_an_unloaded_shape_counts_as_rest_and_the_scan_as_now() -> None:
    mesh, arrays, settings = supported()
    held = {"fixed_nodes": arrays["fixed_nodes"]}
    settings = {"gravity_mm_per_s2": settings["gravity_mm_per_s2"], "element": "p1_p1"}
    told = deform(mesh, "neo_hookean", TISSUE, arrays=held, settings={**settings, "unload": 1.0})
    rest_ml = volumes_mm3(told["unloaded_mm"], mesh.cells).sum() / 1000.0
    assert told["region_volume_ml"] == pytest.approx(2.0, rel=1e-4)
    assert told["region_volume_change_ml"] == pytest.approx(2.0 - rest_ml, abs=2e-4)
    assert told["region_volume_ml"] - told["region_volume_change_ml"] == pytest.approx(rest_ml)
