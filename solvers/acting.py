"""The loads of a job on its mesh: which act, where, and their compiled equations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.elements import Element
from solvers.failures import BadInput
from solvers.forms import Words, compiled
from solvers.grid import Grid
from solvers.loads import Load, load, loads
from solvers.loads.pressure import LUMEN
from solvers.meshfiles import index_array
from solvers.terms import Recipe, recipe

Arrays = Mapping[str, NDArray[Any]]


@cache
def load_recipe(name: str, element: Element) -> Recipe:
    """Return the compiled virtual work of a load for an element."""
    words = Words(element)
    values = {
        setting.parameter.name: words.constant((setting.length,) if setting.length > 1 else ())
        for setting in load(name).settings
    }
    values |= load(name).coefficients(words)
    work = load(name).virtual_work(words, values)
    measures = {k: compiled(form) for k, form in load(name).measures(words, values).items()}
    return recipe(words, (work, None)[: len(words.unknowns)], values, measures=measures)


def acting_names(kind: Load, arrays: Arrays) -> list[str]:
    """Return the names (with ``@NAME``) under which a kind of load acts, sorted."""
    if kind.faces is None:
        return [kind.name]
    wanted = kind.faces.name
    return sorted(
        kind.name + array.removeprefix(wanted)
        for array in arrays
        if array.partition("@")[0] == wanted
    )


def own_inputs(name: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return the further input arrays of a load, by their names without ``@NAME``."""
    kind, at, suffix = name.partition("@")
    wanted = [array.name for array in load(kind).inputs]
    return {one: arrays[one + at + suffix] for one in wanted if one + at + suffix in arrays}


def acting_faces(grid: Grid, arrays: Arrays) -> list[tuple[str, NDArray[np.int32]]]:
    """Return the name of each load that can act, with its owned cells or faces.

    Raises:
        BadInput: an array does not fit the mesh.
    """
    found = []
    for kind in loads().values():
        for name in acting_names(kind, arrays):
            cells = np.arange(grid.owned_cells, dtype=np.int32)
            found.append((name, cells if kind.faces is None else _faces(grid, arrays, name)))
    return found


def _faces(grid: Grid, arrays: Arrays, name: str) -> NDArray[np.int32]:
    kind, at, suffix = name.partition("@")
    faces = load(kind).faces
    array = (faces.name if faces else "") + at + suffix
    triangles = index_array(arrays, array, 3, grid.size)
    inside = own_inputs(name, arrays).get(LUMEN.name)
    if inside is None:
        return grid.faces(triangles, array)
    others = np.setdiff1d(grid.regions, inside)
    pushed = grid.faces_of(triangles, others, array)
    if sum(grid.comm.allgather(len(pushed))) > len(np.unique(np.sort(triangles), axis=0)):
        raise BadInput(f"{array}: a triangle does not border the regions {inside.tolist()}")
    return pushed
