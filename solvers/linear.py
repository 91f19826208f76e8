"""The linear solve of a Newton step: direct for few unknowns, preconditioned GMRES above.

The preconditioner. Pressure: the Schur complement's mass matrix, its diagonal. Displacement of P2:
a multigrid whose first coarse level is P1 on the same mesh (Galerkin), smoothed by block SOR; P1 by
smoothed aggregation (GAMG) with the rigid motions as near-null space, its interpolation reused from
step to step. On the same problem GAMG on P2 itself took twice the set-up and more steps.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.coarse import from_linear, rigid_motions
from solvers.failures import NotConverged
from solvers.system import System

Reals = NDArray[np.float64]
DIRECT_BELOW: Final = 3_000
FACTORED_BELOW: Final = 120_000
"""Unknowns up to which, once the preconditioner fails at a tangent (a stiff contact), this and
all further ones are factored: 1.1 s of CPU time at 40 000, less than a hundred Krylov steps."""
MOST_STEPS: Final = 300
_RESTART: Final = 100
_DIFFERENCE: Final = 1e-6
"""Part of the supports' step by which their pull on the others is measured."""
_PREFIX: Final = "tissue_"
_SMOOTHED: Final = {"ksp_type": "richardson", "pc_type": "sor", "ksp_max_it": 1}


