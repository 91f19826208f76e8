"""Compiling ahead of time the forms of every law and load, several at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from typing import Final

from solvers.acting import load_recipe
from solvers.adjoint import law_slopes, load_slopes
from solvers.elements import SHIPPED
from solvers.laws import laws
from solvers.loads import loads
from solvers.outputs import strain_recipe
from solvers.starting import prepare_process
from solvers.swelling import SWELLING_FORMS, swelling_recipe
from solvers.tissue import law_recipe
from solvers.viscoelasticity import history_recipe

MOST_AT_ONCE: Final = 8


def compile_forms() -> Iterator[str]:
    """Compile one after another in this process, yielding each name when done."""
    for name, made in _recipes():
        made()
        yield name


def compile_at_once() -> Iterator[str]:
    """Compile in as many processes as there are processors, yielding each name when done."""
    most = min(MOST_AT_ONCE, len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(
        most, mp_context=get_context("spawn"), initializer=prepare_process
    ) as others:
        waiting = {others.submit(_make, made): name for name, made in [*_recipes(), *_slopes()]}
        for one in as_completed(waiting):
            one.result()
            yield waiting[one]


def _recipes() -> list[tuple[str, Callable[[], object]]]:
    found: list[tuple[str, Callable[[], object]]] = []
    for one in reversed(SHIPPED):  # the longest first
        found += [(f"{name}, {one.name}", partial(law_recipe, name, one)) for name in laws()]
        found.append((f"strain, {one.name}", partial(strain_recipe, one)))
        for name in SWELLING_FORMS:
            found.append((f"swelling, {name}, {one.name}", partial(swelling_recipe, name, one)))
        for small in (False, True):
            found.append((f"history, {one.name}", partial(history_recipe, one, small)))
        found += [(f"{name}, {one.name}", partial(load_recipe, name, one)) for name in loads()]
    return found


def _slopes() -> list[tuple[str, Callable[[], object]]]:
    """The derivatives of every law and load: of jobs that ask for them."""
    found: list[tuple[str, Callable[[], object]]] = []
    for one in reversed(SHIPPED):
        tail = f"derivatives, {one.name}"
        found += [(f"{name}, {tail}", partial(law_slopes, name, one)) for name in laws()]
        found += [(f"{name}, {tail}", partial(load_slopes, name, one)) for name in loads()]
    return found


def _make(made: Callable[[], object]) -> None:
    made()
