"""Small patients of known shape, for every test that needs labels without an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import LabelMap, Structure, stacked
from organtwin.core.volume import to_lps
from organtwin.organs import organ, tumour

Shape = Callable[[NDArray[np.float64]], NDArray[np.bool_]]

LIVER = organ("liver").structure("liver")
PORTAL = organ("liver").structure("portal-vein")
HEPATIC = organ("liver").structure("hepatic-vein")


def ball(centre_mm: Sequence[float], radius_mm: float) -> Shape:
    """Points (..., 3) LPS mm within `radius_mm` of a centre."""
    return ellipsoid(centre_mm, (radius_mm, radius_mm, radius_mm))


def ellipsoid(centre_mm: Sequence[float], radii_mm: Sequence[float]) -> Shape:
    """Points inside an axis-aligned ellipsoid."""
    return lambda p: (((p - np.array(centre_mm)) / np.array(radii_mm)) ** 2).sum(-1) < 1.0


def tube(start_mm: Sequence[float], end_mm: Sequence[float], radius_mm: float) -> Shape:
    """Points within `radius_mm` of a segment."""
    start, along = np.array(start_mm, dtype=float), np.subtract(end_mm, start_mm)

    def inside(p: NDArray[np.float64]) -> NDArray[np.bool_]:
        t = np.clip((p - start) @ along / (along @ along), 0.0, 1.0)
        return ((p - start - t[..., None] * along) ** 2).sum(-1) < radius_mm**2

    return inside


def either(*shapes: Shape) -> Shape:
    """Points inside any of the shapes."""
    return lambda p: np.any([shape(p) for shape in shapes], axis=0)


def painted(
    shapes: Mapping[Structure, Shape],
    *,
    half_mm: Sequence[float],
    spacing_mm: Sequence[float] = (2.0, 2.0, 2.0),
) -> LabelMap:
    """A LabelMap on a grid centred on the origin, as voxel centres inside each shape."""
    counts = [2 * int(np.ceil(h / s)) + 1 for h, s in zip(half_mm, spacing_mm, strict=True)]
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = [-(n - 1) / 2 * s for n, s in zip(counts, spacing_mm, strict=True)]
    index = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1)
    points = to_lps(affine, index)
    masks = {structure.name: shape(points) for structure, shape in shapes.items()}
    return stacked(masks, tuple(shapes), affine)


def liver_phantom(spacing_mm: Sequence[float] = (2.0, 2.0, 2.0)) -> LabelMap:
    """An ellipsoid liver of 1005 mL with two tumours (radii 14 and 9 mm) and two vessel trees."""
    portal = either(
        tube((0, 20, -45), (0, 0, -5), 6.0),
        tube((0, 0, -5), (-45, 0, 15), 4.0),
        tube((0, 0, -5), (45, -5, 10), 4.0),
        tube((-45, 0, 15), (-65, 15, 20), 2.5),
        tube((-45, 0, 15), (-60, -18, 20), 2.5),
    )
    hepatic = either(
        tube((10, 20, 38), (-30, 15, 12), 5.0),
        tube((-30, 15, 12), (-55, 20, -10), 3.0),
        tube((10, 20, 38), (35, 0, -10), 4.0),
    )
    return painted(
        {
            LIVER: ellipsoid((0, 0, 0), (80, 60, 50)),
            PORTAL: portal,
            HEPATIC: hepatic,
            tumour(1, "liver"): ball((-48, -12, -10), 14.0),
            tumour(2, "liver"): ball((40, 15, 20), 9.0),
        },
        half_mm=(90, 70, 60),
        spacing_mm=spacing_mm,
    )
