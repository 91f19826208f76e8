"""What holds an organ when nobody says otherwise: springs on parts of its surface.

The parts are found from the shape alone, in LPS with the patient's axes along those of the scan.
Of the liver (Gray's Anatomy, edition of 1918, XI.2i: its surfaces and ligaments): the
diaphragmatic surface looks up, forward, right and back, the visceral one down, back and left; the
bare area lies behind on the right, between the layers of the coronary ligament, beside the groove
of the vena cava, with the kidney below it; the falciform ligament runs in front and above, between
the left lateral section and the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.organmesh import OrganMesh
from organtwin.organs import Organ
from organtwin.simulating.loads import Springs

FACING: Final = 0.5
"""Cosine: a face looks somewhere up to 60 degrees away. A choice, as `HIGH` is."""
HIGH: Final = 0.5
"""Part of the height above which the right lobe's back is bare; the kidney lies below."""
LEFT_LATERAL_PART: Final = 0.16
"""Of the liver's volume, left of the falciform ligament: mean of 102 people, 5 to 27 % (Abdalla
2004, 10.1016/j.surg.2003.08.024); the plane is taken as sagittal."""
STRIP_MM: Final = 5.0
"""Half the width of the strip on which the falciform ligament's pull is spread: a choice."""
VISCERAL: Final = np.array([1.0, 1.0, -1.0]) / np.sqrt(3.0)
"""Left, back and down in LPS, where the visceral surface looks."""

Places = Mapping[str, NDArray[np.int32]]


def supports_of(
    mesh: OrganMesh, organ: Organ, stiffness: Mapping[str, float] | None = None
) -> tuple[Springs, ...]:
    """Return the springs on an organ's surface, as its file says; none when it says nothing.

    Args:
        stiffness: place → how many times as stiff as the organ's file says, both ways; 0 for a
            support that is gone.
    """
    places, times = places_of(mesh, organ), stiffness or {}
    return tuple(
        Springs(
            one.place,
            places[one.place],
            one.normal_kpa_per_mm * times.get(one.place, 1.0),
            one.tangential_kpa_per_mm * times.get(one.place, 1.0),
        )
        for one in organ.supports
        if len(places[one.place])
    )


def places_of(mesh: OrganMesh, organ: Organ) -> Places:
    """Return place → (f, 3) int32 outward triangles: each face in the first place that takes it.

    The places are those of `Organ.supports`; some may be without faces.
    """
    faces = mesh.surface(organ.name)
    where = _places(mesh, faces, mesh.points[faces])
    free = np.ones(len(faces), bool)
    found = {}
    for support in organ.supports:
        chosen = free & where[support.place]
        free &= ~chosen
        found[support.place] = faces[chosen].astype(np.int32)
    return found


def _places(
    mesh: OrganMesh, faces: NDArray[np.int32], corners: NDArray[np.float64]
) -> dict[str, NDArray[np.bool_]]:
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    x, _, z = corners.mean(axis=1).T
    heights = mesh.points[np.unique(faces), 2]
    middle = heights.min() + HIGH * np.ptp(heights)
    plane = _falciform_x(mesh)
    right = x < plane
    behind, above, below = normals[:, 1], normals[:, 2], normals @ VISCERAL
    return {
        "attached": (behind > FACING) & right & (z > middle),
        "back": (behind > FACING) & right,
        "falciform": (np.abs(x - plane) < STRIP_MM) & (below <= FACING) & (behind <= 0.0),
        "diaphragm": above > FACING,
        "viscera": below > FACING,
        "wall": np.ones(len(faces), bool),
    }


def _falciform_x(mesh: OrganMesh) -> float:
    """Where the sagittal plane lies that has `LEFT_LATERAL_PART` of the volume on its left."""
    middles = mesh.points[mesh.tetrahedra].mean(axis=1)[:, 0]
    order = np.argsort(-middles, kind="stable")
    part = np.cumsum(mesh.volumes_mm3()[order])
    return float(middles[order][np.searchsorted(part, LEFT_LATERAL_PART * part[-1])])