class Linear:
    """Solves the tangent of a `System` for one residual after another.

    Attributes:
        steps: Krylov steps so far.
    """

    def __init__(self, system: System, *, direct_below: int = DIRECT_BELOW) -> None:
        """Allocate the matrices and set up the solver; arguments as of `Newton`."""
        from petsc4py import PETSc as petsc4py

        self._petsc: Any = petsc4py
        self._system = system
        self._comm = system.grid.comm
        self._blocks, self._schur = system.matrices()
        self._direct = system.size < direct_below
        self._nest = self._petsc.Mat().createNest(self._blocks, comm=self._comm)
        self._solver = self._petsc.KSP().create(self._comm)
        self._ready = self._strong = self._weak = False
        self._coarse: Any = None
        self._turned: Any = None
        self.steps = 0
        if system.element.degree == 2 and not self._direct:
            self._prolongation = from_linear(system)

    def direction(
        self, residual: Reals, tolerance: float, *, again: bool = False, drag: float = 0.0
    ) -> Reals:
        """Return the step that makes the residual zero, to `tolerance` of it.

        Args:
            again: with the tangent of the last call, where one was kept.
            drag: force per length that holds back each displacement (kPa mm), beside the tangent.

        Raises:
            NotConverged: the linear solve failed.
        """
        if not (again and self._ready) or self._direct:
            self._system.assemble(self._blocks, self._schur)
            if drag > 0.0:
                self._dragged(drag)
            self._nest.assemble()
            self._solver.getPC().setReusePreconditioner(False)
            self._renew()
        gap = self._system.mismatch()
        if self._system.norm(gap) > 0.0:
            residual = self._lifted(residual, gap)
        step, why = None, ""
        if not (self._direct or self._weak):
            step, why = self._solved(self._solver, residual, tolerance)
            if step is None and not self._strong:
                self._strengthen()
                step, why = self._solved(self._solver, residual, tolerance)
            self._weak = step is None and self._system.size < FACTORED_BELOW
        if step is None and (self._direct or self._system.size < FACTORED_BELOW):
            step, why = self._factored(residual)
        if step is None:
            raise NotConverged(f"the linear solve failed (PETSc reason {why})")
        return step

    def tangent_here(self, *, again: bool = False) -> None:
        """Make ready for `answered`: assemble the tangent where the unknowns stand.

        Args:
            again: keep the last one where there is one.
        """
        if not (again and self._ready):
            self._system.assemble(self._blocks, self._schur)
            self._nest.assemble()
        if not self._ready:
            self._renew()
        self._solver.getPC().setReusePreconditioner(True)

    def answered(self, right: Reals, tolerance: float, *, transposed: bool = False) -> Reals:
        """Return what the tangent of `tangent_here`, or its transpose, takes to `right`.

        Raises:
            NotConverged: the linear solve failed.
        """
        answer, why = None, ""
        if not self._direct:
            solver = self._transposed() if transposed else self._solver
            answer, why = self._solved(solver, right, tolerance)
        if answer is None and self._system.size < FACTORED_BELOW:
            answer, why = self._factored(right, transposed=transposed)
        if answer is None:
            raise NotConverged(f"the linear solve failed (PETSc reason {why})")
        return answer

    def _transposed(self) -> Any:
        """The solver of the transpose: preconditioned as the tangent, which is nearly symmetric."""
        if self._turned is None:
            self._turned = self._petsc.KSP().create(self._comm)
            self._turned.setOperators(self._petsc.Mat().createTranspose(self._nest))
            self._turned.setType("gmres")
            self._turned.setPCSide(self._petsc.PC.Side.RIGHT)
            self._turned.setGMRESRestart(_RESTART)
            self._turned.getPC().setType("python")
            self._turned.getPC().setPythonContext(_SameAs(self._solver.getPC()))
        return self._turned

    def _solved(self, solver: Any, residual: Reals, tolerance: float) -> tuple[Reals | None, str]:
        """Return the step and ""; or None and the reason of PETSc."""
        right, answer = self._nest.createVecRight(), self._nest.createVecRight()
        right.array[:] = residual
        solver.setTolerances(rtol=tolerance, max_it=MOST_STEPS)
        solver.solve(right, answer)
        self.steps += solver.getIterationNumber()
        reason = solver.getConvergedReason()
        step: Reals = answer.array_r.copy()
        for vector in (right, answer):
            vector.destroy()
        if reason < 0 or not np.isfinite(self._system.norm(step)):
            return None, str(reason)
        return step, ""

    def _factored(self, residual: Reals, *, transposed: bool = False) -> tuple[Reals | None, str]:
        """Solve by factors of the whole matrix (MUMPS)."""
        matrix = self._nest.convert("aij", self._petsc.Mat())
        if transposed:
            matrix.transpose()
        solver = self._petsc.KSP().create(self._comm)
        solver.setOperators(matrix)
        solver.setType("preonly")
        solver.getPC().setType("lu")
        solver.getPC().setFactorSolverType("mumps")
        found = self._solved(solver, residual, 1e-10)
        solver.destroy()
        matrix.destroy()
        return found

    def _lifted(self, residual: Reals, gap: Reals) -> Reals:
        """Move what the supports' own step does to the others into the right-hand side.

        By a difference, which costs a tenth of assembling the tangent without supports.
        """
        start = self._system.state()
        self._system.move(start, gap, _DIFFERENCE)
        pull = (residual - self._system.residual()) / _DIFFERENCE
        self._system.restore(start)
        return residual - np.where(self._system.supported(), 0.0, pull)

    def _dragged(self, drag: float) -> None:
        """Add to the tangent's diagonal where the displacement is free."""
        block = self._blocks[0][0]
        free = block.createVecRight()
        free.array[:] = drag * ~self._system.supported()[: free.local_size]
        block.setDiagonal(free, addv=self._petsc.InsertMode.ADD_VALUES)
        free.destroy()

    def _renew(self) -> None:
        """Tell the preconditioner of the matrices' new values."""
        if self._system.element.degree == 2 and not self._direct:
            self._coarsened()
        if not (self._ready or self._direct):
            self._configure()
        self._ready = True

    def _coarsened(self) -> None:
        """Make the tangent of P1 from that of P2."""
        fine = self._blocks[0][0].convert("aij", self._petsc.Mat())
        if self._coarse is not None:
            fine.ptap(self._prolongation, result=self._coarse)
        else:
            self._coarse = fine.ptap(self._prolongation)
        fine.destroy()

    def _configure(self) -> None:
        solver, petsc = self._solver, self._petsc
        solver.setType("gmres")
        solver.setPCSide(petsc.PC.Side.RIGHT)
        solver.setGMRESRestart(_RESTART)
        self._petsc.Options()[_PREFIX + "ksp_gmres_cgs_refinement_type"] = "refine_ifneeded"
        solver.setOptionsPrefix(_PREFIX)
        solver.setFromOptions()
        if self._schur is None:
            solver.setOperators(self._blocks[0][0])
            self._multigrid(solver.getPC())
            return
        around = petsc.Mat().createNest(
            [[self._blocks[0][0], self._blocks[0][1]], [self._blocks[1][0], self._schur]],
            comm=self._comm,
        )
        solver.setOperators(self._nest, around)
        split = solver.getPC()
        split.setType("fieldsplit")
        split.setFieldSplitType(petsc.PC.CompositeType.SCHUR)
        split.setFieldSplitSchurFactType(petsc.PC.SchurFactType.LOWER)
        split.setFieldSplitSchurPreType(petsc.PC.SchurPreType.A11)
        rows = self._nest.getNestISs()[0]
        split.setFieldSplitIS(("displacement", rows[0]), ("pressure", rows[1]))
        solver.setUp()
        displacement, pressure = split.getFieldSplitSubKSP()
        for part in (displacement, pressure):
            part.setType("preonly")
        pressure.getPC().setType("jacobi")
        self._multigrid(displacement.getPC())

    def _multigrid(self, preconditioner: Any) -> None:
        """Set up one V-cycle for the displacement."""
        near_null = rigid_motions(self._system, self._petsc)
        if self._system.element.degree == 1:
            self._blocks[0][0].setNearNullSpace(near_null)
            self._aggregation(preconditioner)
            return
        self._coarse.setNearNullSpace(near_null)
        preconditioner.setType("mg")
        preconditioner.setMGLevels(2)
        preconditioner.setMGInterpolation(1, self._prolongation)
        smoother = preconditioner.getMGSmoother(1)
        smoother.setType("richardson")
        smoother.setTolerances(max_it=1)
        smoother.setNormType(self._petsc.KSP.NormType.NONE)
        smoother.getPC().setType("sor")
        coarse = preconditioner.getMGCoarseSolve()
        coarse.setType("preonly")
        coarse.setOperators(self._coarse)
        self._aggregation(coarse.getPC())

    def _strengthen(self) -> None:
        """Factorise the tangent of P1 from now on: aggregation is weak at stiff contacts."""
        self._strong = True
        inner = self._solver.getPC()
        if self._schur is not None:
            inner = inner.getFieldSplitSubKSP()[0].getPC()
        if self._system.element.degree == 2:
            inner = inner.getMGCoarseSolve().getPC()
        inner.setType("lu")
        inner.setFactorSolverType("mumps")

    def _aggregation(self, preconditioner: Any) -> None:
        options = self._petsc.Options()
        preconditioner.setOptionsPrefix(_PREFIX)
        options[_PREFIX + "pc_gamg_reuse_interpolation"] = True
        for name, value in _SMOOTHED.items():
            options[f"{_PREFIX}mg_levels_{name}"] = value
        preconditioner.setType("gamg")
        preconditioner.setFromOptions()


class _SameAs:
    """A preconditioner that does what another does."""

    def __init__(self, other: Any) -> None:
        self._other = other

    def apply(self, _: Any, right: Any, answer: Any) -> None:
        """Called by PETSc."""
        self._other.apply(right, answer)
