from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.organs import organ, tumour
from organtwin.segmenting import Request, Seeds, method
from tests.segmenting.abdomen import dice

LIVER = organ("liver")
SIZE, TISSUE, NOISE = 60, 100.0, 6.0
MM = 1.5
Centre = tuple[float, float, float]


def ball(centre: Centre, radius_mm: float) -> np.ndarray:
    axes = np.ogrid[:SIZE, :SIZE, :SIZE]
    return sum((a * MM - c) ** 2 for a, c in zip(axes, centre, strict=True)) <= radius_mm**2


def seen(values: np.ndarray, modality: str = "CT") -> Volume:
    """The picture, blurred by 1 mm, with noise, as LPS voxels of 1.5 mm."""
    noise = np.random.default_rng(3).normal(0.0, NOISE, values.shape)
    image = ndimage.gaussian_filter(values, 1.0 / MM) + noise
    affine = np.diag([MM, MM, MM, 1.0])
    report = GeometryReport((MM,) * 3, "LPS")
    unit = "HU" if modality == "CT" else "1"
    return Volume(np.asfortranarray(image.astype(np.float32)), affine, unit, modality, report)


def line(centre: Centre, radius_mm: float) -> tuple[Centre, Centre]:
    x, y, z = centre
    return (x - radius_mm, y, z), (x + radius_mm, y, z)


def drawn(volume: Volume, seeds: Seeds, labels: LabelMap | None = None) -> LabelMap:
    return method("tumour-click").labelled(Request(volume, LIVER, seeds, labels), Watch())


def liver(mask: np.ndarray, volume: Volume) -> LabelMap:
    return LabelMap(mask.astype(np.uint8), volume.affine, (LIVER.structure("liver"),))


MIDDLE: Centre = (45.0, 45.0, 45.0)


@pytest.mark.parametrize(("value", "modality"), [(55.0, "CT"), (150.0, "MR")])
@pytest.mark.parametrize("radius_mm", [8.0, 14.0])
def test_that_one_line_is_enough_and_keeps_the_volume(
    value: float, modality: str, radius_mm: float
) -> None:
    truth = ball(MIDDLE, radius_mm)
    volume = seen(np.where(truth, value, TISSUE), modality)
    found = drawn(volume, Seeds(diameters={"tumour-1": line(MIDDLE, radius_mm)}))
    assert dice(found.mask("tumour-1"), truth) > 0.93
    assert found.mask("tumour-1").sum() == pytest.approx(truth.sum(), rel=0.05)


def test_that_a_click_and_a_line_off_by_two_mm_find_the_same_tumour() -> None:
    truth = ball(MIDDLE, 12.0)
    volume = seen(np.where(truth, 55.0, TISSUE))
    off = line((46.5, 44.0, 46.0), 13.0)
    found = drawn(volume, Seeds({"tumour-1": ((49.0, 45.0, 45.0),)}, diameters={"tumour-1": off}))
    assert dice(found.mask("tumour-1"), truth) > 0.93


@pytest.mark.parametrize("inside", [20.0, 100.0])
def test_that_a_ring_with_a_dark_or_a_plain_inside_is_one_tumour(inside: float) -> None:
    truth = ball(MIDDLE, 14.0)
    picture = np.where(truth, 160.0, TISSUE)
    picture[ball(MIDDLE, 9.0)] = inside
    found = drawn(seen(picture), Seeds(diameters={"tumour-1": line(MIDDLE, 14.0)}))
    assert dice(found.mask("tumour-1"), truth) > 0.9


def test_that_a_tumour_bulging_out_of_the_organ_is_outlined_whole() -> None:
    organ_mask, centre = ball((45.0, 45.0, 45.0), 38.0), (76.0, 45.0, 45.0)
    truth = ball(centre, 10.0)
    picture = np.where(organ_mask, TISSUE, -100.0)
    picture[truth] = 55.0
    volume = seen(picture)
    so_far = liver(organ_mask & ~truth, volume)
    found = drawn(volume, Seeds(diameters={"tumour-1": line(centre, 10.0)}), so_far)
    assert dice(found.mask("tumour-1"), truth) > 0.88
    assert (found.mask("liver") & found.mask("tumour-1")).sum() == found.mask("tumour-1").sum()


def test_that_touching_tumours_keep_their_own_voxels() -> None:
    one, other = (34.0, 45.0, 45.0), (56.0, 45.0, 45.0)
    truths = ball(one, 11.5), ball(other, 11.5)
    volume = seen(np.where(truths[0] | truths[1], 55.0, TISSUE))
    seeds = Seeds(diameters={"tumour-1": line(one, 11.5), "tumour-2": line(other, 11.5)})
    together = drawn(volume, seeds)
    assert dice(together.mask("tumour-1"), truths[0]) > 0.9
    assert dice(together.mask("tumour-2"), truths[1]) > 0.9
    before = LabelMap(truths[1].astype(np.uint8) * 102, volume.affine, (tumour(2, ""),))
    after = drawn(volume, Seeds(diameters={"tumour-1": line(one, 11.5)}), before)
    assert np.array_equal(after.mask("tumour-2"), before.mask("tumour-2"))


def test_that_a_click_beside_its_line_is_refused() -> None:
    volume = seen(np.full((SIZE,) * 3, TISSUE))
    seeds = Seeds({"tumour-1": ((10.0, 10.0, 10.0),)}, diameters={"tumour-1": line(MIDDLE, 10.0)})
    with pytest.raises(BadArgument, match="beside"):
        drawn(volume, seeds)
