from __future__ import annotations

import numpy as np

from organtwin.segmenting.field import field_of
from organtwin.segmenting.necks import bulk
from organtwin.segmenting.walls import relief_of

SPACING_MM = (3.0, 3.0, 3.0)


def test_that_a_dark_sheet_thinner_than_a_voxel_is_a_wall() -> None:
    random = np.random.default_rng(0)
    image = random.normal(40.0, 5.0, (40, 40, 40)).astype(np.float32)
    image[20] -= 30.0
    inside = np.zeros(image.shape, bool)
    inside[5:15, 5:35, 5:35] = True
    walls = relief_of(image).walls(inside)
    assert (walls[20, 5:35, 5:35] > 0.0).mean() > 0.95
    # 99 of 100 voxels of noise lie below 3 medians, for steepness and for dips.
    assert (walls[inside] > 0.0).mean() < 0.03


def test_that_a_ball_on_a_neck_half_as_thick_is_cut_off() -> None:
    i, j, k = np.ogrid[:60, :40, :40]
    seeded = np.sqrt((i - 16) ** 2 + (j - 20) ** 2 + (k - 20) ** 2) <= 12
    other = np.sqrt((i - 42) ** 2 + (j - 20) ** 2 + (k - 20) ** 2) <= 12
    neck = (np.hypot(j - 20, k - 20) <= 3) & (i > 16) & (i < 42)
    mask = seeded | other | neck
    random = np.random.default_rng(0)
    image = (np.where(mask, 40.0, -100.0) + random.normal(0.0, 10.0, mask.shape)).astype(np.float32)
    seeds = np.argwhere(seeded & (j == 20) & (k == 20))
    marks = {"spleen": seeds, "background": np.array([[1, 1, 1], [58, 38, 38]])}
    kept = bulk(mask, seeds, field_of(image, SPACING_MM, marks))
    assert (kept & seeded).sum() > 0.97 * seeded.sum()
    assert not (kept & other & ~neck & (i > 32)).any()
