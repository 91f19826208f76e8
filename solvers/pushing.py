"""How a course moves with the numbers it is given: the tangents of its moves.

The tangent of a state is (species, k), as the state; it is marched beside it. Reactions are moved
by complex steps, which are exact; one step of diffusion (`solvers.pulling`) by

    du1 = du - c h A⁻¹ K du - c h A⁻¹ dK (u + (u1 - u) / c).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.course import Course
from solvers.diffusion import Diffusion
from solvers.growth.slopes import STEP
from solvers.moves import (
    NUTRIENT,
    Limit,
    Member,
    Move,
    React,
    Remove,
    Report,
    Scale,
    Spread,
    Values,
    fed,
)
from solvers.nutrient import REACH, UPTAKE
from solvers.terrain import Terrain

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Change:
    """A direction in which the numbers of a member go; what is not named stays.

    Args:
        values: parameter → change of its value, one number or (k,).
        rates: (r, 2) changes of each rate's amount and decay per day.
        factors: event → change of its factor.
        diffusivity: mm²/day, one number or (m,) as the member's.
    """

    values: Mapping[str, float | Reals] = field(default_factory=dict)
    rates: Reals | None = None
    factors: Mapping[Event, float | Reals] = field(default_factory=dict)
    diffusivity: float | Reals = 0.0
    _stiffness: dict[Terrain, Any] = field(default_factory=dict, init=False)

    def flow(self, terrain: Terrain, density: Reals) -> Reals:
        """Return (k,) the stiffness of the change of D times a density (k,)."""
        if terrain not in self._stiffness:
            self._stiffness[terrain] = terrain.stiffness(self.diffusivity)
        matrix = self._stiffness[terrain]
        right, answer = matrix.createVecs()
        right.array[:] = terrain.within(density)
        matrix.mult(right, answer)
        return terrain.filled(answer.array.copy())


def pushed_states(
    course: Course, member: Member, start: Reals, *, change: Change, of_start: Reals
) -> tuple[Reals, Reals]:
    """Return the states (t, species, n) on the report days, and how they move with a change.

    Args:
        course: of one rank.
        start: (n,) or (species, n) on day 0.
        of_start: of that shape, the change of it.
    """
    rows = course.rows
    state, moved = (rows.taken(np.atleast_2d(each)) for each in (start, of_start))
    seen: dict[int, tuple[Reals, Reals]] = {}
    for move in course.moves(member):
        after = move.done(state, member)
        moved = pushed(move, moved, state, after, member=member, change=change)
        state = after
        if isinstance(move, Report):
            seen[move.index] = (rows.gathered(state), rows.gathered(moved))
    states, tangents = zip(*(seen[index] for index in sorted(seen)), strict=True)
    return np.array(states), np.array(tangents)


def pushed(
    move: Move, moved: Reals, before: Reals, after: Reals, *, member: Member, change: Change
) -> Reals:
    """Return the tangent (species, k) after a move from that before it.

    Args:
        move: of the member's course.
        moved: (species, k) tangent before it.
        before, after: (species, k) the state on both sides of it.
        member: whose course it is.
        change: in which direction its numbers go.
    """
    match move:
        case React():
            return _react(move, moved, before, member=member, change=change)
        case Spread():
            return _spread(move, moved, (before, after), member=member, change=change)
        case Limit():
            return _limit(move, moved, (before, after), member)
        case Scale():
            by_factor = before * change.factors.get(move.event, 0.0)
            return np.asarray(moved * member.factors[move.event] + by_factor)
        case Remove():
            return np.where(move.terrain.inside, moved, 0.0)
        case Report():
            return moved
    raise NotImplementedError(f"{type(move).__name__} has no tangent")


def _react(move: React, moved: Reals, before: Reals, *, member: Member, change: Change) -> Reals:
    reaction = _Reaction(move, member, change)
    if NUTRIENT not in member.model.fields:
        return reaction.on(moved, before, member.values, move.end)
    early, half = fed(move.terrain, before, member), 0.5 * (move.start + move.end)
    of_early = reaction.starved(moved, before, early)
    middle: Reals = member.model.reacted(before, early, (move.start, half), member.rates)
    of_middle = reaction.on(moved, before, early, half, nutrient=of_early)
    late = fed(move.terrain, middle, member)
    of_late = reaction.starved(of_middle, middle, late)
    return reaction.on(moved, before, late, move.end, nutrient=of_late)


@dataclass(frozen=True, eq=False)
class _Reaction:
    move: React
    member: Member
    change: Change

    def on(
        self,
        moved: Reals,
        before: Reals,
        values: Values,
        end: float,
        *,
        nutrient: float | Reals = 0.0,
    ) -> Reals:
        """The tangent (species, k) after a reaction until `end`."""
        by: Any = 1j * STEP
        changes = {NUTRIENT: nutrient, **self.change.values}
        rates = self.member.rates
        if self.change.rates is not None:
            steps = zip(rates, self.change.rates, strict=True)
            rates = [_nudged(rate, by * step) for rate, step in steps]
        stepped = {
            name: value + by * changes[name] if name in changes else value
            for name, value in values.items()
        }
        span = (self.move.start, end)
        state = self.member.model.reacted(before + by * moved, stepped, span, rates)
        return np.asarray(np.imag(state) / STEP)

    def starved(self, moved: Reals, state: Reals, values: Values) -> Reals:
        """How the nutrient (k,) moves that a state leaves."""
        nutrient = self.move.terrain.nutrient(float(self.member.values[REACH]))
        of = {name: self.change.values.get(name, 0.0) for name in (REACH, UPTAKE)}
        found = np.asarray(values[NUTRIENT])
        return nutrient.moved(state[0], values[UPTAKE], found, {**of, "cells": moved[0]})


def _nudged(rate: Any, by: Any) -> Any:
    decay = rate.decay_per_day + by[1] if rate.decay_per_day else 0.0
    return replace(rate, amount=rate.amount + by[0], decay_per_day=decay)


def _spread(
    move: Spread, moved: Reals, states: tuple[Reals, Reals], *, member: Member, change: Change
) -> Reals:
    before, after = states
    operator = move.terrain.operator(member.diffusivity, move.days)
    found = moved.copy()
    for row, share in enumerate(member.model.spreads(member.values)):
        if not share:
            continue
        step = _Step(move.terrain, operator, change, row)
        if move.damped:
            middle = operator.euler(before[row], row)
            half = step.on(moved[row], before[row], middle, 1.0)
            found[row] = step.on(half, middle, after[row], 1.0)
        else:
            found[row] = step.on(moved[row], before[row], after[row], 2.0)
    return found


@dataclass(frozen=True, eq=False)
class _Step:
    terrain: Terrain
    operator: Diffusion
    change: Change
    row: int

    def on(self, moved: Reals, before: Reals, after: Reals, halves: float) -> Reals:
        """The tangent (k,) after one step of `halves` c."""
        found = moved + self.operator.change(moved, halves, _TANGENTS + self.row)
        if not np.any(self.change.diffusivity):
            return found
        flow = self.change.flow(self.terrain, before + (after - before) / halves)
        solved, _ = self.operator.transposed(flow, _TANGENTS + self.row)
        return found - halves * self.operator.half * solved


_TANGENTS = 1000
"""Rows from here on are tangents': their solves start from their own last answers."""


