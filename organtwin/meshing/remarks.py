"""Remarks: what a person should know of a cut before trusting its parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from organtwin.core.cut import Cut
from organtwin.core.directions import position
from organtwin.core.organmesh import FACES, OrganMesh
from organtwin.meshing.parting import Sides
from organtwin.meshing.touching import places

Ints = NDArray[np.int64]
FEW: Final = 8


def remarked(made: Cut, sides: Sides, whole: OrganMesh) -> Cut:
    """Return a cut with the pieces of its parts, places where they touch themselves, and remarks.

    Args:
        sides: what the cut was made of; the points of `whole` are the first of its.
    """
    parts = {"remnant": sides.cells[~sides.specimen], "specimen": sides.cells[sides.specimen]}
    pieces = {name: _pieces(cells) for name, cells in parts.items()}
    remarks = []
    if sum(map(len, pieces.values())) > len(_pieces(whole.tetrahedra.astype(np.int64))) + 1:
        remarks += [
            f"the {name} is in {len(sizes)} pieces, the smallest of {sizes.min()} elements"
            for name, sizes in pieces.items()
            if len(sizes) > 1
        ]
    known = {p for place in places(whole.tetrahedra, whole.points) for p in place}
    touching = 0
    for name, cells in parts.items():
        found = [p for p in places(cells, sides.points) if not known.intersection(p)]
        touching += len(found)
        if found:
            where = position(sides.points[found[0][0]].tolist())
            remarks.append(
                f"the surface of the {name} touches itself at {len(found)} places, one at {where}"
            )
    for name, (part, _) in made.parts.items():
        for structure in part.structures:
            count = int((part.regions == structure.label).sum())
            if count < min(FEW, int((whole.regions == structure.label).sum())):
                remarks.append(f"only {count} elements of {structure.name} are in the {name}")
    return replace(
        made,
        remnant_pieces=len(pieces["remnant"]),
        specimen_pieces=len(pieces["specimen"]),
        touching=touching,
        remarks=tuple(remarks),
    )


def _pieces(cells: Ints) -> Ints:
    """Return how many cells each piece has, connected by faces."""
    order = np.sort(cells[:, FACES].reshape(-1, 3), axis=1)
    keys = (order[:, 0] * (cells.max() + 1) + order[:, 1]) * (cells.max() + 1) + order[:, 2]
    place = np.argsort(keys, kind="stable")
    shared = np.flatnonzero(keys[place[:-1]] == keys[place[1:]])
    rows, columns = place[shared] // 4, place[shared + 1] // 4
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(cells),) * 2)
    return np.bincount(connected_components(graph, directed=False)[1])
