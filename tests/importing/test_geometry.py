"""Any stack of slices: measured pixels lie, and voxels are made, where the report says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.errors import WrongGeometry
from organtwin.core.labelmap import stacked
from organtwin.core.volume import to_index, to_lps
from organtwin.core.watch import Watch
from organtwin.importing.establishing import established_by_file
from organtwin.importing.found import Pixels, Slice
from organtwin.importing.geometry import Stack, arranged
from organtwin.importing.resampling import resampled
from organtwin.organs import organ

NI, NJ = 7, 6
PIXELS = Pixels(Path("x"), 0, 0, "1.2.840.10008.1.2.1", 0, None, NJ, NI, 1, "i", 16, 16)
SEEDS = range(40)


def turned(chance: np.random.Generator) -> np.ndarray:
    """Return a random right-handed frame (3, 3): columns are row, column and normal."""
    q, _ = np.linalg.qr(chance.normal(size=(3, 3)))
    q[:, 2] = np.cross(q[:, 0], q[:, 1])
    return q


def slices_at(
    frame: np.ndarray, places: np.ndarray, spacing_mm: tuple[float, float] = (0.8, 0.7), **said: Any
) -> list[Slice]:
    """Return slices whose first pixels lie at (n, 3) mm along the axes of a frame."""
    row, column = (tuple(map(float, frame[:, n])) for n in (0, 1))
    return [
        Slice(
            PIXELS, 0, tuple(map(float, frame @ place)), row, column, spacing_mm,
            sop_uid=str(n), **said,
        )
        for n, place in enumerate(places)
    ]  # fmt: skip


def along(heights: Any) -> np.ndarray:
    """Return (n, 3) places above each other."""
    return np.column_stack([np.zeros((len(heights), 2)), heights])


def ramp(stack: Stack, way: np.ndarray) -> Any:
    """Return what gives a slice whose values are the distance along `way`: linear in space."""

    def plane(n: int) -> np.ndarray:
        one = stack.slices[n]
        return np.array(
            [[one.pixel_mm(i, j) @ way for i in range(NI)] for j in range(NJ)], dtype=np.float32
        )

    return plane


def voxels_and_places(stack: Stack, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a resampled ramp, NaN where no slice reaches, and each voxel's mm."""
    values = resampled(stack, ramp(stack, way), fill=-1e6, watch=Watch()).astype(np.float64)
    index = np.moveaxis(np.indices(stack.size), 0, -1)
    return np.where(values == -1e6, np.nan, values), to_lps(stack.affine, index) @ way


def shuffled(slices: list[Slice], chance: np.random.Generator) -> list[Slice]:
    return [slices[n] for n in chance.permutation(len(slices))]


