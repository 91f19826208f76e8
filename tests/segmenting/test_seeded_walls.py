from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

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


@pytest.mark.parametrize("spacing_mm", [(3.0, 3.0, 3.0), (0.8, 0.8, 2.5)])
def test_that_a_blurred_ball_keeps_its_volume(spacing_mm: tuple[float, float, float]) -> None:
    radius_mm, shape = 25.0, tuple(int(90.0 / s) for s in spacing_mm)
    axes = [np.arange(n) * s - 45.0 for n, s in zip(shape, spacing_mm, strict=True)]
    x, y, z = np.ix_(*axes)
    ball = np.sqrt(x * x + y * y + z * z) < radius_mm
    random = np.random.default_rng(0)
    image = ndimage.gaussian_filter(np.where(ball, 100.0, -100.0), [1.5 / s for s in spacing_mm])
    image = (image + random.normal(0.0, 10.0, shape)).astype(np.float32)
    i, j, k = (n // 2 for n in shape)
    seeds = np.array([[n, j, k] for n in range(i - 4, i + 5)])
    field = field_of(image, spacing_mm, {"ball": seeds, "background": np.array([[0, 0, 0]])})
    found = field.outlined(field.block(ball))
    volume_mm3 = found.sum() * np.prod(spacing_mm)
    # Within 2 %: 0.17 mm of the radius.
    assert volume_mm3 == pytest.approx(4.0 / 3.0 * np.pi * radius_mm**3, rel=0.02)


def test_that_a_border_does_not_pass_a_thin_dark_sheet() -> None:
    random = np.random.default_rng(0)
    image = random.normal(40.0, 5.0, (40, 40, 40)).astype(np.float32)
    image[20] -= 40.0
    image[:, :4], image[:, 36:] = -100.0, -100.0
    seeds = np.array([[i, 20, 20] for i in range(6, 15)])
    field = field_of(image, SPACING_MM, {"liver": seeds, "background": np.array([[30, 20, 20]])})
    inside = np.zeros(field.image.shape, bool)
    inside[4 : 20 - field.box[0].start, 4:36, 4:36] = True
    assert not field.outlined(inside)[20:, 8:32, 8:32].any()
