"""What holds an organ when nobody says otherwise: springs on parts of its surface."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import OrganMesh
from organtwin.organs import Organ
from organtwin.simulating.loads import Springs

POSTERIOR_PART: Final = 0.15
"""Of the surface's area: unsourced, set your own springs."""
SUPERIOR_COSINE: Final = 0.5
"""Of the angle between a face's outward normal and superior: up to 60 degrees."""


def supports_of(mesh: OrganMesh, organ: Organ) -> tuple[Springs, ...]:
    """Return the springs on an organ's surface, as its file says; none when it says nothing.

    Each face of the surface belongs to the first support in whose place it lies: "posterior", the
    most posterior `POSTERIOR_PART` of the area (by LPS y); "superior", faces that look up; "rest".
    """
    faces = mesh.surface(organ.name)
    corners = mesh.points[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    places = {
        "posterior": _most(corners[:, :, 1].mean(axis=1), areas),
        "superior": normals[:, 2] > SUPERIOR_COSINE * areas,
        "rest": np.ones(len(faces), bool),
    }
    free = np.ones(len(faces), bool)
    found = []
    for support in organ.supports:
        chosen = free & places[support.place]
        free &= ~chosen
        if chosen.any():
            stiffness = support.normal_kpa_per_mm, support.tangential_kpa_per_mm
            found.append(Springs(support.place, faces[chosen].astype(np.int32), *stiffness))
    return tuple(found)


def _most(heights: NDArray[np.float64], areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The highest faces that have `POSTERIOR_PART` of the area together."""
    order = np.argsort(-heights, kind="stable")
    before = np.cumsum(areas[order]) - areas[order]
    chosen = np.zeros(len(areas), bool)
    chosen[order] = before < POSTERIOR_PART * areas.sum()
    return chosen
