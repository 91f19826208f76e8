"""One contact on one grid: its penalty from the tissue, and how far tissue penetrates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contact import STIFFNESS
from solvers.failures import NotConverged
from solvers.grid import Grid
from solvers.terms import Term
from solvers.tetrahedra import volumes_mm3

SOFTEST: Final = 10.0
STIFFEST: Final = 1e5
"""The penalty in units of shear modulus over edge: where it begins, and where it is given up."""
_LEAP: Final = 10.0
_BEYOND: Final = 2.0


class Pressing:
    """A contact's term with the penalty that it has come to.

    Attributes:
        edge_mm: the longest edge of the mesh, roughly.
    """

    def __init__(self, name: str, term: Term, grid: Grid) -> None:
        """Take the term of the contact `name`."""
        self.name, self._term, self._grid = name, term, grid
        self._stiffness = SOFTEST

    def begin(self, shear_modulus_kpa: NDArray[np.float64]) -> None:
        """Set the penalty by the shear modulus of each cell (local cells,)."""
        points, cells = self._grid.mesh.geometry.x, self._grid.corner_positions()
        edges_mm = np.cbrt(6.0 * np.sqrt(2.0) * volumes_mm3(points, cells))
        self._unit = shear_modulus_kpa / edges_mm
        self.edge_mm = max(self._grid.comm.allgather(float(edges_mm.max())))
        self.set_stiffness(SOFTEST)

    @property
    def stiffness(self) -> float:
        """The penalty in units of shear modulus over edge."""
        return self._stiffness

    def set_stiffness(self, stiffness: float) -> None:
        """Set the penalty, in units of shear modulus over edge."""
        self._stiffness = stiffness
        self._term.values[STIFFNESS].x.array[:] = stiffness * self._unit

    def penetration_mm(self) -> float:
        """Return the root mean square over a cell's faces of how deep they are, at its largest."""
        square, area = self._term.measured("square"), self._term.measured("area")
        touching = area > 0.0
        worst = float((square[touching] / area[touching]).max(initial=0.0))
        return float(np.sqrt(max(self._grid.comm.allgather(worst))))


def pressed(contacts: list[Pressing], *, tolerance_mm: float, solve: Callable[[], Any]) -> None:
    """Stiffen contacts until none is penetrated by more than `tolerance_mm`.

    Args:
        solve: finds the balance of forces anew.

    Raises:
        NotConverged: one is still penetrated with the stiffest penalty; which, and how deep.
    """
    while True:
        depths = [contact.penetration_mm() for contact in contacts]
        deep = [
            (c, depth) for c, depth in zip(contacts, depths, strict=True) if depth > tolerance_mm
        ]
        if not deep:
            return
        for contact, depth in deep:
            if contact.stiffness >= STIFFEST:
                raise NotConverged(
                    f"{contact.name} is penetrated by {depth:.3g} mm, {tolerance_mm:g} mm is wanted"
                )
            factor = min(_LEAP, _BEYOND * depth / tolerance_mm)
            contact.set_stiffness(min(contact.stiffness * factor, STIFFEST))
        solve()
