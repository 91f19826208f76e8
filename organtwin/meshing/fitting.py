"""Fitting: interface points moved until every region has its volume, no cell turned over."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from organtwin.meshing.interfaces import offset_to_volumes
from organtwin.meshing.tetrahedra import Cells, Tetrahedra, signed_volumes

HALVINGS = 8
KEPT_VOLUME = 0.2


def fitted(cells: Cells, targets_mm3: Mapping[tuple[int, ...], float]) -> Tetrahedra:
    """Return the cells of the organ with interfaces offset until regions have their volumes.

    Flat triangles between points of a curved surface enclose too little (about h²/(4R²) for edges
    h on a sphere of radius R); the offset gives it back. Where it would squeeze a cell below a
    fifth of its volume, its points move half as far, again and again, or not at all.

    Args:
        targets_mm3: labels of a union of regions → the volume it shall have.
    """
    interfaces = cells.interfaces()
    shells = [(interfaces.shell(inside), target) for inside, target in targets_mm3.items()]
    step = offset_to_volumes(cells.points, shells) - cells.points
    inside = cells.regions > 0
    tetrahedra = cells.tetrahedra[inside]
    before = signed_volumes(cells.points, tetrahedra)
    share = np.ones(len(cells.points))
    for turn in range(HALVINGS):
        after = signed_volumes(cells.points + share[:, None] * step, tetrahedra)
        squeezed = np.unique(tetrahedra[after < KEPT_VOLUME * before])
        if len(squeezed) == 0:
            break
        share[squeezed] *= 0.5 if turn < HALVINGS - 1 else 0.0
    points = cells.points + share[:, None] * step
    used, index = np.unique(tetrahedra, return_inverse=True)
    return Tetrahedra(points[used], index.reshape(-1, 4), cells.regions[inside])
