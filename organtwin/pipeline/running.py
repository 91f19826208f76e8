"""How a step is run: its form checked, what it read and made remembered for the journal."""

from __future__ import annotations

import functools
import inspect
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from organtwin import __version__
from organtwin.core.canvas import Canvas
from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import BadArgument
from organtwin.core.journal import Done
from organtwin.core.origin import Private
from organtwin.core.watch import Watch
from organtwin.pipeline.identifying import refuse_held, used_visits

Run = Callable[..., tuple[Case, str]]


@dataclass(frozen=True)
class Step:
    """One step: its name, its title for a person, what it runs, the packages doing the work.

    `quick` steps take milliseconds and may run in the window's own process. Only steps that say
    `decides_identity` run on visits that may belong to another patient. Arguments named in
    `private` may name a person (paths do): the journal holds the id of a Private object instead.
    A step may take arguments as ``**more``; the journal holds them like the others.
    """

    name: str
    title: str
    run: Run
    packages: tuple[str, ...] = ("numpy",)
    quick: bool = False
    decides_identity: bool = False
    private: tuple[str, ...] = ()


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

    def canvas(self, labels: str) -> Canvas:
        """Return labels to read parts of until the next call, and remember that they were read."""
        if labels not in self.made:
            self.read[labels] = None
        return self._store.canvas(labels)

    def as_put(self, object_id: str) -> Any:
        """Return a noun as it was put."""
        return self._store.as_put(object_id)

    def whole_of(self, labels: str) -> str:
        """Return the id of whole labels that were put beside; this step is what names them."""
        whole = self._store.whole_of(labels)
        self.made |= {whole: None} if whole else {}
        return whole

    def trying(self) -> AbstractContextManager[None]:
        """Return what takes away again what is put, should the step fail."""
        return self._store.trying()


def run(
    step: Step, case: Case, store: ObjectStore, *, arguments: Mapping[str, Any], watch: Watch
) -> tuple[Case, Done]:
    """Run one step; returns the new Case and what the journal shall say.

    Raises:
        BadArgument: arguments the step does not take.
        BadInput: a visit it rests on may belong to another patient.
        OrganTwinError: as the step says; nothing was changed.
    """
    recorded = RecordedStore(store)
    try:
        bound = inspect.signature(step.run).bind(case, recorded, watch, **arguments)
    except TypeError as error:
        raise BadArgument(str(error), where=step.name) from error
    bound.apply_defaults()
    if not step.decides_identity:
        refuse_held(case, used_visits(case, bound.arguments))
    with recorded.trying():
        after, summary = step.run(*bound.args, **bound.kwargs)
        asked = {key: bound.arguments[key] for key in list(bound.arguments)[3:]}
        asked |= asked.pop("more", {})
        for key in step.private:
            asked[key] = recorded.put(Private(json.dumps(asked[key]), secrets.token_hex(16)))
    done = Done(
        step=step.name,
        arguments=asked,
        inputs=tuple(recorded.read),
        outputs=tuple(recorded.made),
        seed=bound.arguments.get("seed"),
        summary=summary + _gone(case, after) * (step.name != "cut"),
        versions={"organtwin": __version__} | {p: _version(p) for p in step.packages},
        remarks=getattr(summary, "remarks", ()),
        changed=getattr(summary, "changed", ()),
    )
    return after, done


def _gone(before: Case, after: Case) -> str:
    """Return in words that a mesh, or its cut, is not there any more, "" where they stay."""
    gone = [n for n in ("mesh", "cut") if getattr(before, n) and not getattr(after, n)]
    if not gone:
        return ""
    return f"; the {' and its '.join(gone)} of before {'are' if gone[1:] else 'is'} gone: make anew"


@functools.cache
def _version(package: str) -> str:
    """Return a package's version; finding it takes milliseconds, a brush stroke should not."""
    return version(package)
