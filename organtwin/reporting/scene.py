"""What a 3D picture shows, as plain arrays in LPS mm; `pictures` only draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.scenario import Scenario
from organtwin.reporting.look import Colour

Grid = tuple[NDArray[np.float32], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Shape:
    """One closed surface.

    Args:
        name: of its structure, as the key of the picture says it.
        kind: "organ", "tumour", "vessel" or "other".
        points: (n, 3) float, LPS mm.
        triangles: (f, 3) int, indices into points.
        colour: red, green, blue, each 0..1.
    """

    name: str
    kind: str
    points: NDArray[Any]
    triangles: NDArray[Any]
    colour: Colour


@dataclass(frozen=True, eq=False)
class Scene:
    """An organ and what is done to it.

    Args:
        title: one line above the picture.
        lines: a few short lines below it.
        removed: signed distance in mm to the tissue removed, negative inside, on a grid:
            (ni, nj, nk) float32 and its affine index → LPS mm; None when nothing is.
        contact: "cut" or "zone", "" when nothing is removed.
        probes: entry and target points, LPS mm.
    """

    title: str
    shapes: tuple[Shape, ...]
    removed: Grid | None = None
    contact: str = ""
    probes: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = ()
    lines: tuple[str, ...] = ()


def probes_of(
    scenario: Scenario,
) -> tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]:
    """Return (entry, target) in LPS mm of every action that has a probe."""
    return tuple(
        (tuple(a.arguments["entry_mm"]), tuple(a.arguments["target_mm"]))
        for a in scenario.actions
        if "entry_mm" in a.arguments and "target_mm" in a.arguments
    )
