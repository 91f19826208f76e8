"""A straight way for a probe to a tumour, and the zone that covers it."""

from __future__ import annotations

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
SKIN_HU, GAS_HU, BONE_HU = -300.0, -400.0, 250.0
"""HU that tell air from skin, gas inside the body, and bone (coarse, for CT only)."""


@dataclass(frozen=True)
class Probe:
    """A probe's way and its zone; points in LPS mm, half-axes in mm.

    Args:
        findings: what the way could not avoid, one line each.
    """

    entry_mm: tuple[float, float, float]
    target_mm: tuple[float, float, float]
    along_mm: float
    across_mm: float
    findings: tuple[str, ...] = ()


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
    target = 0.5 * (surface.min(axis=0) + surface.max(axis=0))
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
    findings = (
        ("no straight way is free of vessels, bone, gas or the back",) if costs[best] >= 1.5 else ()
    )
    x, y, z = ways[best, entry[best]]
    u, v, w = target
    return Probe(
        (float(x), float(y), float(z)), (float(u), float(v), float(w)), along, across, findings
    )


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

    Starts from the surface's extents plus the margin and grows both alike until the smallest
    distance from the surface to the zone's border is the margin, rounded up to half millimetres.
    """
    offset = surface_mm - centre_mm
    along = float(np.abs(offset @ axis).max()) + margin_mm
    across = float(np.linalg.norm(offset - np.outer(offset @ axis, axis), axis=1).max()) + margin_mm
    growth = 0.0
    while True:
        halves = np.ceil(2.0 * np.array([along + growth, across + growth]) - 1e-6) / 2.0
        reached = spheroid_distance_mm(
            surface_mm, centre_mm, axis, along_mm=float(halves[0]), across_mm=float(halves[1])
        )
        if float(reached.max()) <= -margin_mm + 1e-6:
            return float(halves[0]), float(halves[1])
        growth += 0.5
