"""Newton's method for a `Tissue`: direct for small problems, block-preconditioned GMRES above.

The block preconditioner: GAMG with the rigid motions as near-null space and an SOR smoother for the
displacement, its interpolation reused from step to step; the pressure mass for the Schur
complement. Of the solvers measured for this problem it was the fastest from 15 000 unknowns on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import NotConverged
from solvers.tissue import Tissue

DIRECT_BELOW: Final = 15_000
TOLERANCE: Final = 1e-6
MOST_ITERATIONS: Final = 25
_HALVINGS: Final = 6
_HOPELESS: Final = 5.0
"""Residual, relative to that of the full load at rest, at which a smaller load step is cheaper."""
_GROWTH: Final = 4.0
"""How much a step may raise the residual: a large rotation does at first, and halving the step then
costs more steps (8 instead of 5 for a liver under its own weight) than it saves."""
_PREFIX: Final = "tissue_"
_OPTIONS: Final = {
    "ksp_type": "gmres",
    "ksp_pc_side": "right",
    "ksp_gmres_restart": 80,
    "ksp_max_it": 300,
    "pc_type": "fieldsplit",
    "pc_fieldsplit_type": "schur",
    "pc_fieldsplit_schur_fact_type": "upper",
    "pc_fieldsplit_schur_precondition": "a11",
    "fieldsplit_0_ksp_type": "preonly",
    "fieldsplit_0_pc_type": "gamg",
    "fieldsplit_0_pc_gamg_reuse_interpolation": True,
    "fieldsplit_0_mg_levels_ksp_type": "richardson",
    "fieldsplit_0_mg_levels_pc_type": "sor",
    "fieldsplit_0_mg_levels_ksp_max_it": 1,
    "fieldsplit_1_ksp_type": "preonly",
    "fieldsplit_1_pc_type": "jacobi",
}


class Newton:
    """Solves the tissue's equations from where its unknowns stand.

    Attributes:
        iterations: Newton steps so far.
        linear_iterations: Krylov steps so far.
    """

    def __init__(self, tissue: Tissue, supports: Sequence[Any]) -> None:
        """Allocate matrices and set up the linear solver; `supports`: Dirichlet conditions."""
        from dolfinx.fem.petsc import create_matrix
        from petsc4py import PETSc as petsc4py

        petsc: Any = petsc4py
        self._tissue, self._supports = tissue, supports
        self._fields = (tissue.displacement, tissue.pressure)
        self._blocks = [[create_matrix(form) for form in row] for row in tissue.tangent]
        self._mass = create_matrix(tissue.schur)
        self._matrix = petsc.Mat().createNest(self._blocks, comm=petsc.COMM_SELF)
        self.unknowns = sum(field.x.array.size for field in self._fields)
        self._direct = self.unknowns < DIRECT_BELOW
        self._blocks[0][0].setNearNullSpace(_rigid_motions(tissue))
        self._solver = petsc.KSP().create(petsc.COMM_SELF)
        self._configure(petsc)
        self.iterations = self.linear_iterations = 0

    def _configure(self, petsc: Any) -> None:
        if self._direct:
            self._solver.setType("preonly")
            self._solver.getPC().setType("lu")
            self._solver.getPC().setFactorSolverType("mumps")
            return
        preconditioner = petsc.Mat().createNest(
            [[self._blocks[0][0], None], [None, self._mass]], comm=petsc.COMM_SELF
        )
        self._solver.setOperators(self._matrix, preconditioner)
        options = petsc.Options()
        for name, value in _OPTIONS.items():
            options[_PREFIX + name] = value
        self._solver.setOptionsPrefix(_PREFIX)
        self._solver.setFromOptions()
        rows = self._matrix.getNestISs()[0]
        self._solver.getPC().setFieldSplitIS(("0", rows[0]), ("1", rows[1]))

    def residual_norm(self) -> float:
        """Return the norm of the residual with the supports' mismatch lifted into it."""
        return float(np.linalg.norm(np.concatenate(self._residual())))

    def solve(self, reference: float, tolerance: float = TOLERANCE) -> None:
        """Move the unknowns to where the residual is below `tolerance` × `reference`.

        Raises:
            NotConverged: it is not after `MOST_ITERATIONS`, or a linear solve failed; the message
                says how large it is.
        """
        residual = self._residual()
        norm = _norm(residual)
        for _ in range(MOST_ITERATIONS):
            if norm <= tolerance * reference:
                return
            if norm > _HOPELESS * reference:
                break
            direction = self._direction(residual, _forcing(norm / reference, tolerance))
            residual, norm = self._searched(direction, norm)
            self.iterations += 1
        raise NotConverged(
            f"the residual is {norm / reference:.1e} of its start, {tolerance:.0e} is wanted, "
            f"and at most {MOST_ITERATIONS} Newton steps are made"
        )

    def _searched(
        self, direction: tuple[NDArray[np.float64], ...], norm: float
    ) -> tuple[tuple[NDArray[np.float64], ...], float]:
        start = [field.x.array.copy() for field in self._fields]
        moves_support = self._mismatch() > 0.0
        length = 1.0
        for _ in range(_HALVINGS):
            for field, before, step in zip(self._fields, start, direction, strict=True):
                field.x.array[:] = before - length * step
            residual = self._residual()
            reached = _norm(residual)
            if reached < _GROWTH * norm or (moves_support and np.isfinite(reached)):
                return residual, reached
            length *= 0.5
        for field, before in zip(self._fields, start, strict=True):
            field.x.array[:] = before
        raise NotConverged(f"every step raises the residual (norm {norm:.3g})")

    def _mismatch(self) -> float:
        values = self._tissue.displacement.x.array
        gap = np.zeros_like(values)
        for support in self._supports:
            support.set(gap, values, -1.0)
        return float(np.abs(gap).max(initial=0.0))

    def _residual(self) -> tuple[NDArray[np.float64], ...]:
        from dolfinx import fem

        vectors = [fem.assemble_vector(form).array for form in self._tissue.residual]
        values = self._tissue.displacement.x.array
        if self._mismatch() > 0.0:
            for vector, row in zip(vectors, self._tissue.tangent, strict=True):
                fem.apply_lifting(vector, [row[0]], [self._supports], [values], -1.0)
        for support in self._supports:
            support.set(vectors[0], values, -1.0)
        return tuple(vectors)

    def _direction(
        self, residual: tuple[NDArray[np.float64], ...], tolerance: float
    ) -> tuple[NDArray[np.float64], ...]:
        from petsc4py import PETSc

        self._assemble()
        matrix = self._matrix
        if self._direct:
            matrix = self._matrix.convert("aij", PETSc.Mat())
            self._solver.setOperators(matrix)
        right, answer = matrix.createVecRight(), matrix.createVecRight()
        _fill(right, residual)
        self._solver.setTolerances(rtol=tolerance)
        self._solver.solve(right, answer)
        self.linear_iterations += self._solver.getIterationNumber()
        if self._solver.getConvergedReason() < 0:
            raise NotConverged(
                f"the linear solve failed (PETSc reason {self._solver.getConvergedReason()})"
            )
        return _parts(answer, [part.size for part in residual])

    def _assemble(self) -> None:
        from dolfinx.fem.petsc import assemble_matrix

        for matrices, forms in zip(self._blocks, self._tissue.tangent, strict=True):
            for matrix, form in zip(matrices, forms, strict=True):
                matrix.zeroEntries()
                assemble_matrix(matrix, form, bcs=list(self._supports))
                matrix.assemble()
        self._matrix.assemble()
        if not self._direct:
            self._mass.zeroEntries()
            assemble_matrix(self._mass, self._tissue.schur)
            self._mass.assemble()


