"""Loads that change in time, on tissue that may relax: one solve after another.

The job's loads and prescribed displacements times a factor that is linear between its times, from
rest at time zero. A first time of 0 is an instant: the whole of its factor at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from solvers.contract import Input, Parameter
from solvers.failures import BadInput, NotConverged
from solvers.laws import law
from solvers.organ import Level, Organ, Values
from solvers.pressing import pressed
from solvers.settings import Setting
from solvers.viscoelasticity import MODULI, TIMES, History, Prony, history_recipe

MOST_TIMES: Final = 1000
TIMES_S: Final = Setting(
    Parameter(
        "times_s",
        "s",
        0.0,
        1e8,
        "times at which the tissue is solved, ascending; none: no time, elastic",
        "choice of this solver",
        0.0,
    ),
    0,
)
FACTORS: Final = Setting(
    Parameter(
        "load_factors",
        "1",
        -10.0,
        10.0,
        "the loads at each of the times over the full ones; none: full from the first time on",
        "choice of this solver",
        1.0,
    ),
    0,
)
SETTINGS: Final = (TIMES_S, FACTORS, MODULI, TIMES)
MOVED: Final = Input(
    "displacement_at_times_mm",
    "(members, times, n, 3)",
    "float64",
    "mm",
    "of each node at each of times_s, when given",
    False,
)


@dataclass(frozen=True)
class LoadHistory:
    """What acts when, and how tissue relaxes.

    Args:
        times_s: ascending, not negative.
        factors: of the loads at these times.
        prony: region label → its series; those of other regions are elastic.
    """

    times_s: tuple[float, ...]
    factors: tuple[float, ...]
    prony: Mapping[int, Prony]

    def __post_init__(self) -> None:
        """Refuse times no solver could follow; raises BadInput."""
        if len(self.times_s) > MOST_TIMES or len(self.times_s) != len(self.factors):
            raise BadInput(
                f"times_s takes up to {MOST_TIMES} times, load_factors none or one for each, not "
                f"{len(self.times_s)} and {len(self.factors)}"
            )
        if (np.diff(self.times_s, prepend=0.0) < 0.0).any() or len(set(self.times_s)) < len(
            self.times_s
        ):
            raise BadInput("times_s do not ascend from zero on")
        if not self.times_s and any(series.moduli for series in self.prony.values()):
            raise BadInput("prony_moduli are given, but no times_s to relax in")


def load_history(settings: Mapping[str, Any], labels: list[int]) -> LoadHistory:
    """Return what a job's checked settings say; raises BadInput as `LoadHistory` and `Prony`."""
    times = settings[TIMES_S.parameter.name]
    factors = settings[FACTORS.parameter.name] or (1.0,) * len(times)
    prony = {label: Prony(*(_of(settings, s, label) for s in (MODULI, TIMES))) for label in labels}
    return LoadHistory(times, factors, prony)


def _of(settings: Mapping[str, Any], setting: Setting, label: int) -> tuple[float, ...]:
    name = setting.parameter.name
    found: tuple[float, ...] = settings.get(f"{name}@{label}", settings[name])
    return found


def followed(
    organ: Organ,
    values: Values,
    settings: Mapping[str, Any],
    *,
    history: LoadHistory,
    steps: int = 1,
    tell: Callable[[float], object] = float,
) -> Iterator[Level]:
    """Solve at each time, from rest; yield the level that holds the answer, as it then stands.

    Args:
        values, settings, steps: as of `Organ.solve`; `steps` between two times.
        tell: is told the part of the times reached.

    Raises:
        BadInput: as `Organ.solve`.
        NotConverged: naming the time, the load and the residual at which it stopped.
    """
    organ.prepare(values, settings)
    tolerance = organ.contact_tolerance_mm(settings)
    for level in organ.levels:
        _remember(level, organ, history.prony)
    before, factor = 0.0, 0.0
    for number, (time, aim) in enumerate(zip(history.times_s, history.factors, strict=True)):
        below: Level | None = None
        for level in organ.levels if number == 0 else [organ.fine]:
            for cells in level.histories:
                cells.advance(time - before)
            try:
                _reach(level, below, start=factor, aim=aim, steps=steps)
                _press(level, aim, tolerance)
            except NotConverged as error:
                raise NotConverged(f"at {time:g} s: {error}") from error
            below = level
        for cells in organ.fine.histories:
            cells.keep()
        before, factor = time, aim
        tell((number + 1) / len(history.times_s))
        yield organ.fine


def _reach(level: Level, below: Level | None, *, start: float, aim: float, steps: int) -> None:
    """Bring a level to the load `aim`: from where it stands, or from the coarser one `below`."""
    if below is None:
        level.carry(start, aim, steps, float)
        return
    level.start_from(below)
    try:
        level.settle(aim)
    except NotConverged:
        level.rest()
        level.carry(0.0, aim, max(2, steps), float)


def _press(level: Level, factor: float, tolerance_mm: float) -> None:
    """Stiffen the contacts at a part of the load."""
    pressed(
        level.contacts,
        level.system,
        tolerance_mm=tolerance_mm,
        solve=lambda: level.settle(factor),
    )


def _remember(level: Level, organ: Organ, prony: Mapping[int, Prony]) -> None:
    """Give the terms of a level's laws a memory where a region has a series."""
    if not level.histories and any(series.moduli for series in prony.values()):
        for name, term in level.laws.items():
            recipe = history_recipe(level.system.element, law(name).small)
            level.histories.append(History(term, level.system.add(recipe, term.entities)))
    for cells in level.histories:
        cells.begin([prony.get(int(label), Prony()) for label in organ.grid.regions[cells.cells]])
