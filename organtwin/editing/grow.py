"""Grow or shrink a structure by a distance in mm, exact on any grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.volume import to_lps
from organtwin.editing.asking import Asked, Form
from organtwin.editing.ground import Ground
from organtwin.editing.settling import Turn
from organtwin.editing.tool import Edit
from solvers.contract import Parameter

TOLERANCE_MM = 1e-6
FORM = Form(
    settings=(
        Parameter("by_mm", "mm", -100.0, 100.0, "outwards; inwards where negative", "a choice"),
    ),
)


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...]:
    """Return the voxels gained, or lost, whose centres lie within a distance of the other side.

    The distance is from a voxel's centre to the nearest centre on the other side of the surface.
    What lies beyond the image is not known: a structure is not shrunk from its edge.

    Raises:
        EmptyLabel: the structure has no voxels.
        BadArgument: the distance is 0.
    """
    by_mm = asked.numbers["by_mm"]
    if by_mm == 0.0:
        raise BadArgument("a distance other than 0 mm is needed", where="by_mm")
    reach_mm = abs(by_mm) + TOLERANCE_MM
    box = ground.box_around(asked.structure, reach_mm if by_mm > 0 else max(ground.spacing_mm))
    mask = ground.labels.mask(asked.structure, box)
    if by_mm > 0:
        near = within(ground, mask, reach_mm) & ~mask
        return (Turn(asked.structure, gains=ground.places(near, box)),)
    near = within(ground, ~mask, reach_mm) & mask
    return (Turn(asked.structure, loses=ground.places(near, box)),)


def within(ground: Ground, mask: NDArray[np.bool_], reach_mm: float) -> NDArray[np.bool_]:
    """Return where the nearest voxel of `mask` (part of the grid) is at most a distance away."""
    if not mask.any():
        return np.zeros_like(mask)
    if ground.upright:
        distance = ndimage.distance_transform_edt(~mask, sampling=ground.spacing_mm)
        near: NDArray[np.bool_] = distance <= reach_mm
        return near
    from scipy.spatial import KDTree

    surface = mask & ~ndimage.binary_erosion(mask, border_value=1)
    tree = KDTree(to_lps(ground.affine, np.argwhere(surface)))
    result = mask.copy()
    rest = np.argwhere(~mask)
    found, _ = tree.query(
        to_lps(ground.affine, rest), distance_upper_bound=reach_mm * (1 + 1e-12), workers=1
    )
    result[tuple(rest[found <= reach_mm].T)] = True
    return result


EDIT = Edit("grow", "Grow or shrink by a distance", draw, FORM)
