"""What a name that a person gives a structure of a case stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from organtwin.core.canvas import Canvas
from organtwin.core.case import Case
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import Structure
from organtwin.core.names import same_name
from organtwin.organs import organ


def new_structure(
    case: Case,
    canvas: Canvas,
    name: str,
    within: str | None,
    *,
    colour: Sequence[float] | None,
) -> Structure:
    """Return the structure that a person adds by a name.

    Args:
        within: what contains it, "" for nothing; that of the organ's page without.
        colour: red, green, blue, each 0..1; that of the page without.

    Raises:
        BadArgument: no name for a structure, no such container, or no colour.
    """
    from organtwin.editing.structures import colour_of
    from organtwin.segmenting.naming import named

    found = named([name], organ(case.organ), canvas.labels)
    if not found:
        raise BadArgument(f"{name!r} is no name for a structure", where="structure")
    made = found[0]
    if within is not None:
        made = replace(made, within=canvas.labels.structure(within).name if within else "")
    if colour is not None:
        made = replace(made, colour=colour_of(colour))
    return made


def term_of(case: Case, canvas: Canvas, name: str, to: str) -> Structure:
    """Return what a structure is under a new name; what is only spelled otherwise it stays."""
    from organtwin.segmenting.naming import named

    old = canvas.labels.structure(name)
    one, other = (re.sub(r"[\W_]+", "", same_name(n)) for n in (name, to))
    found = named([to], organ(case.organ), None)
    return old if one == other or not found else found[0]
