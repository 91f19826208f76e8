"""Growth and tissue in turn: what grows swells the tissue, and stress slows how it spreads.

D = D₀ exp(-γ σ), σ von Mises' stress of each cell (Weis et al. 2013, 10.1088/0031-9155/58/17/5851;
Hormuth et al. 2017, 10.1007/s10439-017-1882-9). At the coupling days the tissue is brought to
balance with the density; in between D is that of the stress in the middle of the interval, drawn on
from the last two balances: second order in the interval. The first interval, and that after an
event which leaves a jump, has the stress of its start: first order once, and so second in all.

Frame: the mesh as given (Lagrange). The density is an amount per volume of that mesh: it is not
thinned by the room that growth makes, and spreads by D over lengths of the mesh, not of the moved
tissue. What that leaves out is of the order of the strain, (det F - 1) and (|F| - 1).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solvers.course import Course
from solvers.failures import NotConverged
from solvers.growing import GrowingTissue, von_mises_of
from solvers.moves import Member, React, Remove, Report, Scale
from solvers.nested import Nested
from solvers.terrain import Terrain

Reals = NDArray[np.float64]
MOST_SLOWING: Final = 50.0
"""γ σ beyond which D falls no more: e⁻⁵⁰ is none."""


@dataclass(frozen=True, eq=False)
class Coupled:
    """Tumour and tissue in balance on a coupling day.

    Args:
        index: of the coupling day.
        species: (species, n2) density of each, on the tumour's mesh.
        terrain: where there is tissue for the tumour.
        displacement_mm: (n, 3), of the tissue's mesh.
        stress_kpa: (m, 6) Cauchy's, xx yy zz yz xz xy.
        volume_ratio: (m,) volume now over that of the mesh.
    """

    index: int
    species: Reals
    terrain: Terrain
    displacement_mm: Reals
    stress_kpa: Reals
    volume_ratio: Reals


def coupling_days(reports: Sequence[float], longest: float) -> tuple[float, ...]:
    """Return day 0, the report days, and equal intervals of at most `longest` between them."""
    days = [0.0]
    for report in (day for day in reports if day > 0.0):
        parts = max(1, int(np.ceil((report - days[-1]) / longest - 1e-9)))
        days += np.linspace(days[-1], report, parts + 1)[1:].tolist()
    return tuple(days)


class Coupling:
    """A tumour and the tissue it grows in.

    Args:
        course: on the tumour's mesh; its report days are `days`.
        tissue: begun.
        nested: both meshes.
        days: the coupling days.
        slowing: (m,) γ of each cell of the tissue, 1/kPa.
        grown: whether the tissue's mesh is at rest with the density of day 0, or with none.
    """

    def __init__(
        self,
        course: Course,
        tissue: GrowingTissue,
        nested: Nested,
        *,
        days: Sequence[float],
        slowing: Reals,
        grown: bool = False,
    ) -> None:
        """Couple; nothing is solved yet."""
        self._course, self._tissue, self._nested, self._days = course, tissue, nested, days
        self._slowing, self._grown = slowing, grown

    def march(self, member: Member, start: Reals) -> Iterator[Coupled]:
        """Yield the states of one member on the coupling days, before that day's events.

        Args:
            member: its `diffusivity` is D₀.
            start: (n2,) or (species, n2) on day 0.

        Raises:
            BadInput: as `Course.march` and `GrowingTissue.balance`.
            NotConverged: as they, naming the day; keeps the last density that was good.
        """
        moves, rows = self._course.moves(member), self._course.rows
        for terrain in self._course.terrains:
            terrain.forget()
        state, day, jumped, stress = rows.taken(np.atleast_2d(start)), 0.0, False, _Stress()
        slowed = member
        before = np.atleast_2d(start) if self._grown else np.zeros(1)
        for move in moves:
            found = None
            try:
                if isinstance(move, Report):
                    day = self._days[move.index]
                    found = self._balanced(move, rows.gathered(state), before)
                    middle = stress.middle(day, self._following(day), found.stress_kpa)
                    slowed, jumped = self._slowed(member, middle), False
                elif isinstance(move, React):
                    day = move.start
                    if jumped:
                        after = self._in_balance(rows.gathered(state), before)
                        slowed, jumped = self._slowed(member, stress.anew(day, after)), False
                state = move.done(state, slowed)
            except NotConverged as error:
                last = {"last_day": np.array(day), "last_density": rows.gathered(state)}
                raise NotConverged(f"day {day:g}: {error}", last) from error
            jumped = jumped or isinstance(move, Scale | Remove)
            if found is not None:
                yield found

    def _in_balance(self, species: Reals, before: Reals) -> Reals:
        """(m, 6) kPa the stress once the tissue is in balance with what grew since `before`."""
        grown = species.sum(axis=0) - before.sum(axis=0)
        self._tissue.balance(self._nested.to_tissue(grown))
        return self._tissue.stress_kpa()

    def _balanced(self, report: Report, species: Reals, before: Reals) -> Coupled:
        stress = self._in_balance(species, before)
        level = self._tissue.organ.fine
        moved, ratio = level.displacement_mm(), level.cell_mean("ratio")
        return Coupled(report.index, species, report.terrain, moved, stress, ratio)

    def _following(self, day: float) -> float:
        """The next coupling day; the last one's is itself."""
        return next((one for one in self._days if one > day), day)

    def _slowed(self, member: Member, von_mises_kpa: Reals) -> Member:
        slowing = np.minimum(self._slowing * von_mises_kpa, MOST_SLOWING)
        slowing = self._nested.to_tumour(slowing)
        return dataclasses.replace(member, diffusivity=member.diffusivity * np.exp(-slowing))


class _Stress:
    """Von Mises' stress (m,) kPa of the last balance, and on which day that was."""

    def __init__(self) -> None:
        self._last: tuple[float, Reals] | None = None

    def anew(self, day: float, stress_kpa: Reals) -> Reals:
        """Take that of a balance after a jump, and return it."""
        own = von_mises_of(stress_kpa)
        self._last = (day, own)
        return own

    def middle(self, day: float, following: float, stress_kpa: Reals) -> Reals:
        """Take that of a balance, and return it drawn on to the middle until `following`."""
        last, own = self._last, self.anew(day, stress_kpa)
        if last is None or not day > last[0]:
            return own
        on = 0.5 * (following - day) / (day - last[0])
        return np.maximum(own + on * (own - last[1]), 0.0)
