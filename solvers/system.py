"""The balance of forces on one grid: unknowns, terms, supports, residual and tangent matrix.

Vectors are the owned parts of this rank, displacement first, then pressure; norms are over all
ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.elements import Element
from solvers.forms import Compiled, Words, compiled
from solvers.grid import Grid
from solvers.terms import Recipe, Term

Reals = NDArray[np.float64]


class System:
    """The equations of an element on a grid.

    Attributes:
        unknowns: DOLFINx functions: displacement mm, and pressure kPa where the element has one.
        terms: the parts; those of the laws first.
        renewals: called before each residual, to set what follows from where the unknowns stand.
        longest_mm: how far a node may go in one Newton step.
        size: number of unknowns over all ranks.
        blocks: the tangent's PETSc matrices, one row of blocks for each unknown.
        schur: PETSc matrix that approximates the pressure's Schur complement, or None.
    """

    def __init__(self, grid: Grid, element: Element) -> None:
        """Make the unknowns, zero, and the empty matrices."""
        from dolfinx import fem

        self.grid, self.element = grid, element
        moved = fem.functionspace(grid.mesh, ("Lagrange", element.degree, (3,)))
        self.unknowns = [fem.Function(moved)]
        if element.pressure:
            self.unknowns.append(fem.Function(fem.functionspace(grid.mesh, ("Lagrange", 1))))
        self.terms: list[Term] = []
        self.renewals: list[Callable[[], None]] = []
        self.longest_mm = np.inf
        self._held = np.empty(0, np.int32)
        self._goal = fem.Function(moved)
        self._supports: list[Any] = []
        spaces = [unknown.function_space for unknown in self.unknowns]
        maps = [(s.dofmap.index_map, s.dofmap.index_map_bs) for s in spaces]
        self._own = [index.size_local * width for index, width in maps]
        self.size = sum(index.size_global * width for index, width in maps)
        cells = np.arange(grid.owned_cells, dtype=np.int32)
        self._patterns = [
            [
                form.bound([row, column], cells, {})
                for form, column in zip(forms, spaces, strict=True)
            ]
            for forms, row in zip(_patterns(element), spaces, strict=True)
        ]

    def add(self, recipe: Recipe, entities: NDArray[Any]) -> Term:
        """Add a part on cells (k,) or (cell, local facet) pairs (k, 2); return it."""
        term = Term(recipe, tuple(self.unknowns), entities)
        self.terms.append(term)
        return term

    def hold(self, dofs: NDArray[np.int32], goal_mm: Reals) -> None:
        """Prescribe the displacement at blocked `dofs`: `goal_mm` (local dofs × 3,) in full."""
        from dolfinx import fem

        self._full_goal = goal_mm.copy()
        self._supports = [fem.dirichletbc(self._goal, dofs)]
        self._held = dofs

    def is_moved(self) -> bool:
        """Return whether any prescribed displacement is other than zero."""
        return bool(self.grid.comm.allreduce(int(self._full_goal.any())))

    def set_goal(self, part: float) -> None:
        """Ask for this part of the prescribed displacement."""
        self._goal.x.array[:] = part * self._full_goal

    def matrices(self) -> tuple[list[list[Any]], Any]:
        """Return new matrices: blocks of the tangent, and the Schur complement's or None."""
        from dolfinx.fem.petsc import create_matrix

        blocks = [[create_matrix(form) for form in row] for row in self._patterns]
        if self.element.degree == 2:  # half the time of assembly and smoothing
            blocks[0][0] = create_matrix(self._patterns[0][0], kind="baij")
        schur = create_matrix(self._patterns[1][1]) if self.element.pressure else None
        return blocks, schur

    def assemble(self, blocks: list[list[Any]], schur: Any) -> None:
        """Fill the matrices at the unknowns' values; rows of supports are the identity."""
        from dolfinx.fem.petsc import assemble_matrix
        from petsc4py import PETSc

        flushed = PETSc.Mat.AssemblyType.FLUSH
        for i, row in enumerate(blocks):
            for j, matrix in enumerate(row):
                matrix.zeroEntries()
                for term in self.terms:
                    if term.tangent[i][j] is not None:
                        assemble_matrix(matrix, term.tangent[i][j], bcs=self._supports)
                        matrix.assemble(flushed)
                matrix.assemble()
        if schur is not None:
            schur.zeroEntries()
            for term in self.terms:
                if term.schur is not None:
                    assemble_matrix(schur, term.schur)
            schur.assemble()

    def residual(self) -> Reals:
        """Return the residual; at supports, how far the displacement is from what is asked."""
        from dolfinx import fem, la

        for renew in self.renewals:
            renew()
        parts = []
        for i, own in enumerate(self._own):
            whole = np.zeros_like(self.unknowns[i].x.array)
            for term in self.terms:
                if term.residual[i] is not None:
                    vector = fem.assemble_vector(term.residual[i])
                    vector.scatter_reverse(la.InsertMode.add)
                    whole += vector.array
            parts.append(whole[:own])
        for support in self._supports:
            support.set(parts[0], self.unknowns[0].x.array, -1.0)
        return np.concatenate(parts)

    def turned_mm3(self) -> float:
        """Return the volume at rest that is turned inside out, as the quadrature sees it."""
        own = self.grid.owned_cells
        parts = [t.measured("turned")[:own].sum() for t in self.terms if t.measures("turned")]
        return float(self.grid.comm.allreduce(float(sum(parts))))

    def obey_supports(self) -> None:
        """Put the supported nodes where they are asked to be."""
        for support in self._supports:
            support.set(self.unknowns[0].x.array)

    def mismatch(self) -> Reals:
        """Return the part of `residual` at the supports, zero elsewhere."""
        gap = np.zeros(sum(self._own))
        for support in self._supports:
            support.set(gap[: self._own[0]], self.unknowns[0].x.array, -1.0)
        return gap

    def supported(self) -> NDArray[np.bool_]:
        """Return which owned unknowns are prescribed."""
        marks = np.zeros(sum(self._own), bool)
        own = self._held[3 * self._held < self._own[0]]
        marks[(3 * own[:, None] + np.arange(3)).ravel()] = True
        return marks

    def largest_force(self, residual: Reals) -> float:
        """Return the largest entry of a residual for the displacement that is free (kPa mm²)."""
        free = np.where(self.supported(), 0.0, residual)[: self._own[0]]
        return float(max(self.grid.comm.allgather(float(np.abs(free).max(initial=0.0)))))

    def free_part(self, step: Reals) -> Reals:
        """Return a step's part of the displacement that is free, zero elsewhere."""
        part = np.where(self.supported(), 0.0, step)
        part[self._own[0] :] = 0.0
        return part

    def length(self, step: Reals) -> float:
        """Return the part of a step, at most 1, that takes no node farther than `longest_mm`."""
        farthest = float(np.abs(step[: self._own[0]]).max(initial=0.0))
        farthest = max(self.grid.comm.allgather(farthest))
        return float(min(1.0, self.longest_mm / max(farthest, 1e-300)))

    def move(self, start: Sequence[Reals], step: Reals, length: float) -> None:
        """Set the unknowns to `start` - `length` × `step`, on ghosts too."""
        parts = np.split(step, np.cumsum(self._own)[:-1])
        for unknown, before, part, own in zip(self.unknowns, start, parts, self._own, strict=True):
            unknown.x.array[:own] = before[:own] - length * part
            unknown.x.scatter_forward()

    def state(self) -> list[Reals]:
        """Return copies of the unknowns' arrays."""
        return [unknown.x.array.copy() for unknown in self.unknowns]

    def restore(self, state: Sequence[Reals]) -> None:
        """Set the unknowns back to a state."""
        for unknown, values in zip(self.unknowns, state, strict=True):
            unknown.x.array[:] = values

    def norm(self, vector: Reals) -> float:
        """Return the Euclidean norm over all ranks."""
        return float(np.sqrt(self.dot(vector, vector)))

    def dot(self, one: Reals, other: Reals) -> float:
        """Return the product of two vectors, summed over all ranks."""
        with np.errstate(over="ignore"):  # of a step that went astray: infinite is what it is
            own = float(one @ other)
        return float(self.grid.comm.allreduce(own))


@cache
def _patterns(element: Element) -> tuple[tuple[Compiled, ...], ...]:
    """Forms with every entry that a law could have, for the matrices' sparsity."""
    import ufl

    words = Words(element)
    dx = words.cells()
    forms = [[ufl.inner(words.du, words.v) * dx]]
    if words.p is not None:
        forms[0].append(words.dp * ufl.div(words.v) * dx)
        forms.append([words.q * ufl.div(words.du) * dx, words.q * words.dp * dx])
    return tuple(tuple(map(compiled, row)) for row in forms)
