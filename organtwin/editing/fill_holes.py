"""Fill what a structure encloses: in space, or in each slice along an axis of the grid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from organtwin.core.volume import voxel_ml_of
from organtwin.editing.asking import Asked, Form
from organtwin.editing.ground import Ground
from organtwin.editing.settling import Turn
from organtwin.editing.tool import Edit
from solvers.contract import Parameter

FORM = Form(
    settings=(
        Parameter("largest_ml", "mL", 0.0, 1e5, "holes up to this; 0 for all", "a choice", 0.0),
    ),
    choices={"along": ("space", "i", "j", "k")},
)


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...]:
    """Return the holes, gained: voxels from which no way over faces leads out of the structure.

    "i", "j" and "k" name the axis of the grid that slices lie across; ways then stay in a slice.
    The edge of the image is outside. Raises EmptyLabel.
    """
    box = ground.box_around(asked.structure)
    empty = np.pad(~ground.labels.mask(asked.structure, box), 1, constant_values=True)
    faces = ndimage.generate_binary_structure(3, 1)
    axis = {"i": 0, "j": 1, "k": 2}.get(asked.choices["along"])
    if axis is not None:
        np.moveaxis(faces, axis, 0)[[0, 2]] = False
    regions, count = ndimage.label(empty, faces)
    hole = np.ones(count + 1, dtype=bool)
    hole[0] = False
    for side in range(3):
        if side != axis:
            ends = np.moveaxis(regions, side, 0)
            hole[ends[[0, -1]].ravel()] = False
    if axis is not None:
        hole[np.moveaxis(regions, axis, 0)[[0, -1]].ravel()] = False
    limit_ml = asked.numbers["largest_ml"]
    if limit_ml > 0:
        sizes = np.bincount(regions.ravel(order="K"), minlength=count + 1)
        hole &= sizes * voxel_ml_of(ground.affine) <= limit_ml
    inner = hole[regions[1:-1, 1:-1, 1:-1]]
    return (Turn(asked.structure, gains=ground.places(inner, box)),)


EDIT = Edit("fill-holes", "Fill holes", draw, FORM)
