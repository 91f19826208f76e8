"""Organs kept from job to job: another load or stiffness on the same mesh sets up nothing anew.

A preview starts from the last answer, which lies near the next where somebody moves a slider; its
residual is at most `NEAR` of that of the loads at rest, and so it agrees with the answer from rest
to about as much of the largest displacement. An accurate answer starts from rest with
a new linear solver, so that it is the same to the last bit however warm the process is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from solvers import deformation, sensitivity
from solvers.contract import Job
from solvers.elements import PREVIEW, Element
from solvers.failures import NotConverged
from solvers.jobfolder import Solver
from solvers.nearby import solve_nearby
from solvers.newton import Newton
from solvers.organ import Arrays, Level, Organ, Values
from solvers.refinement import Mesh

NEAR: Final = 1e-4
MOST_ORGANS: Final = 3
MOST_CELLS: Final = 300_000
"""Of a mesh whose organ is kept."""
_OF_TISSUE: Final = {"deformation": deformation, "sensitivity": sensitivity}
_MOVES: Final = "prescribed_mm"
"""The input array that may change on a kept organ."""


class WarmOrgans:
    """The last few organs."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, WarmOrgan] = OrderedDict()

    def solver(self, cold: Callable[[str], Solver]) -> Solver:
        """Return what runs jobs on kept organs; `cold` gives the solver of any other kind."""

        def solve(job: Job, arrays: Arrays, tell: Any) -> Any:
            if job.kind not in _OF_TISSUE:
                return cold(job.kind)(job, arrays, tell)
            run = _OF_TISSUE[job.kind].run
            return run(job, arrays, tell, organ_of=partial(self._organ, job.inputs))

        return solve

    def forget(self) -> None:
        """Let all organs go."""
        self._kept.clear()

    def _organ(
        self,
        inputs: Mapping[str, str],
        mesh: Mesh,
        laws: Mapping[int, str],
        element: Element,
        *given: Arrays,
        comm: Any,
    ) -> Organ:
        (arrays,) = given
        same = tuple(sorted((name, key) for name, key in inputs.items() if name != _MOVES))
        wanted = (same, _MOVES in inputs, tuple(sorted(laws.items())), element.name)
        organ = self._kept.pop(wanted, None)  # and gone, should this job fail
        if organ is None or organ.remembers():
            organ = WarmOrgan(mesh, laws, element, arrays, comm=comm)
        else:
            organ.begin(arrays)
        if len(mesh.cells) <= MOST_CELLS:
            self._kept[wanted] = organ
        while len(self._kept) > MOST_ORGANS:
            self._kept.popitem(last=False)
        return organ


class WarmOrgan(Organ):
    """An organ that remembers its last preview."""

    _last: list[Any] | None = None

    def remembers(self) -> bool:
        """Return whether an earlier job gave its tissue a memory."""
        return any(level.histories for level in self.levels)

    def begin(self, arrays: Arrays) -> None:
        """Make ready for another job on the same mesh, supports and faces."""
        if _MOVES in arrays:
            self.support(arrays)
        for level in self.levels:
            if level.system.element == PREVIEW and level is self.fine:
                level.newton.iterations = level.newton.linear.steps = 0
            else:
                level.newton = Newton(level.system)

    def solve(self, values: Values, settings: Mapping[str, Any], **how: Any) -> Level:
        """Solve as `Organ.solve`; a preview without contacts from the last answer if it can."""
        last, self._last = self._last, None
        level = self._from(last, values, settings) if last is not None else None
        if level is None:
            level = super().solve(values, settings, **how)
        if level.system.element == PREVIEW and not level.contacts:
            self._last = level.system.state()
        return level

    def _from(self, last: list[Any], values: Values, settings: Mapping[str, Any]) -> Level | None:
        self.prepare(values, settings)
        level = self.fine
        level.system.restore(last)
        level.set_load(1.0)
        if level.reference == 0.0:
            return None
        try:
            solve_nearby(level.system, level.newton, reference=level.reference, tolerance=NEAR)
        except NotConverged:
            return None
        return level