def _forcing(part: float, tolerance: float) -> float:
    """The linear tolerance at a residual of `part` of the reference: no tighter than is of use."""
    return min(1e-2, max(0.1 * part, 0.3 * tolerance / part))


def _norm(parts: Sequence[NDArray[np.float64]]) -> float:
    return float(np.sqrt(sum(float(part @ part) for part in parts)))


def _fill(vector: Any, parts: Sequence[NDArray[np.float64]]) -> None:
    if vector.getType() == "nest":
        for own, part in zip(vector.getNestSubVecs(), parts, strict=True):
            own.array[:] = part
    else:
        vector.array[:] = np.concatenate(parts)


def _parts(vector: Any, sizes: Sequence[int]) -> tuple[NDArray[np.float64], ...]:
    if vector.getType() == "nest":
        return tuple(own.array_r.copy() for own in vector.getNestSubVecs())
    return tuple(np.split(vector.array_r.copy(), np.cumsum(sizes)[:-1]))


def _rigid_motions(tissue: Tissue) -> Any:
    """The six rigid motions as a near-null space: what the coarse grids must hold."""
    from petsc4py import PETSc

    x, y, z = tissue.displacement.function_space.tabulate_dof_coordinates().T
    o, i = np.zeros_like(x), np.ones_like(x)
    motions = [(i, o, o), (o, i, o), (o, o, i), (-y, x, o), (o, -z, y), (z, o, -x)]
    basis, _ = np.linalg.qr(np.column_stack([np.column_stack(m).ravel() for m in motions]))
    vectors = [
        PETSc.Vec().createWithArray(c.copy(), bsize=3, comm=PETSc.COMM_SELF) for c in basis.T
    ]
    return PETSc.NullSpace().create(vectors=vectors, comm=PETSc.COMM_SELF)
