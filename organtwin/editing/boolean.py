"""Join a structure with another: union, intersection, difference, copy."""

from __future__ import annotations

from organtwin.core.boxes import bounding
from organtwin.editing.asking import Asked, Form
from organtwin.editing.ground import Ground
from organtwin.editing.settling import Turn
from organtwin.editing.tool import Edit

FORM = Form(
    choices={"how": ("union", "intersect", "subtract", "copy")}, other=True, overlapping=True
)


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...]:
    """Return what the structure gains and loses to be its union with another, and so on.

    The other structure stays as it is unless `overlapping` is said to be false. Raises EmptyLabel
    when the other has no voxels.
    """
    how = asked.choices["how"]
    boxes = [ground.box_around(asked.other)]
    if ground.labels.volume_ml(asked.structure) > 0:
        boxes.append(ground.box_around(asked.structure))
    box = bounding(boxes)
    one = ground.labels.mask(asked.structure, box)
    other = ground.labels.mask(asked.other, box)
    gains = ground.places(other & ~one, box) if how in ("union", "copy") else None
    loses = {"intersect": one & ~other, "copy": one & ~other, "subtract": one & other}.get(how)
    turns = []
    if loses is not None:
        turns.append(Turn(asked.structure, loses=ground.places(loses, box)))
    if gains is not None:
        turns.append(Turn(asked.structure, gains=gains))
    return tuple(turns)


EDIT = Edit("boolean", "Join with another structure", draw, FORM)
