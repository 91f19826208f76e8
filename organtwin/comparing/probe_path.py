"""A straight way for a probe to a tumour, and the zone that covers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.actions.spheroid import spheroid_distance_mm
from organtwin.comparing.anatomy import Anatomy
from organtwin.comparing.plane_search import sphere_directions
from organtwin.comparing.vessels import HEAT_SINK_MM
from organtwin.core.errors import BadArgument
from organtwin.core.volume import Volume, to_index

DIRECTIONS = 800
STEP_MM = 2.0
REACH_MM = 320.0
CLEARANCE_MM = 3.0
"""Least distance of the probe's axis to the wall of a vessel over 3 mm (a choice of this
program)."""
TUMOUR_CLEARANCE_MM = 5.0
ZONE_SEARCH_MM = 12.0
SKIN_HU, GAS_HU, BONE_HU = -300.0, -400.0, 250.0
"""HU that tell air from skin, gas inside the body, and bone (coarse, for CT only)."""


@dataclass(frozen=True)
class Probe:
    """A probe's way and its zone; points in LPS mm, half-axes in mm."""

    entry_mm: tuple[float, float, float]
    target_mm: tuple[float, float, float]
    along_mm: float
    across_mm: float


def probe_to(
    anatomy: Anatomy, tumour: str, *, margin_mm: float = 5.0, volume: Volume | None = None
) -> Probe:
    """Return the shortest straight way that keeps clear of wide vessels and other tumours.

    With a CT volume the way starts at the skin and passes neither gas nor bone; without one it
    starts at the organ's surface. Ways from the back are taken only when no other is free.

    Raises:
        BadArgument: the organ has no such tumour, or the volume is no CT.
    """
    if tumour not in anatomy.surfaces_mm:
        raise BadArgument(f"no tumour {tumour!r} in the {anatomy.organ}")
    if volume is not None and volume.unit != "HU":
        raise BadArgument("a probe's way through the body needs a CT in HU", where=volume.unit)
    surface = anatomy.surfaces_mm[tumour]
    target = middle_of(surface)
    directions = sphere_directions(DIRECTIONS)
    steps = np.arange(0.0, REACH_MM, STEP_MM)
    ways = target + steps[None, :, None] * directions[:, None, :]
    inside = _sampled(anatomy.mask.astype(np.float32), anatomy.affine, ways, outside=0.0) > 0.5
    capsule = inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    entry, blocked = (
        (capsule, np.zeros(len(ways), bool)) if volume is None else _skin(volume, ways, inside)
    )
    travelled = np.arange(len(steps)) <= entry[:, None]
    costs = steps[entry] / REACH_MM + 4.0 * blocked + 0.5 * (directions[:, 1] > 0.5)
    costs += 2.0 * _too_near(anatomy, tumour, ways, travelled)
    best = int(costs.argmin())
    along, across = covering_zone(surface, target, -directions[best], margin_mm=margin_mm)
    x, y, z = ways[best, entry[best]]
    u, v, w = target
    return Probe((float(x), float(y), float(z)), (float(u), float(v), float(w)), along, across)


def way_warnings(
    anatomy: Anatomy,
    entry_mm: Sequence[float],
    target_mm: Sequence[float],
    *,
    volume: Volume | None = None,
) -> tuple[str, ...]:
    """Return one line for each thing a probe's way should not pass.

    Args:
        volume: the CT of the anatomy's frame; without it gas and bone cannot be told.
    """
    start, end = np.array(entry_mm, dtype=float), np.array(target_mm, dtype=float)
    count = max(int(np.linalg.norm(end - start)) * 2, 2)
    way = start + np.linspace(0.0, 1.0, count)[:, None] * (end - start)
    found = []
    for tree in anatomy.trees:
        wide = tree.calibre_mm > HEAT_SINK_MM
        if not wide.any():
            continue
        gap = float(cKDTree(tree.points_mm[wide]).query(way)[0].min()) - 0.5 * anatomy.voxel_mm
        if gap < CLEARANCE_MM:
            found.append(
                f"the probe's way passes the {tree.name} (over {HEAT_SINK_MM:g} mm wide) at "
                f"{max(gap, 0.0):.1f} mm"
            )
    if volume is not None and volume.unit == "HU":
        inside = _sampled(anatomy.mask.astype(np.float32), anatomy.affine, way, outside=0.0) > 0.5
        voxels = np.asarray(volume.voxels, np.float32)
        values = _sampled(voxels, volume.affine, way, outside=np.nan)[~inside]
        if (values[5:] < GAS_HU).any():
            found.append(f"the probe's way passes gas (below {GAS_HU:g} HU) inside the body")
        if (values > BONE_HU).any():
            found.append(f"the probe's way passes bone (above {BONE_HU:g} HU)")
    return tuple(found)


