"""Scene: what a 3D view shows, as plain arrays; views only draw it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]

VIRIDIS: Final = np.array(
    [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ]
)
"""Nine anchors of viridis (S. van der Walt & N. Smith, CC0), safe for the colour-blind."""


BLUE_TO_RED: Final = np.array(
    [
        (59, 76, 192),
        (111, 146, 243),
        (170, 199, 253),
        (221, 220, 220),
        (247, 184, 156),
        (231, 116, 91),
        (180, 4, 38),
    ]
)
"""Seven anchors of K. Moreland's cool to warm (2009, Diverging Color Maps for Scientific
Visualization), made for lit surfaces and told apart by the colour-blind."""


@dataclass(frozen=True)
class Scale:
    """How numbers become colours: viridis from `low` to `high`, in `unit`.

    Args:
        to_green: viridis without its yellow, which is a tumour's.
        diverging: from blue over grey in the middle to red instead, for signed numbers.
    """

    title: str
    unit: str
    low: float
    high: float
    diverging: bool = False
    to_green: bool = False

    @property
    def colours(self) -> NDArray[Any]:
        """(n, 3) red, green, blue 0..255, evenly from low to high."""
        if self.diverging:
            return BLUE_TO_RED
        return VIRIDIS[:7] if self.to_green else VIRIDIS


@dataclass(frozen=True, eq=False)
class Layer:
    """One surface.

    Args:
        points: (n, 3) float, LPS mm.
        triangles: (f, 3) int, indices into points.
        opacity: 0..1; below 1 only the side towards the eye is drawn.
        values: (n,) float in the scale's unit, None for one colour.
        flat: drawn without light (a planned plane).
        edges: the triangles' edges are drawn.
        normals: (n, 3) unit vectors, None to have them worked out.
        caption: line of the view's key, "" for none.
        sought: the eye goes there when the layer comes.
    """

    name: str
    points: NDArray[Any]
    triangles: NDArray[Any]
    colour: Colour
    opacity: float = 1.0
    values: NDArray[Any] | None = None
    flat: bool = False
    edges: bool = False
    normals: NDArray[Any] | None = None
    caption: str = ""
    sought: bool = False


@dataclass(frozen=True, eq=False)
class Scene:
    """Layers with one optional colour scale, and a title."""

    layers: tuple[Layer, ...] = ()
    scale: Scale | None = None
    title: str = ""

    def without(self, names: frozenset[str]) -> Scene:
        """Return the scene without some layers."""
        return replace(self, layers=tuple(x for x in self.layers if x.name not in names))

    def joined(self, layers: tuple[Layer, ...]) -> Scene:
        """Return the scene with more layers; one of the same name takes the place of the old."""
        names = {layer.name for layer in layers}
        kept = tuple(layer for layer in self.layers if layer.name not in names)
        return replace(self, layers=kept + layers)

    def bounds_mm(self) -> tuple[NDArray[np.float64], float]:
        """Return the centre (3,) LPS mm and radius in mm of everything lit."""
        boxes = [
            (layer.points.min(axis=0), layer.points.max(axis=0))
            for layer in self.layers
            if len(layer.points) and not layer.flat
        ]
        if not boxes:
            return np.zeros(3), 100.0
        low = np.min([box[0] for box in boxes], axis=0)
        high = np.max([box[1] for box in boxes], axis=0)
        return (low + high) / 2.0, float(np.linalg.norm(high - low)) / 2.0
