"""The plane that takes a tumour with a margin and leaves the most of the organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.comparing.anatomy import Anatomy
from organtwin.comparing.surfaces import centres_mm
from organtwin.core.errors import BadArgument

DIRECTIONS = 600
SAMPLES = 20_000
OTHER_TUMOUR_MM = 2.0
"""A plane keeps at least this far from tumours it does not aim at, where one can."""


@dataclass(frozen=True)
class Plane:
    """A point (LPS mm) of a plane and its unit normal toward the part removed."""

    point_mm: tuple[float, float, float]
    normal: tuple[float, float, float]


def sphere_directions(count: int) -> NDArray[np.float64]:
    """Return (count, 3) unit vectors spread evenly over the sphere (Fibonacci lattice)."""
    k = np.arange(count) + 0.5
    z = 1.0 - 2.0 * k / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * k
    across = np.sqrt(1.0 - z**2)
    return np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)


def resection_plane(anatomy: Anatomy, tumour: str, *, margin_mm: float = 10.0) -> Plane:
    """Return the best plane of a search over directions.

    For every direction the plane lies as far out as the margin to the tumour's surface allows, so
    the search has two unknowns. It keeps the most organ among the planes that leave the vessel
    trees' trunks and cut no other tumour, or break the fewest of these where none can.

    Raises:
        BadArgument: the organ has no such tumour.
    """
    if tumour not in anatomy.surfaces_mm:
        raise BadArgument(
            f"no tumour {tumour!r} in the {anatomy.organ}",
            advice="there are: " + ", ".join(anatomy.surfaces_mm),
        )
    organ_mm = centres_mm(anatomy.mask, anatomy.affine)
    organ_mm = organ_mm[:: max(1, len(organ_mm) // SAMPLES)]

    def costs(normals: NDArray[np.float64]) -> NDArray[np.float64]:
        return _costs(normals, anatomy, organ_mm=organ_mm, tumour=tumour, margin_mm=margin_mm)

    candidates = sphere_directions(DIRECTIONS)
    best = candidates[costs(candidates).argmin()]
    for width in (0.08, 0.025, 0.008):
        nearby = best + width * sphere_directions(60)
        nearby = np.vstack([best, nearby / np.linalg.norm(nearby, axis=1, keepdims=True)])
        best = nearby[costs(nearby).argmin()]
    offset = float((anatomy.surfaces_mm[tumour] @ best).min()) - margin_mm
    centre = anatomy.surfaces_mm[tumour].mean(axis=0)
    x, y, z = centre + (offset - centre @ best) * best
    a, b, c = best
    return Plane((float(x), float(y), float(z)), (float(a), float(b), float(c)))


def _costs(
    normals: NDArray[np.float64],
    anatomy: Anatomy,
    *,
    organ_mm: NDArray[np.float64],
    tumour: str,
    margin_mm: float,
) -> NDArray[np.float64]:
    """Return (d,) fraction of the organ removed, plus 1 for each trunk or other tumour cut."""
    offsets = (anatomy.surfaces_mm[tumour] @ normals.T).min(axis=0) - margin_mm
    costs: NDArray[np.float64] = (organ_mm @ normals.T > offsets).mean(axis=0)
    for tree in anatomy.trees:
        main = tree.trunks[tree.inscribed_mm[tree.trunks].argmax()]
        costs += tree.points_mm[main] @ normals.T > offsets
    for name, surface in anatomy.surfaces_mm.items():
        if name != tumour:
            along = surface @ normals.T - offsets
            costs += (along.min(axis=0) < OTHER_TUMOUR_MM) & (along.max(axis=0) > -OTHER_TUMOUR_MM)
    return costs
