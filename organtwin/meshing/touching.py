"""Touching: places where the surface of a part would merely touch itself, mended or refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from organtwin.core.directions import position
from organtwin.core.errors import BadMesh
from organtwin.core.organmesh import FACES, OrganMesh
from organtwin.meshing.parting import Sides
from organtwin.meshing.shells import shell_defects

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Side = NDArray[np.bool_]
TURNS = 16


def untouching(sides: Sides, whole: OrganMesh) -> Side:
    """Return (m,) which cells are the specimen's, so that no part's surface touches itself.

    Where it would, in an edge or a point, the smallest group of cells around goes to the other
    part. Places where the surface of the whole mesh touches itself stay as they are.

    Args:
        sides: as the surface says.
        whole: the mesh before; its points are the first of those of `sides`.

    Raises:
        BadMesh: a surface touches itself all the same; says where.
    """
    points, cells = sides.points, sides.cells
    known = {p for place in places(whole.tetrahedra, points) for p in place}
    specimen, volumes = sides.specimen.copy(), _volumes(points[cells])
    for turn in range(TURNS):
        found = [
            place
            for side in (specimen, ~specimen)
            for place in places(cells[side], points)
            if not known.intersection(place)
        ]
        if not found:
            return specimen
        for place in found:
            star = np.flatnonzero(np.isin(cells, place).sum(axis=1) == len(place))
            group = _smallest(cells, star, specimen, volumes, giving=turn >= TURNS // 2)
            specimen[group] = ~specimen[group]
    raise BadMesh(
        "the cut leaves a part whose surface touches itself at "
        + position(points[found[0][0]].tolist()),
        where="cut",
        advice="move the cut by some millimetres, or mesh with smaller edges",
    )


def places(cells: NDArray[np.integer], points: Floats) -> list[tuple[int, ...]]:
    """Return edges (two points) and points at which the surface around cells touches itself."""
    faces = cells[:, FACES].reshape(-1, 3).astype(np.int64)
    order = np.sort(faces, axis=1)
    keys = (order[:, 0] * len(points) + order[:, 1]) * len(points) + order[:, 2]
    _, first, count = np.unique(keys, return_index=True, return_counts=True)
    edges, touching = shell_defects(faces[first[count == 1]], len(points))
    return [*{(int(a), int(b)) for a, b in edges}, *((int(p),) for p in touching)]


def _smallest(cells: Ints, star: Ints, specimen: Side, volumes: Floats, *, giving: bool) -> Ints:
    """Return the smallest group of cells of one part among those of a star that share faces.

    Args:
        giving: only of the specimen's, if it has any, so that turns come to an end.
    """
    groups: list[Ints] = []
    for side in (True, False):
        mine = star[specimen[star] == side]
        shared = (cells[mine][:, None, :, None] == cells[mine][None, :, None, :]).sum(axis=(2, 3))
        count, group = connected_components(shared == 3, directed=False)
        groups += [mine[group == number] for number in range(count)]
        if giving and groups:
            break
    return min(groups, key=lambda group: float(volumes[group].sum()))


def _volumes(corners: Floats) -> Floats:
    """Return (m,) six times the volume of tetrahedra (m, 4, 3), in mm³."""
    a, b, c, d = corners.swapaxes(0, 1)
    result: Floats = np.abs(np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a))
    return result
