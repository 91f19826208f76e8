from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.organs import organ
from organtwin.segmenting import Method, Seeds, method, methods
from organtwin.segmenting.boundary import smoothed
from organtwin.segmenting.chest import chest_wall
from organtwin.segmenting.coarse import block_mean, refined
from organtwin.segmenting.enclosure import seen_from
from organtwin.segmenting.frame import frame_of
from organtwin.segmenting.gaps import gaps_closed
from organtwin.segmenting.morphology import closed, depth_mm, dilated, largest, opened
from organtwin.segmenting.parenchyma import Parenchyma
from organtwin.segmenting.parting import Parting
from organtwin.segmenting.pieces import Lit
from organtwin.segmenting.tumours import bordered
from organtwin.segmenting.vesselness import tubes

MM = (1.0, 1.0, 1.0)


def ball(radius: float, size: int = 41) -> np.ndarray:
    axes = np.ogrid[:size, :size, :size]
    return sum((a - size // 2) ** 2 for a in axes) <= radius**2


@pytest.mark.parametrize("name", list(methods()))
def test_that_every_method_says_what_it_is(name: str) -> None:
    one = method(name)
    assert isinstance(one, Method)
    assert one.title
    assert one.kind in ("automatic", "seeded")


def test_that_there_are_automatic_and_seeded_methods() -> None:
    assert {m.kind for m in methods().values()} == {"automatic", "seeded"}


def test_that_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadArgument, match="liver-ct"):
        method("magic")


@pytest.mark.parametrize(
    ("points", "diameters"),
    [
        ({"liver": ((0.0, 0.0),)}, {}),
        ({"liver": ((0.0, 0.0, float("nan")),)}, {}),
        ({}, {"tumour-1": -3.0}),
        ({"liver": ((0.0, 0.0, 0.0),) * 100_001}, {}),
    ],
)
def test_that_impossible_seeds_are_refused(points: dict, diameters: dict) -> None:
    with pytest.raises(BadArgument):
        Seeds(points, diameters)


def test_that_depth_is_the_distance_to_the_nearest_voxel_outside() -> None:
    mask = np.random.default_rng(0).random((20, 21, 22)) > 0.2
    exact = ndimage.distance_transform_edt(mask, sampling=(1.4, 1.3, 2.5))
    assert np.allclose(depth_mm(mask, (1.4, 1.3, 2.5)), exact, atol=1e-4)


def test_that_opening_removes_a_thin_bridge_and_closing_a_thin_gap() -> None:
    bridge = np.zeros((30, 30, 30), bool)
    bridge[4:12, 10:20, 10:20] = bridge[18:26, 10:20, 10:20] = bridge[12:18, 14:16, 14:16] = True
    assert not opened(bridge, 2.5, MM)[15, 15, 15]
    gap = ~np.zeros((30, 30, 30), bool)
    gap[15] = False
    assert closed(gap, 2.0, MM)[15, 15, 15]


def test_that_the_largest_part_of_nothing_is_nothing() -> None:
    assert not largest(np.zeros((3, 3, 3), bool)).any()


def test_that_turning_to_the_patient_and_back_is_nothing() -> None:
    affine = np.array([[0, -2.0, 0, 9], [0, 0, 3.0, 1], [1.0, 0, 0, 0], [0, 0, 0, 1]])
    frame = frame_of(affine)
    array = np.arange(24).reshape(2, 3, 4)
    assert frame.spacing_mm == (2.0, 3.0, 1.0)
    assert np.array_equal(frame.back(frame.turned(array)), array)


def test_that_a_ramp_survives_coarsening_and_refining() -> None:
    ramp = np.arange(24, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    again = refined(block_mean(ramp, (3, 1, 1)), (3, 1, 1), ramp.shape)
    assert np.allclose(again[1:-1], ramp[1:-1], atol=1e-4)


def test_that_smoothing_keeps_the_volume() -> None:
    mask = ball(9.0)
    assert smoothed(mask, 2.0, MM).sum() == pytest.approx(mask.sum(), rel=0.01)


def test_that_the_middle_of_a_shell_sees_it_everywhere_and_the_outside_does_not() -> None:
    seen = seen_from(ball(15.0) & ~ball(12.0), 30.0, MM)
    assert seen[20, 20, 20] == 1.0
    assert seen[0, 20, 20] < 0.3


@pytest.mark.parametrize("radius", [5.0, 8.0, 12.0])
def test_that_a_sharp_ball_seen_unsharply_keeps_its_volume(radius: float) -> None:
    # A ball of -50 HU, blurred by 1 mm: its half-maximum surface lies s²/R inward (1/5 mm at 5).
    hu = ndimage.gaussian_filter(np.where(ball(radius), 56.0, 106.0), 1.0).astype(np.float32)
    tissue = Parenchyma(hu, np.ones(hu.shape, bool), np.full(hu.shape, 106.0, np.float32), MM)
    found = bordered(tissue, ball(0.6 * radius), contrast=-50.0)
    assert found.sum() == pytest.approx(ball(radius).sum(), rel=0.15)


def lit(vessels: np.ndarray, *, sd: float = 1.0) -> Lit:
    """Vessels of 60 above tissue, blurred by 0.6 mm, with noise."""
    noise = np.random.default_rng(0).normal(0.0, sd, vessels.shape)
    image = ndimage.gaussian_filter(60.0 * vessels, 0.6) + noise
    seen = ndimage.binary_dilation(vessels)
    bright = image.astype(np.float32)
    return Lit(seen, bright, tubes(bright, seen, MM).along, 4.0, MM)


def tube(start: tuple[int, ...], end: tuple[int, ...], radius: float, size: int = 50) -> np.ndarray:
    axes = np.indices((size, size, size)).reshape(3, -1).T
    way = np.subtract(end, start)
    along = np.clip((axes - start) @ way / max(way @ way, 1), 0.0, 1.0)
    away = np.linalg.norm(axes - (start + along[:, None] * way), axis=1)
    return (away <= radius).reshape(size, size, size)


def test_that_two_touching_vessels_are_parted_at_the_dip_between_them() -> None:
    one, other = tube((2, 22, 25), (47, 22, 25), 2.2), tube((2, 28, 25), (47, 28, 25), 2.2)
    roots = one.copy(), other.copy()
    roots[0][5:], roots[1][:45] = False, False
    first = Parting.of(lit(one | other), roots).first()
    assert first[one].mean() > 0.95
    assert first[other].mean() < 0.05


@pytest.mark.parametrize("other_end", [(25, 2, 28), (40, 5, 27)])
def test_that_two_crossing_vessels_are_told_apart(other_end: tuple[int, int, int]) -> None:
    far = (50 - other_end[0], 50 - other_end[1], other_end[2])
    one, other = tube((2, 25, 24), (47, 25, 24), 2.5), tube(other_end, far, 2.0)
    only_one, only_other = one & ~dilated(other, 1.0, MM), other & ~dilated(one, 1.0, MM)
    roots = one.copy(), other & tube(other_end, other_end, 4.0)
    roots[0][5:] = False
    first = Parting.of(lit(one | other), roots).first()
    assert first[only_one].mean() > 0.95
    assert first[only_other].mean() < 0.05


def test_that_a_tube_is_followed_the_way_it_runs() -> None:
    one = tube((5, 10, 12), (45, 35, 30), 2.0)
    middle = tube((20, 19, 19), (30, 26, 23), 0.6)
    found = tubes(ndimage.gaussian_filter(60.0 * one, 0.6).astype(np.float32), middle, MM)
    way = np.array((40.0, 25.0, 18.0)) / np.linalg.norm((40.0, 25.0, 18.0))
    assert np.abs(found.along @ way).min() > 0.98
    assert found.response.min() > 60.0 / np.e / 2.0  # its highest is 60/e, at sd = radius/√2


@pytest.mark.parametrize(("gap_mm", "joined"), [(5.0, True), (14.0, False)])
def test_that_only_a_short_gap_in_a_vessel_is_closed(gap_mm: float, joined: bool) -> None:
    whole = tube((2, 25, 25), (47, 25, 25), 1.5)
    start = 20
    end = start + int(gap_mm)
    bright = np.where(whole, np.float32(50.0), np.float32(0.0))
    bright[start:end] *= np.float32(0.5)
    tree = (bright > 40.0) & whole
    tree[start:] = False
    found = gaps_closed(tree, bright, level=40.0, where=np.ones_like(whole), spacing_mm=MM)
    assert bool(found[46, 25, 25]) is joined
    assert int(found[start:end].sum()) == (end - start if joined else 0)


def test_that_the_liver_preset_names_what_the_automatic_method_finds() -> None:
    assert {s.name for s in organ("liver").structures} == {"liver", "portal-vein", "hepatic-vein"}


def test_that_the_chest_wall_runs_straight_from_rib_to_rib() -> None:
    x, y, z = (np.indices((100, 80, 40)) - np.array([50, 40, 20])[:, None, None, None]) * 3.0
    body = np.hypot(x / 135.0, y / 105.0) < 1.0
    shell = np.hypot(x / 120.0, y / 90.0)
    ribs = (np.abs(shell - 1.0) < 0.04) & (np.abs((z + 0.3 * y) % 30.0 - 15.0) < 5.0)
    wall = chest_wall(ribs, body, 50.0, (3.0, 3.0, 3.0))
    middle = np.abs(z) < 30.0
    side = np.abs(x) > 50.0
    assert wall[(shell > 1.0) & body & middle & side].mean() > 0.95
    assert wall[(shell < 0.9) & middle].mean() < 0.01


def test_that_bright_bowel_and_kidneys_make_no_chest_wall() -> None:
    x, y, z = (np.indices((100, 80, 40)) - np.array([50, 40, 20])[:, None, None, None]) * 3.0
    body = np.hypot(x / 135.0, y / 105.0) < 1.0
    calyx = np.hypot(np.hypot(np.abs(x) - 60.0, y - 30.0), z) < 9.0
    assert not chest_wall(calyx, body, 50.0, (3.0, 3.0, 3.0)).any()
