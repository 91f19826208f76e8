"""Pinches: places where the surface of a part would merely touch itself, mended or refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from organtwin.core.directions import position
from organtwin.core.errors import BadMesh
from organtwin.core.organmesh import FACES, OrganMesh
from organtwin.meshing.shells import shell_defects

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Side = NDArray[np.bool_]
TURNS = 16


def unpinched(points: Floats, cells: Ints, specimen: Side, whole: OrganMesh) -> Side:
    """Return (m,) which cells (m, 4) are the specimen's, so that no part's surface touches itself.

    Where it would, in an edge or a point, the smallest group of cells around goes to the other
    part. Places where the surface of the whole mesh touches itself stay as they are.

    Args:
        specimen: (m,) as the surface says.
        whole: the mesh before; its points are the first of `points` (n, 3) LPS mm.

    Raises:
        BadMesh: a surface touches itself all the same; says where.
    """
    known = {p for place in _places(whole.tetrahedra.astype(np.int64), points) for p in place}
    specimen, volumes = specimen.copy(), _volumes(points[cells])
    for turn in range(TURNS):
        found = [
            place
            for side in (specimen, ~specimen)
            for place in _places(cells[side], points)
            if not known.intersection(place)
        ]
        if not found:
            return specimen
        for place in found:
            star = np.flatnonzero(np.isin(cells, place).sum(axis=1) == len(place))
            turned = _turned(cells, star, specimen, volumes, only_one_way=turn > TURNS // 2)
            specimen[turned] = ~specimen[turned]
    raise BadMesh(
        f"the cut leaves a part whose surface touches itself at {_where(points, found[0])}",
        where="cut",
        advice="move the cut by some millimetres, or mesh with smaller edges",
    )


def _places(cells: Ints, points: Floats) -> list[tuple[int, ...]]:
    """Return edges (two points) and points at which the surface around cells touches itself."""
    faces = cells[:, FACES].reshape(-1, 3)
    order = np.sort(faces, axis=1)
    keys = (order[:, 0] * len(points) + order[:, 1]) * len(points) + order[:, 2]
    _, first, count = np.unique(keys, return_index=True, return_counts=True)
    edges, touching = shell_defects(faces[first[count == 1]], len(points))
    return [*{(int(a), int(b)) for a, b in edges}, *((int(p),) for p in touching)]


def _turned(
    cells: Ints, star: Ints, specimen: Side, volumes: Floats, *, only_one_way: bool
) -> Ints:
    """Return the smallest of the groups of a star that keep a part's surface from being closed."""
    groups: list[Ints] = []
    for side in (False, True):
        mine = star[specimen[star] == side]
        shared = (cells[mine][:, None, :, None] == cells[mine][None, :, None, :]).sum(axis=(2, 3))
        count, group = connected_components(shared == 3, directed=False)
        pieces = [mine[group == number] for number in range(count)]
        if len(pieces) > 1 or not groups:
            groups += pieces if not only_one_way or side is False else []
    smallest: Ints = min(groups, key=lambda group: float(volumes[group].sum()))
    return smallest
