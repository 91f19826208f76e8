"""Erase a structure with a ball or a disc drawn along a line."""

from __future__ import annotations

from organtwin.editing.asking import Asked
from organtwin.editing.ground import Ground
from organtwin.editing.settling import Turn
from organtwin.editing.strokes import BRUSH, stroke
from organtwin.editing.tool import Edit


def draw(ground: Ground, asked: Asked) -> tuple[Turn, ...]:
    """Return the places under the brush, lost; raises BadArgument as `stroke`."""
    return (Turn(asked.structure, loses=stroke(ground, asked)),)


EDIT = Edit("erase", "Erase with a brush", draw, BRUSH, quick=True)
