"""From the slopes of a march to those of the numbers a job's member gives.

What a member says enters a course in four places: reactions (values at the nodes), diffusion
(cells), treatments (factors and rates), and the density on day 0. The last two are moved by complex
steps of the very functions that make them; a value at a node is the mean of its cells' by volume
(`solvers.growth_fields`), so that its slope goes back to them in those shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.course import Course
from solvers.growth.model import DIFFUSION
from solvers.growth.slopes import STEP
from solvers.growth_fields import shared
from solvers.growth_question import GrowthQuestion
from solvers.retracing import Retraced

Reals = NDArray[np.float64]
VISIBLE: Final = "visible_density"


@dataclass(frozen=True, eq=False)
class Chain:
    """The numbers of one member of a job, and what they do.

    Args:
        asked: the job.
        course: its course, of one rank.
        number: of the member.
        told: what the job says of it: ``name`` or ``name@LABEL`` → value.
    """

    asked: GrowthQuestion
    course: Course
    number: int
    told: Mapping[str, float]

    def slopes(self, found: Retraced) -> dict[str, Reals]:
        """Return dJ per unit of every number the member gives, (), and of its fields, (m,).

        A parameter that is an array of the job has the slope by each cell's value.
        """
        answer: dict[str, Reals] = {}
        for name, value in self.asked.numbers[self.number].nodal.items():
            if isinstance(value, float):
                whole, nodes = self._ways(name, found)
                own = self._by_diffusivity(found) if name == DIFFUSION.name else 0.0
                answer[name] = np.asarray(whole + nodes.sum() + own)
            else:
                answer |= self._by_region(name, self.by_cell(name, found))
        return answer

    def by_cell(self, name: str, found: Retraced) -> Reals:
        """Return (m,) dJ per unit of a parameter in each cell; of D for a course with D by cell."""
        diffusivity = self.asked.numbers[self.number].diffusivity
        opened = None if isinstance(diffusivity, float) else diffusivity > 0.0
        cells = shared(self.course.mesh, self._ways(name, found)[1], opened)
        return cells + found.gradient.cells(self.asked.tensor) if name == DIFFUSION.name else cells

    def _by_region(self, name: str, cells: Reals) -> dict[str, Reals]:
        keys = [key for key in self.told if key.rpartition("@")[0] == name]
        if not keys:
            return {name: cells}
        labels, rest = self.course.mesh.regions, np.ones(len(cells), bool)
        answer = {}
        for key in keys:
            here = labels == int(key.rpartition("@")[2])
            answer[key], rest = np.asarray(cells[here].sum()), rest & ~here
        return answer | ({name: np.asarray(cells[rest].sum())} if name in self.told else {})

    def _by_diffusivity(self, found: Retraced) -> float:
        """By one D of all cells, which the march was given as a number or cell by cell."""
        if isinstance(self.asked.numbers[self.number].diffusivity, float):
            return found.gradient.diffusivity
        return float(found.gradient.cells(self.asked.tensor).sum())

    def _ways(self, name: str, found: Retraced) -> tuple[float, Reals]:
        """By a parameter as one number, and (n,) by its value at each node alone."""
        own = found.gradient.values.get(name, 0.0)
        values: dict[str, Any] = dict(self.asked.numbers[self.number].nodal)
        values[name] = values[name] + 1j * STEP
        nodes = self._through_start(values, found)
        whole, more = self._through_events(values, found)
        more = more + own if np.ndim(own) else more
        return whole + (0.0 if np.ndim(own) else float(own)), nodes + self.course.rows.gathered(
            more
        )

    def _through_start(self, values: Mapping[str, Any], found: Retraced) -> Reals:
        """(n,) by a complex step of the values."""
        start = self.asked.started(values, self.asked.settings[VISIBLE])
        return np.asarray((found.start * np.imag(start)).sum(axis=0) / STEP)

    def _through_events(self, values: Mapping[str, Any], found: Retraced) -> tuple[float, Reals]:
        """By a complex step of the values: rates, and (k,) factors at the nodes."""
        asked, gradient = self.asked, found.gradient
        moved = self.course.member(
            asked.model, values, asked.events, diffusivity=0.0, doses_gy=asked.doses_gy
        )
        nodes = np.zeros(len(self.course.rows.own))
        for event, by_factor in gradient.factors.items():
            factor: Any = moved.factors[event]
            nodes += (by_factor * np.imag(factor)).sum(axis=0) / STEP
        steps = [(np.imag(rate.amount), np.imag(rate.decay_per_day)) for rate in moved.rates]
        return float((np.reshape(steps, (-1, 2)) * gradient.rates).sum() / STEP), nodes

    def by_visible(self, found: Retraced) -> float:
        """Return dJ per unit of the visible density, through the density on day 0."""
        nodal = self.asked.numbers[self.number].nodal
        start = self.asked.started(nodal, self.asked.settings[VISIBLE] + 1j * STEP)
        return float((found.start * np.imag(start)).sum() / STEP)
