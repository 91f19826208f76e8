"""The equations of one deforming tissue on one mesh, as compiled forms.

Unknowns: displacement (P2, mm) and pressure (P1, kPa), Taylor-Hood. Stationary point of
∫ W(C̄) + κ₀/2 (J - 1)² + p (J - 1) - p²/(2 (κ - κ₀)) - b·u; eliminating p gives
W(C̄) + κ/2 (J - 1)² (Sussman & Bathe 1987, 10.1016/0045-7949(87)90265-3). All
numbers are Constants or fields of one value per cell, so a form is compiled once for every mesh
and every value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers import kinematics
from solvers.forms import compiled
from solvers.laws import SHEAR_MODULUS, Law, inverse_bulk

QUADRATURE_DEGREE: Final = 3
"""Six points in a tetrahedron: exact for the linear elasticity of P2; see the tests."""

KEPT_BULK: Final = 4.0 / 3.0
"""κ₀/μ: the part of κ that stays with the displacement. The sum is the same, but the displacement's
block then resists a change of volume itself: 3 times fewer Krylov steps than with κ₀ = 0.
"""


class Tissue:
    """Spaces, unknowns, coefficients and forms of a law on a mesh.

    Attributes:
        grid: the DOLFINx mesh.
        displacement, pressure: the unknowns (mm, kPa).
        coefficients: parameter name → field of one value per cell, in the parameter's unit.
        body: Constant (3,) kPa/mm, weight per volume.
        load: Constant kPa, pressure on the tagged facets, positive pushes onto the tissue; it
            follows the surface.
        residual: forms of (displacement, pressure).
        tangent: 2 by 2 forms, its derivative.
        schur: form of -(1/(2μ) + 1/(κ - κ₀)) times the pressure mass, for the preconditioner.
    """

    def __init__(self, law: Law, grid: Any, pressed: NDArray[np.int32]) -> None:
        """Build everything; `pressed` (f,) are the facets that carry the pressure."""
        from dolfinx import fem

        self.grid = grid
        self.displacement = fem.Function(fem.functionspace(grid, ("Lagrange", 2, (3,))))
        self.pressure = fem.Function(fem.functionspace(grid, ("Lagrange", 1)))
        self.cellwise = fem.functionspace(grid, ("DG", 0))
        self.coefficients: dict[str, Any] = {
            parameter.name: fem.Function(self.cellwise) for parameter in law.parameters
        }
        self.body = fem.Constant(grid, np.zeros(3))
        self.load = fem.Constant(grid, 0.0)
        self._build(law, pressed)

    def _build(self, law: Law, pressed: NDArray[np.int32]) -> None:
        import ufl
        from dolfinx.mesh import meshtags

        u, p, values = self.displacement, self.pressure, self.coefficients
        v, q = ufl.TestFunction(u.function_space), ufl.TestFunction(p.function_space)
        du, dp = ufl.TrialFunction(u.function_space), ufl.TrialFunction(p.function_space)
        dx = ufl.Measure("dx", self.grid, metadata={"quadrature_degree": QUADRATURE_DEGREE})
        tags = meshtags(self.grid, 2, np.sort(pressed), np.ones(len(pressed), np.int32))
        ds = ufl.Measure(
            "ds", self.grid, subdomain_data=tags, metadata={"quadrature_degree": QUADRATURE_DEGREE}
        )
        f = kinematics.deformation_gradient(u)
        j = ufl.det(f)
        c = ufl.variable(kinematics.right_cauchy_green(f))
        energy = law.isochoric_energy(kinematics.isochoric(c), values)
        kept = KEPT_BULK * values[SHEAR_MODULUS.name]
        rest = inverse_bulk(values) / (1.0 - kept * inverse_bulk(values))
        potential = energy + 0.5 * kept * (j - 1.0) ** 2 + p * (j - 1.0) - 0.5 * rest * p**2
        potential = (potential - ufl.inner(self.body, u)) * dx
        pushed = self.load * j * ufl.inner(ufl.inv(f).T * ufl.FacetNormal(self.grid), v) * ds(1)
        momentum = ufl.derivative(potential, u, v) + pushed
        volume = ufl.derivative(potential, p, q)
        tangent = [
            [ufl.derivative(form, u, du), ufl.derivative(form, p, dp)]
            for form in (momentum, volume)
        ]
        softness = 0.5 / values[SHEAR_MODULUS.name] + rest
        self.residual = compiled([momentum, volume])
        self.tangent = compiled(tangent)
        self.schur = compiled(-softness * dp * q * dx)
        w = ufl.TestFunction(self.cellwise)
        stress = kinematics.cauchy(kinematics.second_piola(energy, c), f)
        self._mises = compiled(kinematics.von_mises(stress) * w * dx)
        self._ratio = compiled(j * w * dx)
        self._size = compiled(w * dx)

    def set_values(
        self, regions: NDArray[np.int32], values: Mapping[int, Mapping[str, float]]
    ) -> None:
        """Fill the coefficients from region label → parameter name → value; `regions` (m,)."""
        for name, field in self.coefficients.items():
            for label, own in values.items():
                field.x.array[regions == label] = own[name]

    def von_mises_kpa(self) -> NDArray[np.float64]:
        """Return (m,) the mean von Mises stress of each cell in kPa."""
        return self._cell_mean(self._mises)

    def volume_ratio(self) -> NDArray[np.float64]:
        """Return (m,) current over original volume of each cell."""
        return self._cell_mean(self._ratio)

    def _cell_mean(self, form: Any) -> NDArray[np.float64]:
        from dolfinx import fem

        return np.asarray(fem.assemble_vector(form).array / fem.assemble_vector(self._size).array)

    def displacement_of_nodes(self) -> NDArray[np.float64]:
        """Return (n, 3) mm, the displacement of each mesh node in the order of the geometry."""
        dofs = self.node_dofs()
        return np.asarray(self.displacement.x.array.reshape(-1, 3)[dofs])

    def node_dofs(self) -> NDArray[np.int32]:
        """Return (n,) the displacement's blocked dof at each mesh node."""
        cells = self.grid.geometry.dofmaps[0]
        dofs = np.empty(len(self.grid.geometry.x), np.int32)
        dofs[cells] = self.displacement.function_space.dofmap.list[:, :4]
        return dofs
