"""A ball that grows inside: the exact solution, and the tissue solver's.

All is incompressible and neo-Hookean, so that every shell only gets room for what grew below it:
r³ = R³ + 3 ∫ s c R² dR, free at its surface. F = F_e F_g with g³ = 1 + s c (Rodriguez et al. 1994,
10.1016/0021-9290(94)90021-3); around the radius F_e stretches by λ = r/(g R), along it by 1/λ².
Balance: dσ_r/dr = 2 (σ_θ - σ_r)/r with σ_θ - σ_r = μ (λ² - λ⁻⁴) (Ogden 1984, Non-linear elastic
deformations, 5.3; with growth Ben Amar & Goriely 2005, 10.1016/j.jmps.2005.04.008). σ_r is taken by
quadrature. Where nothing grows but a core, uniformly, the pressure there is
μ/2 (4/λ_b + 1/λ_b⁴ - 4/λ_a - 1/λ_a⁴), λ at the shell's outer and inner surface.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_simpson, simpson

from solvers.deformation import SETTINGS
from solvers.elements import ELEMENTS
from solvers.growing import GrowingTissue, von_mises_of
from solvers.organ import Organ
from solvers.refinement import Mesh
from solvers.tetrahedra import volumes_mm3
from tests.solvers.problems import outer_faces
from tests.solvers.test_deformation import subdivided

Reals = NDArray[np.float64]
MU_KPA: Final = 2.0
RADIUS_MM: Final = 20.0
CORE_MM: Final = 10.0
SPRINGS: Final = ("spring_tangential_kpa_per_mm", "spring_rest_mm")
NO_LOADS: Final = {s.parameter.name: np.zeros(s.length).squeeze() for s in SETTINGS}


@dataclass(frozen=True, eq=False)
class Exact:
    """The solution at radii (k,) mm of the ball at rest, from its middle to its surface.

    Args:
        moved_mm: where they have gone.
        pressure_kpa: minus the mean stress.
        von_mises_kpa: |σ_θ - σ_r|.
    """

    radii_mm: Reals
    moved_mm: Reals
    pressure_kpa: Reals
    von_mises_kpa: Reals

    def mean(self, field: Reals, radius_mm: float = RADIUS_MM) -> float:
        """Return the mean of a field over the volume at rest within `radius_mm`."""
        weight = np.where(self.radii_mm <= radius_mm, self.radii_mm**2, 0.0)
        return float(simpson(field * weight, self.radii_mm) / simpson(weight, self.radii_mm))


def exact_ball(grown: Callable[[Reals], Reals], inner_mm: float = 1e-6) -> Exact:
    """Return the solution for `grown`: radii (k,) mm → s c, smooth beyond `inner_mm`.

    Below `inner_mm` it is uniform, and so is what it does.
    """
    radius = np.linspace(inner_mm, RADIUS_MM, 20_001)
    s = grown(radius)
    inside = grown(np.array([0.5 * inner_mm]))[0] * inner_mm**3
    added = inside + cumulative_simpson(3.0 * s * radius**2, x=radius, initial=0.0)
    moved = np.cbrt(radius**3 + added)
    stretch = moved / (np.cbrt(1.0 + s) * radius)
    across = MU_KPA * (stretch**2 - stretch**-4)
    slope = 2.0 * across * (1.0 + s) * radius**2 / moved**3
    within = cumulative_simpson(slope, x=radius, initial=0.0)
    along = within - within[-1]
    return Exact(radius, moved, -(along + 2.0 / 3.0 * across), np.abs(across))


def core_pressure_kpa(grown: float) -> float:
    """Return the pressure in a core of `CORE_MM` that alone grows, by s c = `grown`."""
    inner = np.cbrt(1.0 + grown)
    outer = np.cbrt(RADIUS_MM**3 + grown * CORE_MM**3) / RADIUS_MM
    terms = [4.0 / stretch + stretch**-4.0 for stretch in (outer, inner)]
    return float(0.5 * MU_KPA * (terms[0] - terms[1]))


def octant_mesh(subdivisions: int, radii_mm: Sequence[float]) -> Mesh:
    """Return the octant x, y, z > 0 of the ball, in shells out to `radii_mm`; the core is 1.

    Flat facets for spheres: each holds what the sphere does, its corners lie a little farther out.
    """
    points, triangles = np.eye(3), np.array([[0, 1, 2]])
    for _ in range(subdivisions):
        points, triangles = subdivided(points, triangles)
    held = np.abs(np.linalg.det(points[triangles])).sum() / 6.0
    points = points * np.cbrt(np.pi / 6.0 / held)
    a, b, c = np.sort(triangles, axis=1).T + 1
    cells = [np.column_stack([np.zeros_like(a), a, b, c])]
    for low in len(points) * np.arange(len(radii_mm) - 1):
        high = low + len(points)
        cells += [
            np.column_stack([a + low, b + low, c + low, c + high]),
            np.column_stack([a + low, b + low, b + high, c + high]),
            np.column_stack([a + low, a + high, b + high, c + high]),
        ]
    joined = np.concatenate(cells).astype(np.int32)
    whole = np.concatenate([np.zeros((1, 3)), *(radius * points for radius in radii_mm)])
    layers = int(np.searchsorted(radii_mm, CORE_MM)) + 1
    core = np.arange(len(joined)) < len(triangles) * (3 * layers - 2)
    return Mesh(whole, joined, np.where(core, 1, 2).astype(np.int32))


@dataclass(frozen=True)
class Figure:
    """One number of the solver's ball and what it is exactly."""

    name: str
    value: float
    exact: float


