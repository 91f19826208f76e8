"""The nutrient of a tumour: where it comes from evenly, spreads fast and is taken up by cells.

    -reach² Δs + uptake p s = 1 - s        zero flux at the border of the terrain

It settles within seconds to minutes, a tumour within days: so it is in balance with the cells at
every moment. On linear elements with the lumped mass V for what reacts: A s = V with
A = reach² K + V (1 + uptake p), symmetric and positive; 0 ≤ s ≤ 1 where K is an M-matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import BadInput, NotConverged

if TYPE_CHECKING:
    from solvers.terrain import Terrain

Reals = NDArray[np.float64]
REACH: Final = "nutrient_reach_mm"
UPTAKE: Final = "nutrient_uptake"


@dataclass(frozen=True, eq=False)
class NutrientSlopes:
    """What a scalar depends on through the nutrient.

    Args:
        cells: (k,) dJ per density of the cells that take it up.
        values: dJ by `REACH` (summed over ranks) and `UPTAKE` (k,) at each node.
    """

    cells: Reals
    values: Mapping[str, float | Reals]


class Nutrient:
    """Solves for the nutrient on a terrain, each time from the last one."""

    def __init__(self, terrain: Terrain, reach_mm: float) -> None:
        """Assemble reach² K, the same in every direction.

        Raises:
            BadInput: the reach is a field.
        """
        from petsc4py import PETSc

        if np.ndim(reach_mm):
            raise BadInput(f"{REACH} is one number: leave out regions and arrays of it")
        petsc: Any = PETSc
        self._terrain, self.reach_mm = terrain, reach_mm
        self._stiffness = terrain.stiffness(float(reach_mm) ** 2, isotropic=True)
        self._matrix = self._stiffness.copy()
        self._diagonal = self._stiffness.getDiagonal().array.copy()
        self._volumes = terrain.within(terrain.shares_mm3)
        self._right, self._found = self._matrix.createVecs()
        self._found.set(1.0)
        self._solver = petsc.KSP().create(terrain.rows.comm)
        self._solver.setType("cg")
        self._solver.getPC().setType("jacobi")
        self._solver.setInitialGuessNonzero(True)
        self._solver.setOperators(self._matrix)

    def solved(self, cells: Reals, uptake: float | Reals) -> Reals:
        """Return the nutrient (k,), 1 off the terrain, for cells of density (k,).

        Raises:
            NotConverged: the linear solve did not end.
        """
        self._take_up(cells, uptake)
        found = self._balanced(self._volumes, self._found)
        field = np.ones(len(cells))
        field[self._terrain.inside] = np.clip(found, 0.0, 1.0)
        return field

    def pulled(
        self, cells: Reals, uptake: float | Reals, nutrient: Reals, slope: Reals
    ) -> NutrientSlopes:
        """Return the slopes before `solved` from the `slope` (k,) after it: A is symmetric.

        Args:
            cells, uptake: what `solved` was given.
            nutrient: (k,) what it returned.
        """
        terrain = self._terrain
        self._take_up(cells, uptake)
        pulled, flow = self._from_zero(terrain.within(slope)), self._flow(nutrient)
        by_reach = -2.0 / self.reach_mm * terrain.rows.summed(float(pulled @ flow))
        eaten = -terrain.shares_mm3 * nutrient * terrain.filled(pulled)
        return NutrientSlopes(eaten * uptake, {REACH: by_reach, UPTAKE: eaten * cells})

    def moved(
        self, cells: Reals, uptake: float | Reals, nutrient: Reals, change: Mapping[str, Any]
    ) -> Reals:
        """Return (k,) how the nutrient moves: A ds = -dA s.

        Args:
            cells, uptake, nutrient: as of `pulled`.
            change: of `REACH`, of `UPTAKE` and of "cells" (k,).
        """
        terrain = self._terrain
        self._take_up(cells, uptake)
        more = uptake * change["cells"] + change[UPTAKE] * np.maximum(cells, 0.0)
        load = terrain.within(terrain.shares_mm3 * nutrient * more)
        load = load + 2.0 * change[REACH] / self.reach_mm * self._flow(nutrient)
        return terrain.filled(-self._from_zero(load))

    def _flow(self, field: Reals) -> Reals:
        """reach² K times a field (k,), at the terrain's nodes."""
        held, flow = self._found.duplicate(), self._found.duplicate()
        held.array[:] = self._terrain.within(field)
        self._stiffness.mult(held, flow)
        return np.array(flow.array_r)

    def _from_zero(self, load: Reals) -> Reals:
        start = self._found.duplicate()
        start.set(0.0)
        return self._balanced(load, start)

    def _take_up(self, cells: Reals, uptake: float | Reals) -> None:
        load = self._volumes * (1.0 + self._terrain.within(uptake * np.maximum(cells, 0.0)))
        diagonal = self._matrix.getDiagonal()
        diagonal.array[:] = self._diagonal + load
        self._matrix.setDiagonal(diagonal)

    def _balanced(self, load: Reals, found: Any) -> Reals:
        terrain = self._terrain
        self._right.array[:] = load
        tolerance = 0.01 * terrain.tolerance
        self._solver.setTolerances(rtol=tolerance, atol=1e-300, max_it=5000)
        self._solver.solve(self._right, found)
        terrain.iterations += self._solver.getIterationNumber()
        if self._solver.getConvergedReason() < 0:
            raise NotConverged("the linear solve of the nutrient did not converge")
        return np.array(found.array_r)