def _sampled(
    array: NDArray[np.float32],
    affine: NDArray[np.float64],
    points_mm: NDArray[np.float64],
    *,
    outside: float,
) -> NDArray[np.float32]:
    """Return an array's values at points (..., 3), linear between voxels."""
    index = np.moveaxis(to_index(affine, points_mm), -1, 0)
    result: NDArray[np.float32] = ndimage.map_coordinates(
        array, index, order=1, mode="constant", cval=outside
    )
    return result


def _skin(
    volume: Volume, ways: NDArray[np.float64], inside: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return, per way, the last step before the air outside, and whether gas or bone is passed.

    A way that leaves the image before it leaves the body is blocked too.
    """
    values = _sampled(np.asarray(volume.voxels, np.float32), volume.affine, ways, outside=np.nan)
    body = values > SKIN_HU
    entry = body.shape[1] - 1 - body[:, ::-1].argmax(axis=1)
    before = np.arange(body.shape[1]) < entry[:, None]
    gas = (before & (values < GAS_HU)).any(axis=1)
    bone = (before & ~inside & (values > BONE_HU)).any(axis=1)
    after = np.take_along_axis(values, np.minimum(entry + 1, values.shape[1] - 1)[:, None], 1)[:, 0]
    return entry, gas | bone | np.isnan(after)


def _too_near(
    anatomy: Anatomy,
    tumour: str,
    ways: NDArray[np.float64],
    travelled: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return (d,) bool: the way passes a vessel over 3 mm or another tumour too closely.

    The last stretch inside the target tumour counts too: a vessel there is as much at risk.
    """
    bad = np.zeros(len(ways), dtype=bool)
    obstacles = [(s, TUMOUR_CLEARANCE_MM) for n, s in anatomy.surfaces_mm.items() if n != tumour]
    for tree in anatomy.trees:
        wide = tree.calibre_mm > HEAT_SINK_MM
        if wide.any():
            obstacles.append((tree.points_mm[wide], CLEARANCE_MM + 0.5 * anatomy.voxel_mm))
    for points, clearance in obstacles:
        distance, _ = cKDTree(points).query(ways, distance_upper_bound=clearance)
        bad |= (np.isfinite(distance) & travelled).any(axis=1)
    return bad


def covering_zone(
    surface_mm: NDArray[np.float64],
    centre_mm: NDArray[np.float64],
    axis: NDArray[np.float64],
    *,
    margin_mm: float,
) -> tuple[float, float]:
    """Return the half-axes (along, across; mm) of the spheroid that holds a surface with a margin.

    No half-axis can be shorter than the surface's extent along it plus the margin; from there
    up, in half millimetres, the pair of least volume is taken.
    """
    offset = surface_mm - centre_mm
    height = offset @ axis
    along = float(np.abs(height).max()) + margin_mm
    across = float(np.linalg.norm(offset - np.outer(height, axis), axis=1).max()) + margin_mm
    least = np.ceil(2.0 * np.array([along, across]) - 1e-6) / 2.0
    best: tuple[float, float] | None = None
    for longer in np.arange(0.0, ZONE_SEARCH_MM, 1.0):
        wide = float(least[1])
        while best is None or (least[0] + longer) * wide**2 < best[0] * best[1] ** 2:
            reached = spheroid_distance_mm(
                surface_mm, centre_mm, axis, along_mm=float(least[0] + longer), across_mm=wide
            )
            if float(reached.max()) <= -margin_mm + 1e-6:
                best = (float(least[0] + longer), wide)
                break
            wide += 0.5
    assert best is not None
    return best


def middle_of(surface_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (3,) LPS mm: about the centre of the smallest ball around a surface.

    Bădoiu & Clarkson 2003, "Smaller core-sets for balls": step toward the farthest point, each
    step shorter.
    """
    centre = surface_mm.mean(axis=0)
    for step in range(2, 400):
        farthest = surface_mm[((surface_mm - centre) ** 2).sum(axis=1).argmax()]
        centre = centre + (farthest - centre) / step
    return centre
