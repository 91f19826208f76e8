"""Plain tissue beside a tumour: darker, as the tumour fades outward over millimetres.

Beside a dark tumour a vein is darker by as much as the tissue around it and is missed when compared
with tissue farther off. How dark the tissue is depends on how far the tumour is: at each distance
it is the median of the image, which veins do not move while they are less than half of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from organtwin.segmenting.frame import Flags
from organtwin.segmenting.morphology import around, depth_mm
from organtwin.segmenting.parenchyma import Parenchyma

SHADE_MM = 5.0
"""Unsourced: past it the sample patient's tissue is no darker; 8 mm finds the same veins."""


def shaded(tissue: Parenchyma, tumours: Flags) -> Parenchyma:
    """The tissue with its level lowered around each connected part of tumours, (ni, nj, nk) bool.

    It is nowhere raised. Distances are taken in steps of the smallest side of a voxel.
    """
    level, step_mm = tissue.level.copy(), min(tissue.spacing_mm)
    parts, count = ndimage.label(tumours)
    for number in range(1, count + 1):
        box = around(parts == number, SHADE_MM + step_mm, tissue.spacing_mm)
        part = tissue.within(box)
        steps = np.rint(depth_mm(parts[box] != number, part.spacing_mm) / step_mm).astype(np.int64)
        near = part.organ & ~tumours[box] & (steps * step_mm <= SHADE_MM)
        seen = np.unique(steps[near])
        if seen.size:
            lower = np.zeros(int(steps.max()) + 1, np.float32)
            darker = ndimage.median(part.hu - part.level, np.where(near, steps, -1), seen)
            lower[seen] = np.minimum(darker, 0.0)
            level[box] += np.where(near, lower[steps], np.float32(0))
    return replace(tissue, level=level)
