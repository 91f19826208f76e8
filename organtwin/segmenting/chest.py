"""The chest wall: a surface stretched over the insides of the ribs.

Muscle between the ribs touches the liver and is as bright as it without contrast; ribs are seen in
any CT. The surface is taken as distance from the body's axis over angle and height, straight from
rib to rib (linear over a Delaunay triangulation), and only near ribs: what bulges out under the
costal arch is not cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import LinearNDInterpolator

from organtwin.segmenting.frame import Flags, Spacing
from organtwin.segmenting.morphology import dilated, opened

THICK_MM = 6.0
"""Ribs are thinner than twice that; vertebrae, kidneys and great vessels are not."""
NEAR_RIB_MM = 25.0
"""Ribs lie 20 to 40 mm apart from middle to middle."""
DIAPHRAGM_MM = 3.0
"""The diaphragm on the ribs is 2 to 4 mm thick by ultrasound (Boussuges et al. 2021)."""
BESIDE_SPINE_MM = 45.0
STEP = np.deg2rad(2.0)
TURNS = 180
LEAST_OUT = 0.65
"""Ribs lie outside this share of the way from the body's axis to the skin; bowel and kidneys that
contrast makes as bright lie inside it."""
RIBS_AWAY_MM = 100.0
RIB_MM = 25.0
"""Ribs of one neighbourhood lie no farther in than this from the outermost."""
FEWEST = 100


def chest_wall(bone: Flags, body: Flags, spine_i: float, spacing_mm: Spacing) -> Flags:
    """Voxels (ni, nj, nk) outside the inner surface of the ribs, less the diaphragm on it.

    Args:
        bone: as bright as bone.
        body: the patient.
        spine_i: index i of the spine's middle.
    """
    none = np.zeros_like(bone)
    thick = dilated(opened(bone, THICK_MM, spacing_mm), THICK_MM, spacing_mm)
    i, j, k = np.nonzero(bone & ~thick)
    if i.size < FEWEST:
        return none
    middle = [float(np.average(np.arange(n), weights=body.sum(axis=a))) for n, a in _axes(body)]
    flat = np.indices(bone.shape[:2])
    turn_of, away_of = _polar(flat[0], flat[1], middle, spacing_mm)
    turn, away = turn_of[i, j], away_of[i, j]
    skin = np.zeros((TURNS, bone.shape[2]))
    place = np.nonzero(body)
    np.maximum.at(skin, (turn_of[place[:2]], place[2]), away_of[place[:2]])
    lateral = (np.abs(i - spine_i) * spacing_mm[0] > BESIDE_SPINE_MM) | (j < middle[1])
    outermost = np.zeros_like(skin)
    rib = lateral & (away > LEAST_OUT * skin[turn, k])
    np.maximum.at(outermost, (turn[rib], k[rib]), away[rib])
    size = (round(2.0 * NEAR_RIB_MM / RIBS_AWAY_MM / STEP) + 1,
            round(2.0 * NEAR_RIB_MM / spacing_mm[2]) + 1)  # fmt: skip
    outermost = ndimage.maximum_filter(outermost, size, mode=("wrap", "nearest"))
    rib &= away > outermost[turn, k] - RIB_MM
    inner = np.full_like(skin, np.inf)
    np.minimum.at(inner, (turn[rib], k[rib]), away[rib])
    surface = _stretched(inner, spacing_mm[2])
    outside: Flags = away_of[:, :, None] > surface[turn_of] - DIAPHRAGM_MM
    return outside


def _axes(body: Flags) -> tuple[tuple[int, tuple[int, int]], tuple[int, tuple[int, int]]]:
    return (body.shape[0], (1, 2)), (body.shape[1], (0, 2))


def _polar(
    i: NDArray[np.intp], j: NDArray[np.intp], middle: list[float], spacing_mm: Spacing
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Angle (in steps) and distance (mm) from the body's axis."""
    x, y = (i - middle[0]) * spacing_mm[0], (j - middle[1]) * spacing_mm[1]
    turn = np.floor((np.arctan2(y, x) + np.pi) / STEP).astype(np.intp) % TURNS
    return turn, np.hypot(x, y)


def _stretched(inner: NDArray[np.float64], step_mm: float) -> NDArray[np.float64]:
    """Distance over angle and height, straight between ribs; infinite far from any."""
    seen = np.isfinite(inner)
    if seen.sum() < FEWEST:
        return np.full_like(inner, np.inf)
    arc_mm = STEP * float(np.median(inner[seen]))
    turns = len(inner)
    around = np.concatenate([inner, inner, inner])
    near = ndimage.distance_transform_edt(np.isinf(around), sampling=(arc_mm, step_mm))
    a, k = np.nonzero(np.isfinite(around))
    kept = (a >= turns // 2) & (a < turns * 5 // 2)
    points = np.stack([a[kept] * arc_mm, k[kept] * step_mm], axis=1)
    stretched = LinearNDInterpolator(points, around[a[kept], k[kept]], fill_value=np.inf)
    places = np.indices(inner.shape).astype(np.float64)
    found = stretched((places[0] + turns) * arc_mm, places[1] * step_mm)
    return np.where(near[turns : 2 * turns] <= NEAR_RIB_MM, found, np.inf)
