"""How a step is run: its form checked, what it read and made remembered for the journal."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from organtwin import __version__
from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import BadArgument
from organtwin.core.journal import Done
from organtwin.core.watch import Watch

Run = Callable[..., tuple[Case, str]]


@dataclass(frozen=True)
class Step:
    """One step: its name, its title for a person, what it runs, the packages doing the work.

    `quick` steps take milliseconds and may run in the window's own process.
    """

    name: str
    title: str
    run: Run
    packages: tuple[str, ...] = ("numpy",)
    quick: bool = False


class RecordedStore:
    """An ObjectStore that remembers what was read and what was made."""

    def __init__(self, store: ObjectStore) -> None:
        self._store, self.jobs = store, store.jobs
        self.read: dict[str, None] = {}
        self.made: dict[str, None] = {}

    def put(self, thing: Any) -> str:
        """Keep a noun and remember that it was made."""
        object_id = self._store.put(thing)
        self.made[object_id] = None
        return object_id

    def get(self, object_id: str) -> Any:
        """Return a noun and remember that it was read."""
        if object_id not in self.made:
            self.read[object_id] = None
        return self._store.get(object_id)


def run(
    step: Step, case: Case, store: ObjectStore, *, arguments: Mapping[str, Any], watch: Watch
) -> tuple[Case, Done]:
    """Run one step; returns the new Case and what the journal shall say.

    Raises:
        BadArgument: arguments the step does not take.
        OrganTwinError: as the step says; nothing was changed.
    """
    recorded = RecordedStore(store)
    try:
        bound = inspect.signature(step.run).bind(case, recorded, watch, **arguments)
    except TypeError as error:
        raise BadArgument(str(error), where=step.name) from error
    bound.apply_defaults()
    after, summary = step.run(*bound.args, **bound.kwargs)
    done = Done(
        step=step.name,
        arguments={key: bound.arguments[key] for key in list(bound.arguments)[3:]},
        inputs=tuple(recorded.read),
        outputs=tuple(recorded.made),
        seed=bound.arguments.get("seed"),
        summary=summary,
        versions={"organtwin": __version__} | {p: version(p) for p in step.packages},
    )
    return after, done
