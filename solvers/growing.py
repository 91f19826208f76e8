"""Tissue in which something grows: balances one after another, each from the one before.

The frame is the mesh as given: its cells are the tissue's, wherever they have gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import BadInput, NotConverged
from solvers.nearby import solve_nearby
from solvers.newton import TOLERANCE
from solvers.organ import Level, Organ, Values
from solvers.stepping import loaded
from solvers.swelling import SMALLEST_VOLUME, Swelling

Reals = NDArray[np.float64]
_ADVICE: Final = (
    "Try a smaller swelling, shorter coupling_days, stiffer tissue, or smaller cells there"
)


class GrowingTissue:
    """An organ under loads that stay as they are, with a density that swells it.

    Attributes:
        organ: as given.
        balances: how many were found.
    """

    def __init__(self, organ: Organ, laws: Mapping[int, str]) -> None:
        """Add growth to an organ without contacts; then `begin`.

        Args:
            laws: region label → name of its law, as of `Organ`.

        Raises:
            BadInput: a law knows no growth strain, or the organ touches something.
        """
        if organ.fine.contacts:
            names = ", ".join(contact.name for contact in organ.fine.contacts)
            raise BadInput(f"{names}: growing tissue takes no contact; choose springs instead")
        self.organ, self.balances = organ, 0
        self._swellings = [Swelling(level, laws) for level in organ.levels]

    def begin(
        self, values: Values, swelling: Mapping[int, float], settings: Mapping[str, Any]
    ) -> None:
        """Take a member's numbers and forget the balances before.

        Args:
            values: region label → parameter name → value.
            swelling: region label → `solvers.swelling.SWELLING`.
            settings: of the loads.

        Raises:
            BadInput: nothing holds a piece of the mesh, or a load lacks a number.
        """
        self._most = max(swelling.values())
        for each in self._swellings:
            each.begin(values, swelling)
        self.organ.prepare(values, settings)
        self._loaded = self.organ.fine.reference > 0.0
        self._density: Reals | None = None
        self._has_tangent = False

    def balance(self, density: Reals) -> Level:
        """Return the level in balance with the density (n,) at the input nodes.

        From the last balance; the first from rest, loads and growth together. Densities may be
        negative: tissue that was grown when the mesh was taken, and shrinks.

        Raises:
            BadInput: a cell would lose more than nine tenths of its volume.
            NotConverged: naming how far the growth came, and the residual at which it stopped.
        """
        if not 1.0 + self._most * float(density.min()) >= SMALLEST_VOLUME:
            raise BadInput(
                f"a density of {density.min():.3g} with a swelling of {self._most:.3g} leaves less "
                f"than {SMALLEST_VOLUME:.0%} of the tissue's volume: choose a smaller swelling"
            )
        before, self._density = self._density, density.copy()
        try:
            if before is None:
                self._from_rest(density)
            else:
                self._from(before, density)
        except NotConverged as error:
            raise NotConverged(
                f"the growing tissue finds no balance: {error}. {_ADVICE}"
            ) from error
        self.balances += 1
        return self.organ.fine

    def stress_kpa(self) -> Reals:
        """Return (m, 6) Cauchy's stress of each input cell, its mean: xx yy zz yz xz xy."""
        total: Any = 0.0
        for name, term in self.organ.fine.laws.items():
            added = self._swellings[-1].terms[name].measured("cauchy")
            size = np.maximum(term.measured("size"), 1e-300)  # of other laws' cells: 0, as the rest
            total = total + (term.measured("cauchy") + added) / size[:, None]
        return self.organ.grid.gathered_cells(total)

    def _from_rest(self, density: Reals) -> None:
        below: Level | None = None
        for swelling in self._swellings:
            level = swelling.level
            if below is not None:
                level.start_from(below)
            if self._acts(swelling, density):
                if below is None or not _settled(level):
                    level.rest()
                    self._carry(swelling, np.zeros_like(density), density, loads=True)
                self._has_tangent = True
            below = level

    def _from(self, before: Reals, density: Reals) -> None:
        swelling = self._swellings[-1]
        level = swelling.level
        if not self._acts(swelling, density):
            level.rest()
            return
        state = level.system.state()
        if not (self._has_tangent and _settled_nearby(level)):
            level.system.restore(state)
            self._carry(swelling, before, density, loads=False)
        self._has_tangent = True

    def _acts(self, swelling: Swelling, density: Reals) -> bool:
        """Set all in full and the reference: the residual at rest; whether there is any."""
        level = swelling.level
        level.set_load(1.0)
        if not (swelling.grow(density) or self._loaded):
            return False
        state = level.system.state()
        level.rest()
        level.reference = level.system.norm(level.system.residual())
        level.system.restore(state)
        return level.reference > 0.0

    def _carry(self, swelling: Swelling, start: Reals, aim: Reals, *, loads: bool) -> None:
        level = swelling.level

        def set_part(part: float) -> None:
            swelling.grow(start + part * (aim - start))
            if loads:
                level.set_load(part)

        loaded(level.system, level.newton, set_part, steps=1, reference=level.reference, tell=float)


def _settled(level: Level) -> bool:
    try:
        level.newton.solve(level.reference, patience=0)
    except NotConverged:
        return False
    return True


def _settled_nearby(level: Level) -> bool:
    try:
        solve_nearby(level.system, level.newton, reference=level.reference, tolerance=TOLERANCE)
    except NotConverged:
        return False
    return True


def von_mises_of(stress_kpa: Reals) -> Reals:
    """Return (m,) √(3/2 s:s) in kPa of stresses (m, 6): xx yy zz yz xz xy, s the deviator."""
    normal, shear = stress_kpa[:, :3], stress_kpa[:, 3:]
    deviator = normal - normal.mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt(1.5 * (deviator**2).sum(axis=1) + 3.0 * (shear**2).sum(axis=1)))
