"""The last deformation of a case as fields on the mesh that the case keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import BadArgument, Missing
from organtwin.core.organmesh import OrganMesh
from organtwin.core.simulation import Simulation

Fields = dict[str, NDArray[np.floating[Any]]]


def last_deformation(case: Case, store: ObjectStore) -> tuple[Simulation, OrganMesh]:
    """Return the last deformation and the mesh that its fields live on; raises Missing."""
    for one in reversed(case.simulations):
        simulation: Simulation = store.get(one)
        if simulation.kind == "deformation":
            mesh: OrganMesh = store.get(simulation.mesh)
            return simulation, mesh
    raise Missing(
        "this case has no deformation yet", advice="run `organtwin simulate CASE deform` first"
    )


def fields_on(mesh: OrganMesh, simulation: Simulation, member: int = 0) -> tuple[Fields, Fields]:
    """Return the fields at the mesh's points and those in its tetrahedra, by name with unit.

    Raises:
        BadArgument: no such member.
    """
    members = len(simulation.fields["displacement_mm"])
    if not 0 <= member < members:
        raise BadArgument(f"no member {member}", advice=f"there are {members}, from 0")
    points: Fields = {}
    cells: Fields = {}
    for name, values in simulation.fields.items():
        if name in ("displacement_mm", "displacement_sd_mm", "unloaded_mm"):
            points[name] = values[member]
        elif values.ndim > 1 and values.shape[1] == len(mesh.tetrahedra):
            cells[name] = values[member]
    return points, cells


def told_of(simulation: Simulation, mesh: OrganMesh, member: int = 0) -> list[tuple[str, Any, str]]:
    """Return (figure, value, unit) of each region's and support's outputs of a deformation."""
    names = {s.label: s.name for s in mesh.structures}
    labels = np.unique(mesh.regions).tolist()
    rows: list[tuple[str, Any, str]] = []
    for name, values in simulation.fields.items():
        kind, _, support = name.partition("@")
        if kind == "force_n":
            parts = zip("xyz", values[member].tolist(), strict=True)
            rows += [(f"force of {support} on the tissue, {axis}", n, "N") for axis, n in parts]
        elif name.startswith("region_") and values.ndim == 2 and values.shape[1] == len(labels):
            what, unit = _worded(name.removeprefix("region_"))
            told = zip(labels, values[member].tolist(), strict=True)
            rows += [(f"{names[n]}: {what}", v, unit) for n, v in told if math.isfinite(v)]
    return rows


UNITS = {"ml": "mL", "mj": "mJ", "percent": "%"}


def _worded(name: str) -> tuple[str, str]:
    """Words and unit of a name with its unit behind."""
    *words, last = name.split("_")
    if last in UNITS:
        return " ".join(words), UNITS[last]
    return name.replace("_", " "), "1"
