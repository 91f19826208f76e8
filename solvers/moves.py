"""The course of a tumour as a flat tuple of moves: a march is a fold over them.

A state is (species, k) float64: the densities at this rank's nodes (`solvers.rows.Rows`).
Strang's splitting: half a reaction, spreading, half a reaction; neighbouring halves are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.diffusion import limited
from solvers.growth import Growth
from solvers.growth.rates import Rate
from solvers.terrain import Terrain
from solvers.timeline import Stop

Reals = NDArray[np.float64]


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
    values: Mapping[str, float | Reals]
    rates: Sequence[Rate] = ()
    diffusivity: float | Reals = 0.0
    factors: Mapping[Event, float | Reals] = field(default_factory=dict)


def diffusion_of(values: Mapping[str, float]) -> float:
    """Return D in mm²/day among a member's values, 0 when its model has none."""
    return float(values.get("diffusion_mm2_per_day", 0.0))


class Move(Protocol):
    """One thing that happens to a state."""

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state (species, k) after it."""


@dataclass(frozen=True)
class React:
    """The reaction alone from `start` to `end` (days)."""

    start: float
    end: float

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state after it, by the model's own solution."""
        span = (self.start, self.end)
        return np.asarray(member.model.reacted(state, member.values, span, member.rates))


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

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state, 0 off the terrain."""
        return np.where(self.terrain.inside, state, 0.0)


@dataclass(frozen=True, eq=False)
class Report:
    """The state on a report day, before that day's events; `terrain` is where there is tissue."""

    index: int
    terrain: Terrain

    def done(self, state: Reals, member: Member) -> Reals:
        """Return the state as it is."""
        return state


INSTANT = ("scale_density", "irradiate")
"""Kinds of events that leave a fraction at once."""


def moves_of(stops: Sequence[Stop], terrains: Sequence[Terrain]) -> tuple[Move, ...]:
    """Return what happens, in order.

    Args:
        stops: from `solvers.timeline.timeline`.
        terrains: the first one, and that after each stop.
    """
    moves: list[Move] = [Remove(terrains[0])]
    for stop, (before, terrain) in zip(stops, pairwise(terrains), strict=True):
        if stop.report is not None:
            moves.append(Report(stop.report, before))
        moves += [Scale(event) for event in stop.events if event.kind in INSTANT]
        if terrain is not before:
            moves.append(Remove(terrain))
        jumps = any(event.where for event in stop.events)
        moves += _walk(stop, terrain, jumps)
    return tuple(moves)


def _walk(stop: Stop, terrain: Terrain, jumps: bool) -> list[Move]:
    """The steps of one stop: half a reaction, spreading and whole reactions in turn, half a one."""
    if not stop.steps:
        return []
    middles = stop.day + (np.arange(stop.steps) + 0.5) * stop.step_days
    marks = [stop.day, *map(float, middles), stop.day + stop.steps * stop.step_days]
    moves: list[Move] = [React(marks[0], marks[1])]
    for number, (start, end) in enumerate(pairwise(marks[1:])):
        moves += [Spread(terrain, stop.step_days, jumps and number == 0), Limit(terrain)]
        moves.append(React(start, end))
    return moves
