"""One contact on one grid: its penalty from the tissue, and how far tissue penetrates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contact import STIFFNESS
from solvers.failures import NotConverged
from solvers.grid import Grid
from solvers.system import System
from solvers.terms import Term
from solvers.tetrahedra import volumes_mm3
from solvers.worst import largest_place

SOFTEST: Final = 100.0
STIFFEST: Final = 1e5
"""The penalty in units of shear modulus over edge: where it begins, and where it is given up."""
FEWEST_STEPS: Final = 4
"""Load steps to begin with where there are contacts: nodes deep in a ball do not find out again."""
_LEAP: Final = 10.0
_SMALLEST_LEAP: Final = 1.2
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
        self._per_mm = 1.0 / edges_mm
        self.edge_mm = max(self._grid.comm.allgather(float(edges_mm.max())))
        self.set_stiffness(SOFTEST)

    @property
    def stiffness(self) -> float:
        """The penalty in units of shear modulus over edge."""
        return self._stiffness

    def stiffness_per_kpa(self) -> NDArray[np.float64]:
        """Return (local cells,) 1/mm how the penalty grows with each cell's shear modulus."""
        return np.asarray(self._stiffness * self._per_mm)

    def set_stiffness(self, stiffness: float) -> None:
        """Set the penalty, in units of shear modulus over edge."""
        self._stiffness = stiffness
        self._term.values[STIFFNESS].x.array[:] = stiffness * self._unit

    def penetration_mm(self) -> float:
        """Return the root mean square over a cell's faces of how deep they are, at its largest."""
        worst = float(self._squares().max(initial=0.0))
        return float(np.sqrt(max(self._grid.comm.allgather(worst))))

    def deepest_place(self) -> str:
        """Return where that is, in words."""
        return largest_place(self._grid, self._squares())

    def _squares(self) -> NDArray[np.float64]:
        """(local cells,) the mean over each cell's faces of the square of how deep they are."""
        square, area = self._term.measured("square"), self._term.measured("area")
        return np.divide(square, area, out=np.zeros_like(area), where=area > 0.0)


def pressed(
    contacts: list[Pressing], system: System, *, tolerance_mm: float, solve: Callable[[], Any]
) -> None:
    """Stiffen contacts until none is penetrated by more than `tolerance_mm`.

    Args:
        solve: finds the balance of forces anew.

    Raises:
        NotConverged: one is still penetrated with the stiffest penalty, or no balance was found
            for a little stiffer one; which, and how deep.
    """
    leap = _LEAP
    while True:
        depths = [contact.penetration_mm() for contact in contacts]
        deep = [pair for pair in zip(contacts, depths, strict=True) if pair[1] > tolerance_mm]
        if not deep:
            return
        before, softer = system.state(), [contact.stiffness for contact in contacts]
        for contact, depth in deep:
            if contact.stiffness >= STIFFEST:
                raise NotConverged(_too_deep(contact, depth, tolerance_mm))
            factor = min(leap, _BEYOND * depth / tolerance_mm)
            contact.set_stiffness(min(contact.stiffness * factor, STIFFEST))
        try:
            solve()
        except NotConverged as error:
            system.restore(before)
            for contact, stiffness in zip(contacts, softer, strict=True):
                contact.set_stiffness(stiffness)
            leap = leap**0.5
            if leap < _SMALLEST_LEAP:
                raise NotConverged(f"{_too_deep(*deep[0], tolerance_mm)}: {error}") from error


def _too_deep(contact: Pressing, depth: float, wanted: float) -> str:
    return (
        f"{contact.name} is penetrated by {depth:.3g} mm in {contact.deepest_place()}, {wanted:g} "
        f"mm is wanted: nodes are held there, or cells are too large for its shape"
    )
