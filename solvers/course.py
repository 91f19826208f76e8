"""The course of a tumour: stops, treatments, and Strang steps of reaction and diffusion between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Event
from solvers.diffusion import Terrain
from solvers.failures import BadInput
from solvers.growth import Growth
from solvers.growth.rates import Rate
from solvers.refinement import Mesh
from solvers.timeline import Stop


@dataclass(frozen=True)
class State:
    """The density (n,) of one member on a report day; `report` indexes the report days."""

    report: int
    density: NDArray[np.float64]
    terrain: Terrain


@dataclass(frozen=True)
class Member:
    """One member's model, values by parameter name, and what is added to its net growth."""

    model: Growth
    values: Mapping[str, float]
    rates: Sequence[Rate]

    def reacted(
        self, density: NDArray[np.float64], start: float, end: float
    ) -> NDArray[np.float64]:
        """Return the density after the reaction alone from `start` to `end` (days)."""
        return np.asarray(self.model.reacted(density, self.values, (start, end), self.rates))


class Course:
    """What happens to every member alike: the stops, and the terrain after each.

    Args:
        mesh: where the tumour grows.
        stops: from `solvers.timeline.timeline`.
        rates: added to the net growth.
        inside: event's `where` → (n,) signed distance in mm of the nodes, negative inside.
    """

    def __init__(
        self,
        mesh: Mesh,
        stops: Sequence[Stop],
        rates: Sequence[Rate],
        inside: Mapping[str, NDArray[np.float64]],
    ) -> None:
        """Assemble the terrain after each stop."""
        self.mesh, self.stops, self.rates, self._inside = mesh, stops, rates, inside
        kept = np.ones(len(mesh.cells), bool)
        terrain = Terrain(mesh, kept)
        self.terrains = [terrain]
        for stop in stops:
            removals = [event for event in stop.events if event.kind == "remove_region"]
            if removals:
                for event in removals:
                    kept &= inside[event.where][mesh.cells].mean(axis=1) >= 0.0
                if not kept.any():
                    raise BadInput(f"day {stop.day}: nothing of the organ is left")
                terrain = Terrain(mesh, kept)
            self.terrains.append(terrain)

    def march(
        self, model: Growth, values: Mapping[str, float], density: NDArray[np.float64]
    ) -> Iterator[State]:
        """Yield the states of one member on the report days, from `density` (n,) on day 0.

        Raises:
            NotConverged: a linear solve failed.
        """
        member = Member(model, values, self.rates)
        for stop, (before, terrain) in zip(self.stops, pairwise(self.terrains), strict=True):
            if stop.report is not None:
                yield State(stop.report, density, before)
            treated = self._treated(stop.events, density)
            walked = self._walked(stop, terrain, member, treated[terrain.nodes])
            density = np.zeros(len(density))
            density[terrain.nodes] = walked

    def _treated(
        self, events: Sequence[Event], density: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        for event in events:
            if event.kind == "scale_density":
                hit = self._inside[event.where] < 0.0 if event.where else True
                density = np.where(hit, event.amount * density, density)
        return density

    def _walked(
        self, stop: Stop, terrain: Terrain, member: Member, density: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if not stop.steps:
            return density
        diffusion = terrain.operator(member.model.diffusion(member.values), stop.step_days)
        jumps = any(event.where for event in stop.events)
        for number in range(stop.steps):
            start = stop.day + number * stop.step_days
            middle, end = start + 0.5 * stop.step_days, start + stop.step_days
            density = member.reacted(density, start, middle)
            spread = diffusion.damped if jumps and number == 0 else diffusion.stepped
            density = member.reacted(spread(density), middle, end)
        return density