def core_in_a_shell(subdivisions: int, grown: float = 0.5) -> tuple[Figure, ...]:
    """Return what a core does that alone grows, by `grown` of its volume; cells crowd its border.

    Densities jump there, and the solver's pressure is continuous: one layer of cells smears it.
    """
    mesh = octant_mesh(subdivisions, (5.0, 8.0, 9.5, 9.9, 10.0, 10.1, 10.5, 11.5, 13.5, 16.5, 20.0))
    ball = _grown_ball(mesh, np.ones(len(mesh.points_mm)), {1: grown, 2: 0.0})
    core, exact = (
        mesh.regions == 1,
        exact_ball(lambda r: np.where(r <= CORE_MM, grown, 0.0), CORE_MM),
    )
    shell = ball.mean(ball.von_mises_kpa, ~core)
    return (
        Figure("radius of the core, mm", ball.radius_of(core), CORE_MM * np.cbrt(1.0 + grown)),
        Figure(
            "pressure in the core, kPa",
            ball.mean(ball.pressure_kpa, core),
            core_pressure_kpa(grown),
        ),
        Figure("von Mises stress of the shell, kPa", shell, exact.mean(exact.von_mises_kpa)),
    )


def grown_throughout(subdivisions: int, shells: int, grown: float = 0.5) -> tuple[Figure, ...]:
    """Return what a ball does whose density falls smoothly from its middle to its surface."""
    mesh = octant_mesh(subdivisions, RADIUS_MM * np.arange(1, shells + 1) / shells)

    def density(radius: Reals) -> Reals:
        return np.asarray(1.0 / (1.0 + np.exp((radius - CORE_MM) / 3.0)))

    ball = _grown_ball(mesh, density(_spheres_mm(mesh)), {1: grown, 2: grown})
    exact = exact_ball(lambda radius: grown * density(radius))
    inside, everywhere = mesh.regions == 1, np.ones(len(mesh.cells), bool)
    pressure = exact.mean(exact.pressure_kpa, CORE_MM)
    moved = float(np.interp(CORE_MM, exact.radii_mm, exact.moved_mm))
    von_mises = ball.mean(ball.von_mises_kpa, everywhere)
    return (
        Figure("radius of its inner half, mm", ball.radius_of(inside), moved),
        Figure("pressure in its inner half, kPa", ball.mean(ball.pressure_kpa, inside), pressure),
        Figure("von Mises stress, kPa", von_mises, exact.mean(exact.von_mises_kpa)),
    )


@dataclass(frozen=True, eq=False)
class _Ball:
    """The solver's octant: nodes at rest and moved (n, 3) mm, fields of its cells."""

    mesh: Mesh
    ratio: Reals
    pressure_kpa: Reals
    von_mises_kpa: Reals

    def mean(self, field: Reals, cells: NDArray[np.bool_]) -> float:
        """The mean of a field over the volume at rest of some cells."""
        volumes = volumes_mm3(self.mesh.points_mm, self.mesh.cells)[cells]
        return float(field[cells] @ volumes / volumes.sum())

    def radius_of(self, cells: NDArray[np.bool_]) -> float:
        """The radius of the ball that takes as much room as cells about the middle."""
        volumes = volumes_mm3(self.mesh.points_mm, self.mesh.cells)
        return float(np.cbrt(6.0 / np.pi * (self.ratio * volumes)[cells].sum()))


def _grown_ball(mesh: Mesh, density: Reals, swelling: dict[int, float]) -> _Ball:
    """The solver's octant under a density (n,), its planes held along their normals."""
    from mpi4py import MPI

    arrays, settings = {}, dict(NO_LOADS)
    outer = outer_faces(mesh)
    for axis, name in enumerate("xyz"):
        plane = np.abs(mesh.points_mm[outer][:, :, axis]).max(axis=1) < 1e-9
        arrays[f"spring_faces@{name}"] = outer[plane]
        settings |= {f"{setting}@{name}": NO_LOADS[setting] for setting in SPRINGS}
        settings[f"spring_normal_kpa_per_mm@{name}"] = 1000.0
    tissue = {"shear_modulus_kpa": MU_KPA, "poisson_ratio": 0.5}
    laws = {1: "neo_hookean", 2: "neo_hookean"}
    organ = Organ(mesh, laws, ELEMENTS["p2_p1"], arrays, comm=MPI.COMM_SELF)
    growing = GrowingTissue(organ, laws)
    growing.begin({1: tissue, 2: tissue}, swelling, settings)
    level = growing.balance(density)
    stress = growing.stress_kpa()
    return _Ball(mesh, level.cell_mean("ratio"), -stress[:, :3].mean(axis=1), von_mises_of(stress))


def _spheres_mm(mesh: Mesh) -> Reals:
    """(n,) the radius of the sphere that each node's shell stands for."""
    away = np.linalg.norm(mesh.points_mm, axis=1)
    return np.asarray(RADIUS_MM * away / away.max())
