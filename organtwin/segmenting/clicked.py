"""Clicks on vessels: how much they moved between both trees, and which lie on no vessel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import voxel_ml_of
from organtwin.segmenting import BACKGROUND, Request
from organtwin.segmenting.closeup import Grid
from organtwin.segmenting.frame import Flags, Spacing
from organtwin.segmenting.morphology import Box
from organtwin.segmenting.remarks import Remark
from organtwin.segmenting.veins import SNAP_MM

NOTHING = "has a point that lies on no vessel, which moved nothing,"
LACKING = 30.0
DOUBT = (
    "may lack branches: of the sample patient's trees up to three tenths of the centreline were "
    "not in their label (docs/segmenting.md), check every branch"
)


def tell_doubt(name: str, request: Request) -> None:
    """Tell of a tree how much of such trees was missed where that is known."""
    request.look(Remark(name, "accuracy", DOUBT, LACKING, "%"))


def tell_beside(vessels: Flags, grid: Grid, box: Box, request: Request) -> None:
    """Tell each point of a tree that is farther from every vessel than a click reaches.

    Args:
        vessels: (ni, nj, nk) bool, in `box` of the grid.
    """
    reach_mm = max(SNAP_MM, *grid.spacing_mm)
    for name, points in request.seeds.points.items():
        for x, y, z in points if name != BACKGROUND else ():
            hit = np.argwhere(grid.voxels(np.array([[x, y, z]]), box))
            if not len(hit) or not _near(vessels, hit[0], grid.spacing_mm, reach_mm):
                request.look(Remark(name, "reach", NOTHING, 0.0, "mL", (x, y, z)))


def tell_moved(made: LabelMap, names: tuple[str, str], request: Request) -> None:
    """Note how much changed from one tree to the other, where there were two and seeds are."""
    before = request.labels
    known = {s.name for s in before.structures} if before is not None else set()
    if before is None or not {*names} <= known or not {*request.seeds.names} & {*names}:
        return
    said = []
    after = {s.name for s in made.structures}
    for source, target in (names, names[::-1]):
        moved = before.mask(source) & made.mask(target) if target in after else np.zeros(1, bool)
        ml = float(np.count_nonzero(moved)) * voxel_ml_of(made.affine)
        if ml >= 0.005:
            said.append(f"{ml:.2f} mL moved from {source} to {target}")
    request.note(", ".join(said) or f"nothing moved between {names[0]} and {names[1]}")


def _near(vessels: Flags, at: NDArray[np.int64], spacing: Spacing, reach_mm: float) -> bool:
    """Whether a vessel is within reach of a voxel (3,)."""
    steps = np.ceil(reach_mm / np.array(spacing)).astype(int)
    start = np.maximum(at - steps, 0)
    window = tuple(slice(a, b) for a, b in zip(start, at + steps + 1, strict=True))
    away = (np.argwhere(vessels[window]) + start - at) * spacing
    return bool((np.linalg.norm(away, axis=1) <= reach_mm).any())
