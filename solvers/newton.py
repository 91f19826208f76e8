"""Newton's method with a line search, for a `System`."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import NotConverged
from solvers.linear import DIRECT_BELOW, Linear
from solvers.system import System
from solvers.worst import unbalanced_place

Reals = NDArray[np.float64]
TOLERANCE: Final = 1e-6
MOST_ITERATIONS: Final = 25
_HALVINGS: Final = 10
_HOPELESS: Final = 1e3
"""Residual, relative to that of the full load at rest, at which a smaller load step is cheaper."""
_GROWTH: Final = 4.0
"""How much a step may raise the residual: a large rotation does at first, and halving the step then
costs more steps than it saves."""
PATIENCE: Final = 5
_FALL: Final = 0.99
"""After so many steps each must lower the residual to this: contacts come and go by turns, else."""
_LOOSEST: Final = 0.1
MOST_RELAXED: Final = 150
"""Steps of a relaxation."""
_RELAXED_MM: Final = 1.0
"""How far the largest force alone moves its node in the first such step, at most."""
_ASTRAY: Final = 0.9
"""Difference of forces from those foreseen, of those before, at which such a step is not taken."""
_DRAG: Final = ((0.1, 0.25), (0.3, 0.5), (0.6, 1.0), (_ASTRAY, 2.0), (np.inf, 4.0))
"""Up to which difference the drag is multiplied by how much."""


class Newton:
    """Moves the unknowns of a system to where its residual is small.

    Attributes:
        iterations: Newton steps so far.
        linear: the linear solver.
    """

    def __init__(self, system: System, *, direct_below: int = DIRECT_BELOW) -> None:
        """Set up the linear solver; with fewer unknowns than `direct_below` by factorisation."""
        self._system = system
        self.linear = Linear(system, direct_below=direct_below)
        self.iterations = 0

    def solve(
        self,
        reference: float,
        tolerance: float = TOLERANCE,
        *,
        patience: int = PATIENCE,
        relaxing: bool = False,
    ) -> int:
        """Solve from where the unknowns stand; return the steps taken.

        Args:
            reference: norm that `tolerance` is relative to.
            patience: steps that may raise the residual.
            relaxing: where Newton's own steps lead nowhere, start again and relax.

        Raises:
            NotConverged: the residual is not below after `MOST_ITERATIONS`, or a linear solve
                failed; the message says how large it is, and where.
        """
        start = self._system.state()
        try:
            try:
                return self._solved(reference, tolerance, patience)
            except NotConverged:
                if not relaxing:
                    raise
                self._system.restore(start)
                return self._relaxed(reference, tolerance)
        except NotConverged as error:
            place = unbalanced_place(self._system, self._system.residual())
            raise NotConverged(f"{error}; forces balance worst in {place}") from error

    def _relaxed(self, reference: float, tolerance: float) -> int:
        """Go to a balance as tissue in a thick fluid would; return the steps taken.

        Each step is one of Euler's backward, linearised (pseudo-transient continuation: Kelley and
        Keyes 1998, 10.1137/S0036142996304796). The drag grows where the forces that it leads to are
        not those foreseen, at the border of a contact or of slack fibres, and falls where they are.
        Forces may grow on the way: they do where tissue gives way or slides off a tool, and
        Newton's own steps lead astray.
        """
        system = self._system
        if system.norm(system.mismatch()) > 0.0:
            self._searched(self.linear.direction(system.residual(), _LOOSEST), np.inf)
        residual = system.residual()
        drag = system.largest_force(residual) / _RELAXED_MM
        for step in range(MOST_RELAXED):
            norm = system.norm(residual)
            if norm <= tolerance * reference:
                return MOST_ITERATIONS + step
            start, turned = system.state(), system.turned_mm3()
            direction = self.linear.direction(
                residual, _forcing(norm / reference, tolerance), drag=drag
            )
            length = system.length(direction)
            system.move(start, direction, length)
            found = system.residual()
            foreseen = (1.0 - length) * residual + length * drag * system.free_part(direction)
            off = system.norm(found - foreseen) / norm
            if system.turned_mm3() > turned or not off < _ASTRAY:
                system.restore(start)
                off = np.inf
            else:
                residual = found
            drag *= next(factor for most, factor in _DRAG if off <= most)
            self.iterations += 1
        raise NotConverged(
            f"the residual is {norm / reference:.1e} of its start after {MOST_RELAXED} steps "
            f"with drag, {tolerance:.0e} is wanted"
        )

    def _solved(self, reference: float, tolerance: float, patience: int) -> int:
        residual = self._system.residual()
        norm = self._system.norm(residual)
        for step in range(MOST_ITERATIONS):
            if norm <= tolerance * reference:
                return step
            if not norm <= _HOPELESS * reference:
                raise NotConverged(f"the residual grew to {norm / reference:.1e} of its start")
            direction = self.linear.direction(residual, _forcing(norm / reference, tolerance))
            most = (_GROWTH if step < patience else _FALL) * norm
            residual, norm = self._searched(direction, most)
            self.iterations += 1
        raise NotConverged(
            f"the residual is {norm / reference:.1e} of its start, {tolerance:.0e} is wanted, "
            f"and at most {MOST_ITERATIONS} Newton steps are made"
        )

    def _searched(self, direction: Reals, most: float) -> tuple[Reals, float]:
        """Go along a direction, less far until the residual's norm is below `most`."""
        start, turned = self._system.state(), self._system.turned_mm3()
        moves_support = self._system.norm(self._system.mismatch()) > 0.0
        length = self._system.length(direction)
        for _ in range(_HALVINGS):
            self._system.move(start, direction, length)
            residual = self._system.residual()
            reached = self._system.norm(residual)
            falls = reached < most or (moves_support and np.isfinite(reached))
            if falls and self._system.turned_mm3() <= turned:
                return residual, reached
            length *= 0.5
        self._system.restore(start)
        raise NotConverged(
            f"every step raises the residual (norm {reached:.3g}) or turns cells inside out"
        )


def _forcing(part: float, tolerance: float) -> float:
    """The linear tolerance at a residual of `part` of the reference: no tighter than is of use."""
    return min(_LOOSEST, max(0.1 * part, 0.3 * tolerance / max(part, 1e-300)))
