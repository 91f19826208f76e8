"""The course of a tumour as a flat tuple of moves: a march is a fold over them.

A state is (species, k) float64: the densities at this rank's nodes (`solvers.rows.Rows`).
Strang's splitting: half a reaction, spreading, half a reaction; neighbouring halves are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.diffusion import limited
from solvers.growth import Growth
from solvers.growth.rates import Rate
from solvers.nutrient import REACH, UPTAKE
from solvers.terrain import Terrain
from solvers.timeline import Stop

Reals = NDArray[np.float64]
Values = Mapping[str, float | Reals]
NUTRIENT: Final = "nutrient"
INSTANT: Final = ("scale_density", "irradiate")
"""Kinds of events that leave a fraction at once."""


@dataclass(frozen=True, eq=False)
class Member:
    """One member of an ensemble.

    Args:
        model: how it grows.
        values: parameter → number, or (k,) at this rank's nodes.
        rates: what treatments add to its net growth.
        diffusivity: mm²/day, one number or one for each cell of the mesh (m,).
        factors: instant event → what it multiplies the density by: a number, or (k,).
    """

    model: Growth
    values: Values
    rates: Sequence[Rate] = ()
    diffusivity: float | Reals = 0.0
    factors: Mapping[Event, float | Reals] = field(default_factory=dict)


def diffusion_of(values: Mapping[str, Any]) -> float:
    """Return D in mm²/day among a member's values, 0 where its model has none."""
    return float(values.get("diffusion_mm2_per_day", 0.0))


class Move(Protocol):
    """One thing that happens to a state."""

    def done(self, state: Reals, member: Member, /) -> Reals:
        """Return the state (species, k) after it."""


@dataclass(frozen=True, eq=False)
class React:
    """The reaction alone from `start` to `end` (days), on `terrain`."""

    start: float
    end: float
    terrain: Terrain

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state after it, by the model's own solution.

        A model with a nutrient is given that of the middle of the span, to which half the reaction
        with that of its start leads (midpoint rule, second order).
        """
        if NUTRIENT not in member.model.fields:
            return self._reacted(state, member, member.values, self.end)
        values = fed(self.terrain, state, member)
        middle = self._reacted(state, member, values, 0.5 * (self.start + self.end))
        return self._reacted(state, member, fed(self.terrain, middle, member), self.end)

    def _reacted(self, state: Reals, member: Member, values: Values, end: float) -> Reals:
        span = (self.start, end)
        return np.asarray(member.model.reacted(state, values, span, member.rates))


def fed(terrain: Terrain, state: Reals, member: Member) -> Values:
    """Return a member's values with the nutrient (k,) that a state leaves; its first row eats."""
    values = member.values
    nutrient = terrain.nutrient(float(values[REACH]))
    return {**values, NUTRIENT: nutrient.solved(state[0], values[UPTAKE])}


@dataclass(frozen=True, eq=False)
class Spread:
    """Diffusion alone for `days`; `damped`: after an event that left jumps."""

    terrain: Terrain
    days: float
    damped: bool

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state after it; rows of species that do not spread are as before."""
        operator = self.terrain.operator(member.diffusivity, self.days)
        step = operator.damped if self.damped else operator.stepped
        spread = state.copy()
        for row, share in enumerate(member.model.spreads(member.values)):
            if share:
                spread[row] = step(state[row], row)
        return spread


@dataclass(frozen=True, eq=False)
class Limit:
    """Every density back into [0, 1], and their sum, each mass as before (`limited`)."""

    terrain: Terrain

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state after it; what it moves is counted on the terrain.

        Raises:
            NotConverged: there is no front that could take what was cut.
        """
        kept = state.copy()
        for row, share in enumerate(member.model.spreads(member.values)):
            if share:
                others = np.delete(kept, row, axis=0).sum(axis=0)
                ceiling = 1.0 - np.clip(others, 0.0, 1.0) if len(kept) > 1 else 1.0
                kept[row], moved = limited(self.terrain, kept[row], ceiling)
                self.terrain.moved_mm3 += moved
        return kept


@dataclass(frozen=True)
class Scale:
    """An event at an instant that leaves a fraction of the density."""

    event: Event

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state times the member's factor of this event."""
        return state * member.factors[self.event]


@dataclass(frozen=True, eq=False)
class Remove:
    """From now on there is tissue on `terrain` alone."""

    terrain: Terrain

    def done(self, state: Reals, _: Member) -> Reals:
        """Return the state, 0 off the terrain."""
        return np.where(self.terrain.inside, state, 0.0)


@dataclass(frozen=True, eq=False)
class Report:
    """The state on a report day, before that day's events; `terrain` is where there is tissue."""

    index: int
    terrain: Terrain

    def done(self, state: Reals, _: Member) -> Reals:
        """Return the state as it is."""
        return state


def moves_of(stops: Sequence[Stop], terrains: Sequence[Terrain]) -> tuple[Move, ...]:
    """Return what happens, in order.

    Args:
        stops: from `solvers.timeline.timeline`.
        terrains: the first one, and that after each stop.
    """
    moves: list[Move] = [Remove(terrains[0])]
    for stop, (before, terrain) in zip(stops, pairwise(terrains), strict=True):
        moves += [*arrival(stop, before, terrain), *walk(stop, terrain)]
    return tuple(moves)


def arrival(stop: Stop, before: Terrain, terrain: Terrain) -> list[Move]:
    """Return what happens at a stop: its report, then its events in their order."""
    moves: list[Move] = [] if stop.report is None else [Report(stop.report, before)]
    moves += [Scale(event) for event in stop.events if event.kind in INSTANT]
    return moves if terrain is before else [*moves, Remove(terrain)]


def walk(stop: Stop, terrain: Terrain) -> list[Move]:
    """Return the steps until the next stop; the first is damped where events left jumps.

    Half a reaction, spreading and whole reactions in turn, half a reaction.
    """
    if not stop.steps:
        return []
    middles = stop.day + (np.arange(stop.steps) + 0.5) * stop.step_days
    marks = [stop.day, *map(float, middles), stop.day + stop.steps * stop.step_days]
    jumps = any(event.where for event in stop.events)
    moves: list[Move] = [React(marks[0], marks[1], terrain)]
    for number, (start, end) in enumerate(pairwise(marks[1:])):
        moves += [Spread(terrain, stop.step_days, jumps and number == 0), Limit(terrain)]
        moves.append(React(start, end, terrain))
    return moves
