"""Growth of several tumours at once, a job each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from organtwin.core.case import Case, ObjectStore
from organtwin.core.labelmap import LabelMap
from organtwin.core.parameter import Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.organs import organ


def growth_jobs(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    ensembles: Sequence[tuple[str, Ensemble]],
    *,
    labels: LabelMap,
    days: Sequence[float],
    start_day: float = 0.0,
    treatment: Any = None,
) -> dict[str, Simulation]:
    """Grow tumours, each an ensemble in a job of its own, as many at once as there are cores."""
    from organtwin.simulating import growth_simulation

    mesh = store.get(case.require("mesh", "organtwin mesh"))
    shares = _SharedWatch(watch, len(ensembles))

    def one(number: int) -> Simulation:
        structure, ensemble = ensembles[number]
        return growth_simulation(
            mesh,
            labels,
            structure,
            ensemble,
            organ=organ(case.organ),
            days=days,
            folder=store.jobs,
            watch=shares.part(number, structure),
            start_day=start_day,
            treatment=treatment,
        )

    with ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        grown = list(pool.map(one, range(len(ensembles))))
    return {structure: s for (structure, _), s in zip(ensembles, grown, strict=True)}


class _SharedWatch:
    """One Watch told by several jobs at once: the mean of their fractions."""

    def __init__(self, watch: Watch, count: int) -> None:
        self._watch, self._lock, self._fractions = watch, Lock(), [0.0] * count

    def part(self, number: int, name: str) -> Watch:
        def tell(fraction: float, message: str) -> None:
            with self._lock:
                self._fractions[number] = fraction
                mean = sum(self._fractions) / len(self._fractions)
            self._watch.tell(mean, f"{name}: {message}")

        return Watch(tell, self._watch.asked_to_stop)
