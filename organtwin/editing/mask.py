"""Keep only what of a structure lies inside, or outside, another one grown by a distance."""

from __future__ import annotations

from organtwin.core.boxes import shared
from organtwin.editing.asking import Asked, Form
from organtwin.editing.ground import Ground
from organtwin.editing.grow import TOLERANCE_MM, within
from organtwin.editing.settling import Turn
from organtwin.editing.tool import Edit
from solvers.contract import Parameter

FORM = Form(
    settings=(
        Parameter(
            "margin_mm", "mm", 0.0, 100.0, "by which the other one is grown", "a choice", 0.0
        ),
    ),
    choices={"keep": ("inside", "outside")},
    other=True,
)


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...]:
    """Return the voxels lost; raises EmptyLabel when either structure has none."""
    margin_mm = asked.numbers["margin_mm"]
    around = ground.box_around(asked.other, margin_mm + TOLERANCE_MM)
    other = ground.labels.mask(asked.other, around)
    if margin_mm > 0:
        other = within(ground, other, margin_mm + TOLERANCE_MM)
    if asked.choices["keep"] == "outside":
        lost = ground.labels.mask(asked.structure, around) & other
        return (Turn(asked.structure, loses=ground.places(lost, around)),)
    box = ground.box_around(asked.structure)
    kept = ~ground.labels.mask(asked.structure, box)
    here, there = shared(box, around)
    kept[here] |= other[there]
    return (Turn(asked.structure, loses=ground.places(~kept, box)),)


EDIT = Edit("mask", "Keep what lies inside or outside another structure", draw, FORM)