def _limit(move: Limit, moved: Reals, states: tuple[Reals, Reals], member: Member) -> Reals:
    before, after = states
    found, state = moved.copy(), before.copy()
    for row, share in enumerate(member.model.spreads(member.values)):
        if share:
            others = np.delete(state, row, axis=0).sum(axis=0)
            felt = (others > 0.0) & (others < 1.0)
            of_ceiling = -np.where(felt, np.delete(found, row, axis=0).sum(axis=0), 0.0)
            ceiling = 1.0 - np.clip(others, 0.0, 1.0)
            found[row] = limited_on(
                move.terrain, found[row], of_ceiling, density=state[row], ceiling=ceiling
            )
            state[row] = after[row]
    return found


def limited_on(
    terrain: Terrain, moved: Reals, of_ceiling: Reals, *, density: Reals, ceiling: Reals
) -> Reals:
    """Return the tangent (k,) after `solvers.diffusion.limited`; see `pulling.limited_back`."""
    cut = np.minimum(np.maximum(density, 0.0), ceiling)
    room, sides = cut * (ceiling - cut), terrain.shares_mm3
    space, share = float(sides @ room), float(sides @ (density - cut))
    if space == 0.0 or not (density != cut).any():
        return moved
    inside = (density > 0.0) & (density < ceiling)
    of_cut = np.where(inside, moved, 0.0) + np.where(density >= ceiling, of_ceiling, 0.0)
    of_room = of_cut * (ceiling - 2.0 * cut) + cut * of_ceiling
    part = share / space
    of_part = float(sides @ (moved - of_cut) - part * (sides @ of_room)) / space
    return np.asarray(of_cut + of_part * room + part * of_room)
