"""Give a structure everything in a range of values, within another structure or everywhere."""

from __future__ import annotations

import numpy as np

from organtwin.core.errors import BadArgument
from organtwin.editing.asking import Asked
from organtwin.editing.ground import Ground
from organtwin.editing.settling import Turn
from organtwin.editing.tool import Edit


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...]:
    """Return the voxels in range, gained.

    Raises:
        BadArgument: no range, or no image.
        EmptyLabel: the structure to work inside has no voxels.
    """
    if not asked.ranged:
        raise BadArgument("a range of values is needed", where="low, high")
    if ground.volume is None:
        raise BadArgument("an image is needed for a range of values", where="low, high")
    box = ground.box_around(asked.inside) if asked.inside else ground.everywhere()
    values = ground.volume.voxels[box]
    met = np.ones(values.shape, dtype=bool, order="F")
    if asked.low is not None:
        met &= values >= asked.low
    if asked.high is not None:
        met &= values <= asked.high
    if asked.inside:
        met &= ground.labels.mask(asked.inside, box)
    return (Turn(asked.structure, gains=ground.places(met, box)),)


EDIT = Edit("threshold", "Everything in a range of values", draw)