@pytest.mark.parametrize("seed", SEEDS)
def test_that_an_even_stack_in_any_direction_keeps_every_pixel_in_place(seed: int) -> None:
    chance = np.random.default_rng(seed)
    count, step = int(chance.integers(3, 30)), float(chance.uniform(0.3, 8))
    jitter = chance.uniform(-0.01, 0.01, count) * min(1.0, step)
    slices = slices_at(turned(chance), along(30 + step * np.arange(count) + jitter))
    stack = arranged(shuffled(slices, chance))
    off = [
        np.linalg.norm(to_lps(stack.affine, [i, j, k]) - one.pixel_mm(i, j))
        for k, one in enumerate(stack.slices)
        for i, j in ((0, 0), (NI - 1, NJ - 1))
    ]
    assert stack.exact
    assert stack.report.grade == "good"
    assert max(off) <= stack.report.residual_mm + 1e-9
    assert stack.report.residual_mm <= 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_that_axes_are_at_right_angles_whatever_the_stack(seed: int) -> None:
    chance = np.random.default_rng(seed)
    places = along(np.cumsum(chance.uniform(1, 4, 9)))
    places[:, :2] = np.outer(places[:, 2], chance.uniform(-0.3, 0.3, 2))
    affine = arranged(slices_at(turned(chance), places)).affine[:3, :3]
    unit = affine / np.linalg.norm(affine, axis=0)
    assert np.abs(unit.T @ unit - np.eye(3)).max() < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_that_a_resampled_ramp_is_exact_whatever_tilt_and_gaps(seed: int) -> None:
    # Linear interpolation gives a field linear in space back exactly, wherever slices reach.
    chance = np.random.default_rng(seed)
    places = along(np.cumsum(chance.uniform(1, 6, 8)))
    places[:, :2] = np.outer(places[:, 2], chance.uniform(-0.4, 0.4, 2))
    stack = arranged(shuffled(slices_at(turned(chance), places), chance))
    way = chance.normal(size=3)
    values, truth = voxels_and_places(stack, way)
    seen = ~np.isnan(values)
    snapped = 0.05 * np.linalg.norm(way)
    assert not stack.exact
    assert seen.any(axis=(0, 1)).all()
    assert np.abs(values - truth)[seen].max() <= snapped + 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_that_every_voxel_lies_within_the_residual_of_a_measured_pixel(seed: int) -> None:
    chance = np.random.default_rng(seed)
    places = along(np.cumsum(chance.uniform(1, 6, 6)))
    places[:, :2] = np.outer(places[:, 2], chance.uniform(-0.4, 0.4, 2))
    stack = arranged(slices_at(turned(chance), places))
    values, _ = voxels_and_places(stack, np.array([1.0, 0, 0]))
    measured = np.array(
        [s.pixel_mm(i, j) for s in stack.slices for i in range(NI) for j in range(NJ)]
    )
    for index in np.argwhere(~np.isnan(values)):
        nearest = np.linalg.norm(measured - to_lps(stack.affine, index), axis=1).min()
        assert nearest <= stack.report.residual_mm + 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_that_a_resampled_grid_reaches_from_the_first_slice_to_the_last(seed: int) -> None:
    chance = np.random.default_rng(seed)
    places = along(np.cumsum(chance.uniform(1, 6, 9)))
    places[:, :2] = np.outer(places[:, 2], chance.uniform(-0.4, 0.4, 2))
    stack = arranged(slices_at(turned(chance), places))
    corners = np.array([[0, 0, 0], [NI - 1, NJ - 1, 0]])
    ends = stack.places[[0, -1]][:, None] + corners
    assert (ends > -1e-6).all()
    assert (ends <= np.array(stack.size) - 1 + 1e-6).all()
    assert stack.places[-1, 2] == pytest.approx(stack.size[2] - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_that_missing_slices_are_counted_and_the_others_copied(seed: int) -> None:
    chance = np.random.default_rng(seed)
    step, count = float(chance.uniform(0.5, 6)), 12
    gone = set(chance.choice(np.arange(1, count - 1), int(chance.integers(1, 5)), replace=False))
    kept = [n for n in range(count) if n not in gone]
    stack = arranged(slices_at(turned(chance), along(step * np.array(kept))))
    way = chance.normal(size=3)
    values, _ = voxels_and_places(stack, way)
    assert stack.report.missing_slices == len(gone)
    assert stack.report.grade == "withheld"
    assert stack.size == (NI, NJ, count)
    for n, k in enumerate(kept):
        assert np.array_equal(values[:, :, k].T, ramp(stack, way)(n))


@pytest.mark.parametrize("seed", SEEDS)
def test_that_the_ml_filled_in_are_those_of_the_missing_slices(seed: int) -> None:
    chance = np.random.default_rng(seed)
    step = float(chance.uniform(0.5, 6))
    stack = arranged(slices_at(turned(chance), along(step * np.array([0, 1, 4, 5, 6]))))
    expected = 2 * NI * NJ * 0.8 * 0.7 * step / 1000
    assert stack.report.interpolated_ml == pytest.approx(expected)
    assert stack.report.residual_mm == pytest.approx(step)


@pytest.mark.parametrize("degrees", [0.2, 3.0, 18.5, -30.0])
def test_that_a_tilt_is_measured_and_its_naive_offset(degrees: float) -> None:
    # Two sides of length L with the tilt between them end 2 L sin(tilt / 2) apart.
    length, lean = 160.0, np.radians(degrees)
    way = np.array([0.0, np.sin(lean), np.cos(lean)])
    stack = arranged(slices_at(np.eye(3), np.outer(np.linspace(0, length, 33), way)))
    report = stack.report
    assert report.tilt_deg == pytest.approx(abs(degrees), abs=1e-3)
    assert report.naive_offset_mm == pytest.approx(2 * length * abs(np.sin(lean / 2)))
    assert report.grade == "withheld"


def test_that_padding_is_not_mixed_with_what_was_measured() -> None:
    # Of the two planes missing between slices 1 and 2, each takes the nearer slice's pixel.
    stack = arranged(slices_at(np.eye(3), along([0.0, 3.0, 12.0, 15.0]), padding=-2000.0))

    def plane(n: int) -> np.ndarray:
        values = np.full((NJ, NI), 100.0 * n, dtype=np.float32)
        values[:, 0] = -2000 if n < 2 else 40
        return values

    values = resampled(stack, plane, fill=-2000.0, watch=Watch())
    assert values[0, 0].tolist() == [-2000, -2000, -2000, 40, 40, 40]
    assert values[1, 0].tolist() == pytest.approx([0, 100, 400 / 3, 500 / 3, 200, 300])


def test_that_padding_stays_padding_when_a_tilt_moves_it_by_part_of_a_pixel() -> None:
    places = along(4.0 * np.arange(4))
    places[:, 0] = 0.3 * 0.8 * np.arange(4)
    stack = arranged(slices_at(np.eye(3), places, padding=-2000.0))

    def plane(_: int) -> np.ndarray:
        values = np.full((NJ, NI), 100.0, dtype=np.float32)
        values[:, 0] = -2000
        return values

    values = resampled(stack, plane, fill=-2000.0, watch=Watch())
    assert set(np.unique(values)) == {-2000.0, 100.0}


def test_that_a_drift_below_a_twentieth_of_a_mm_is_read_as_upright_and_stated() -> None:
    places = along(5.0 * np.arange(20))
    places[:, 0] = np.linspace(0, 0.08, 20)
    report = arranged(slices_at(np.eye(3), places)).report
    assert report.grade == "good"
    assert report.residual_mm == pytest.approx(0.04)
    assert "voxels lie within 0.040 mm" in report.findings[0]


def test_that_a_greater_drift_is_resampled() -> None:
    places = along(5.0 * np.arange(20))
    places[:, 0] = np.linspace(0, 0.12, 20)
    stack = arranged(slices_at(np.eye(3), places))
    assert (stack.exact, stack.report.grade) == (False, "withheld")


def test_that_slices_turned_against_each_other_are_withheld() -> None:
    big = replace(PIXELS, rows=512, columns=512)
    slices = [replace(s, pixels=big) for s in slices_at(np.eye(3), along([0, 3, 6, 9]))]
    turn = 8e-4
    slices[2] = replace(slices[2], row=(np.cos(turn), np.sin(turn), 0.0))
    report = arranged(slices).report
    assert report.grade == "withheld"
    assert report.residual_mm >= turn * 511 * 0.8 - 1e-6
    assert "turn, skew or scale slices against a grid" in report.findings[0]


def test_that_axes_off_a_right_angle_are_withheld_and_measured() -> None:
    # Rows stay, columns lean by 0.0099: the last pixel of 512 at 0.7 mm is 0.0099 · 0.7 · 511 off.
    big = replace(PIXELS, rows=512, columns=512)
    slices = slices_at(np.eye(3), along([0, 3, 6, 9]), (0.7, 0.7))
    slices = [replace(s, pixels=big, column=(0.0099, 0.99995, 0.0)) for s in slices]
    report = arranged(slices).report
    assert report.grade == "withheld"
    assert report.residual_mm == pytest.approx(0.0099 * 0.7 * 511, rel=1e-2)


@pytest.mark.parametrize("step", [0.625, 0.75, 1.25, 1.75, 3.27])
@pytest.mark.parametrize("count", [30, 161, 600])
def test_that_positions_rounded_to_a_tenth_of_a_mm_are_even(step: float, count: int) -> None:
    # Half of 0.1 mm is what rounding takes; the ends may be rounded, too.
    heights = np.round(-99.93 + step * np.arange(count), 1)
    report = arranged(slices_at(np.eye(3), along(heights))).report
    assert report.grade == "good"
    assert report.residual_mm <= 0.05 + 1e-6
    assert report.spacing_mm[2] == pytest.approx(step, abs=0.1 / (count - 1))


def test_that_one_slice_a_third_of_a_mm_off_is_withheld_with_a_finding() -> None:
    heights = 10.0 * np.arange(10)
    heights[5] += 0.29
    report = arranged(slices_at(np.eye(3), along(heights))).report
    assert report.grade == "withheld"
    assert "slices lie up to 0.29 mm off even planes" in report.findings[0]


EVEN = along([0.0, 5.0, 10.0, 15.0])


def found_for(**said: Any) -> tuple[dict[str, str], tuple[str, ...], str]:
    report = arranged(slices_at(np.eye(3), EVEN, **said)).report
    return dict(report.established), report.findings, report.grade


def test_that_each_fact_says_how_it_was_established() -> None:
    how, findings, grade = found_for()
    assert list(how) == ["spacing", "tilt", "gaps", "orientation", "position"]
    assert all("to compare" in how[what] for what in ("spacing", "tilt", "gaps", "position"))
    assert (findings, grade) == ((), "good")


@pytest.mark.parametrize(
    ("said", "what", "words"),
    [
        ({"between_mm": 5.0}, "spacing", "SpacingBetweenSlices agrees (5.000 mm)"),
        ({"between_mm": 1.0, "thickness_mm": 4.0}, "spacing", "read as the gap beside the slices"),
        ({"gantry_deg": 0.3}, "tilt", "GantryDetectorTilt agrees (0.3°)"),
        ({"thickness_mm": 5.0}, "gaps", "SliceThickness agrees (5 mm)"),
        ({"thickness_mm": 6.0}, "gaps", "slices of 6 mm (SliceThickness) overlap"),
        ({"thickness_mm": 4.0}, "gaps", "1.00 mm between slices of 4 mm"),
    ],
)
def test_that_what_agrees_is_said_to_agree(said: Any, what: str, words: str) -> None:
    how, findings, _ = found_for(**said)
    assert words in how[what]
    assert findings == ()


@pytest.mark.parametrize(
    ("said", "words", "grade"),
    [
        ({"between_mm": 4.0}, "volumes would be -20 % otherwise", "good"),
        ({"gantry_deg": 12.0}, "GantryDetectorTilt says 12°", "withheld"),
        ({"gantry_deg": 12.0, "reformatted": True}, "GantryDetectorTilt says 12°", "good"),
        ({"thickness_mm": 2.0}, "only 2 mm of every 5.00 mm were imaged", "good"),
        ({"location_mm": 7.0}, "SliceLocation differs from the positions by up to 5.00", "good"),
    ],
)
def test_that_what_disagrees_is_a_finding(said: Any, words: str, grade: str) -> None:
    _, findings, found_grade = found_for(**said)
    assert any(words in finding for finding in findings)
    assert found_grade == grade


@pytest.mark.parametrize(("low", "high"), [(29.9, 57.1), (21.1, 65.9)])
def test_that_both_bars_that_make_the_same_images_lie_within_the_bound(
    low: float, high: float
) -> None:
    # 20 by 20 mm bars along z, and slices every 3 mm but at 24, 27, 60 and 63: both bars are seen
    # on slices 30 to 57 alone. Half of the gap of 9 mm at both ends: 2 · 4.5 mm · 400 mm².
    heights = [3.0 * k for k in range(30) if k not in (8, 9, 20, 21)]
    stack = arranged(slices_at(np.eye(3), along(heights), (20.0, 20.0)))
    seen = {n: float(low < z < high) for n, z in enumerate(heights)}

    def plane(n: int) -> np.ndarray:
        values = np.zeros((NJ, NI), dtype=np.float32)
        values[2, 3] = seen[n]
        return values

    values = resampled(stack, plane, fill=0.0, watch=Watch())
    labels = stacked({"liver": values >= 0.5}, (organ("liver").structure("liver"),), stack.affine)
    unsure = labels.unsure_ml("liver", stack.report)
    assert unsure == pytest.approx(3.6)
    assert abs(labels.volume_ml("liver") - 0.4 * (high - low)) <= unsure


def test_that_a_tilt_not_believed_is_counted_in_mm_and_part_of_a_volume() -> None:
    report = arranged(slices_at(np.eye(3), along(3.0 * np.arange(101)), gantry_deg=20.0)).report
    assert report.doubt_mm == pytest.approx(300 * np.tan(np.radians(20)))
    assert report.doubt_part == pytest.approx(1 - np.cos(np.radians(20)))
    assert "slices lie up to 109.2 mm off and volumes are up to 6.0% wrong" in report.consequence


@pytest.mark.parametrize("name", ["nifti", "nrrd"])
def test_that_research_files_say_that_nothing_can_be_compared(name: str) -> None:
    how = dict(established_by_file(name))
    assert list(how) == ["spacing", "tilt", "gaps", "orientation", "position", "date"]
    assert "no scanner's header to compare" in how["spacing"]


def test_that_slice_locations_of_either_sign_agree() -> None:
    slices = slices_at(np.eye(3), EVEN)
    slices = [replace(s, location_mm=300.0 - s.position_mm[2]) for s in slices]
    assert dict(arranged(slices).report.established)["position"].endswith("SliceLocation agrees")


def test_that_a_stack_that_leans_more_than_it_rises_is_none() -> None:
    places = along(np.arange(5.0))
    places[:, 0] = 1.2 * np.arange(5)
    with pytest.raises(WrongGeometry, match="leans 50°"):
        arranged(slices_at(np.eye(3), places))


def test_that_places_lie_on_the_grid_they_are_given_in() -> None:
    stack = arranged(slices_at(np.eye(3), along([0, 2, 5, 9.1])))
    positions = np.array([s.position_mm for s in stack.slices])
    assert to_index(stack.affine, positions) == pytest.approx(stack.places)
