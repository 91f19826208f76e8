"""What a job about tissue asks: mesh, laws, element, settings and members, all checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.acting import acting_names
from solvers.contract import Input, Job
from solvers.elements import ACCURATE, Element, element
from solvers.failures import BadInput
from solvers.laws import SHEAR_MODULUS, law
from solvers.loads import Load, loads
from solvers.meshfiles import mesh_from, real_array
from solvers.organ import Values
from solvers.outputs import LIMIT
from solvers.refinement import Mesh
from solvers.settings import Setting, checked_members, checked_settings
from solvers.viscoelasticity import MODULI, TIMES

Arrays = Mapping[str, NDArray[Any]]
CELLS: Final = Input(
    SHEAR_MODULUS.name,
    "(m,)",
    "float64",
    "kPa",
    "of each cell, in place of shear_modulus_kpa@LABEL of the regions",
    False,
)


ELEMENT: Final = "element"
"""The setting that names an element (`solvers.elements`); p2_p1 when not given."""
LAW_AT: Final = "law@"
"""Settings ``law@LABEL`` name the law of a region; the others have the job's model."""


@dataclass(frozen=True, eq=False)
class Question:
    """A job, read.

    Args:
        laws: region label → name of its law.
        numbers: every setting by name.
        members: region label → parameter → value, or (m,) of which its own cells count.
    """

    mesh: Mesh
    laws: Mapping[int, str]
    element: Element
    numbers: Mapping[str, Any]
    members: tuple[Values, ...]


def question(job: Job, arrays: Arrays, settings: Sequence[Setting]) -> Question:
    """Return what a job asks that takes `settings`; raises BadInput where it cannot be used."""
    if job.events:
        raise BadInput(f"a {job.kind} job has no events: it knows no time")
    mesh = mesh_from(arrays)
    labels = [int(label) for label in np.unique(mesh.regions)]
    laws = {label: str(job.settings.get(f"{LAW_AT}{label}", job.model)) for label in labels}
    numbers = _numbers(job, arrays, labels, settings)
    members = _members(job, laws, _of_cells(arrays, len(mesh.cells)))
    return Question(mesh, laws, _element(job), numbers, members)


def _of_cells(arrays: Arrays, cells: int) -> NDArray[np.float64] | None:
    if CELLS.name not in arrays:
        return None
    given = real_array(arrays, CELLS.name, (cells,))
    if not ((given >= SHEAR_MODULUS.low) & (given <= SHEAR_MODULUS.high)).all():
        bounds = f"[{SHEAR_MODULUS.low}, {SHEAR_MODULUS.high}]"
        raise BadInput(f"{CELLS.name}: a cell's is outside {bounds} kPa")
    return given


def _members(
    job: Job, laws: Mapping[int, str], field: NDArray[np.float64] | None
) -> tuple[Values, ...]:
    if field is None:
        return _member_values(job, laws)
    of_regions = {f"{CELLS.name}@{label}" for label in laws}
    if any(of_regions & set(member) for member in job.members):
        raise BadInput(f"{CELLS.name} is given for cells and for regions: leave one out")
    filled = [{**member, **dict.fromkeys(of_regions, 1.0)} for member in job.members]
    plain = _member_values(dataclasses.replace(job, members=tuple(filled)), laws)
    return tuple(
        {label: {**own, CELLS.name: field} for label, own in each.items()} for each in plain
    )


def _element(job: Job) -> Element:
    return element(str(job.settings.get(ELEMENT, ACCURATE.name)))


def _numbers(
    job: Job, arrays: Arrays, labels: list[int], settings: Sequence[Setting]
) -> dict[str, Any]:
    """Every load's settings by name, with those of ``@NAME`` loads, checked."""
    words = {ELEMENT, *(f"{LAW_AT}{label}" for label in labels)}
    wanted = [*settings]
    for kind in loads().values():
        acting = {name.partition("@")[2] for name in acting_names(kind, arrays)} - {""}
        named = {key.partition("@")[2] for key in job.settings if key in _at(kind, key)}
        for name in sorted(acting | named):
            if name not in acting:
                raise BadInput(f"{kind.name}@{name} has no faces to act on")
            wanted += [_renamed(setting, name) for setting in kind.settings]
    for setting in (MODULI, TIMES, LIMIT):
        of_regions = [_renamed(setting, str(label)) for label in labels]
        wanted += [one for one in of_regions if one.parameter.name in job.settings]
    given = {key: value for key, value in job.settings.items() if key not in words}
    numbers = checked_settings(dataclasses.replace(job, settings=given), wanted)
    for kind in loads().values():
        acts = any(np.any(numbers[name]) for name in kind.scaled)
        if kind.faces is not None and acts and kind.faces.name not in arrays:
            raise BadInput(f"{kind.scaled[0]} is given, but no {kind.faces.name}")
    return numbers


def _at(kind: Load, key: str) -> set[str]:
    """`key` as a set if it is one of the load's settings with a name behind."""
    name, at, _ = key.partition("@")
    return {key} if at and name in {s.parameter.name for s in kind.settings} else set()


def _renamed(setting: Setting, name: str) -> Setting:
    parameter = dataclasses.replace(setting.parameter, name=f"{setting.parameter.name}@{name}")
    return dataclasses.replace(setting, parameter=parameter)


def _member_values(job: Job, chosen: Mapping[int, str]) -> tuple[dict[int, dict[str, float]], ...]:
    """Each member's values as region label → parameter name → value, from ``name@label`` keys."""
    wanted = [
        dataclasses.replace(parameter, name=f"{parameter.name}@{label}")
        for label, name in chosen.items()
        for parameter in law(name).parameters
    ]
    return tuple(
        {
            label: {p.name: flat[f"{p.name}@{label}"] for p in law(name).parameters}
            for label, name in chosen.items()
        }
        for flat in checked_members(job, wanted)
    )
