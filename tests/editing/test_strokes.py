"""A brush touches exactly the voxels whose centres it reaches, on any grid."""

import itertools

import numpy as np
import pytest

from organtwin.core.canvas import Canvas
from organtwin.core.errors import BadArgument
from organtwin.core.volume import to_lps
from organtwin.editing import Stroke
from tests.editing.grounds import (
    AFFINES,
    KIDNEY,
    LIVER,
    OBLIQUE,
    VEIN,
    ball_mask,
    done,
    labelled,
    nothing,
    places,
    same,
)

NAMES = list(AFFINES)
LINE = [[-8.0, 2.0, -3.0], [3.0, -4.0, 5.0], [9.0, 6.0, 1.0], [9.0, 6.0, 1.0]]


def to_segment(points: np.ndarray, a: list[float], b: list[float]) -> np.ndarray:
    """Distance (…) of points to a segment, written out."""
    start, along = np.array(a), np.subtract(b, a)
    square = max(float(along @ along), 1e-30)
    part = np.clip((points - start) @ along / square, 0.0, 1.0)
    return np.linalg.norm(points - start - part[..., None] * along, axis=-1)


@pytest.mark.parametrize("name", NAMES)
def test_that_a_dot_is_the_ball_around_it(name: str) -> None:
    at = AFFINES[name]
    after = done(nothing(at), "paint", structure="liver", points=[[1.2, -2.1, 0.7]], radius_mm=9.0)
    assert np.array_equal(after.labels == 1, ball_mask(at, (1.2, -2.1, 0.7), 9.0))


@pytest.mark.parametrize("name", NAMES)
def test_that_a_stroke_is_all_that_lies_near_its_line(name: str) -> None:
    at = AFFINES[name]
    after = done(nothing(at), "paint", structure="liver", points=LINE, radius_mm=4.3)
    pairs = itertools.pairwise(LINE)
    near = np.min([to_segment(places(at), a, b) for a, b in pairs], axis=0) <= 4.3
    assert np.array_equal(after.labels == 1, near)


def test_that_a_painted_ball_has_its_volume() -> None:
    after = done(nothing(), "paint", structure="liver", points=[[0.3, 0.2, 0.1]], radius_mm=15.0)
    assert after.volume_ml("liver") == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_that_a_disc_holds_every_voxel_its_plane_cuts_and_no_other(name: str) -> None:
    at = AFFINES[name]
    normal = OBLIQUE[:, 1]
    after = done(
        nothing(at), "paint", structure="liver", points=[[0.3, 0.2, 0.1]], radius_mm=8.0,
        brush="disc", normal=normal.tolist(),
    )  # fmt: skip
    away = places(at) - [0.3, 0.2, 0.1]
    height = away @ normal
    beside = np.linalg.norm(away - height[..., None] * normal, axis=-1)
    corners = to_lps(at, np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T) - at[:3, 3]
    cut = np.abs(height) <= (corners @ normal).max()
    assert np.array_equal(after.labels == 1, cut & (beside <= 8.0))


def test_that_a_disc_in_a_slice_stays_in_it() -> None:
    at = AFFINES["anisotropic"]
    centre = to_lps(at, np.array([20.0, 20.0, 13.2]))
    after = done(
        nothing(at), "paint", structure="liver", points=[centre.tolist()], radius_mm=6.0,
        brush="disc", normal=[0, 0, 1],
    )  # fmt: skip
    assert np.flatnonzero(after.labels.any(axis=(0, 1))).tolist() == [13]


def test_that_a_plane_half_way_between_two_slices_paints_one() -> None:
    at = AFFINES["even"]
    centre = to_lps(at, np.array([20.0, 20.0, 13.5])).tolist()
    after = done(
        nothing(at), "paint", structure="liver", points=[centre], radius_mm=6.0,
        brush="disc", normal=[0, 0, 1],
    )  # fmt: skip
    assert np.count_nonzero(after.labels.any(axis=(0, 1))) == 1


@pytest.mark.parametrize(
    ("brush", "tool"), [("sphere", "paint"), ("disc", "paint"), ("sphere", "erase")]
)
def test_that_painting_piece_by_piece_is_painting_at_once(brush: str, tool: str) -> None:
    rng = np.random.default_rng(3)
    points = np.cumsum(rng.normal(0, 2.5, (40, 3)), axis=0).tolist()
    before = done(
        nothing(AFFINES["oblique"]), "paint", structure="liver", points=[[0, 0, 0]], radius_mm=14.0
    )
    asked = {"structure": "liver", "radius_mm": 3.1, "brush": brush, "normal": [0.2, 0.5, 1.0]}
    live = Canvas(before)
    stroke = Stroke(live, None, tool, asked)
    for start in range(0, 40, 3):
        stroke.add(points[start : start + 3])
    assert same(live.labels, done(before, tool, **stroke.arguments))
    stroke.take_back()
    assert same(live.labels, before)


def test_that_what_changed_lies_in_the_box_told() -> None:
    canvas = Canvas(nothing())
    change = Stroke(canvas, None, "paint", {"structure": "liver", "radius_mm": 3.0}).add(
        [[5, 0, 0]]
    )
    assert change is not None
    i, j, k = (np.flatnonzero(canvas.labels.labels.any(axis=a)) for a in ((1, 2), (0, 2), (0, 1)))
    assert change.start == (i[0], j[0], k[0])
    assert change.stop == (i[-1] + 1, j[-1] + 1, k[-1] + 1)


def test_that_a_stroke_off_the_image_changes_nothing() -> None:
    stroke = Stroke(Canvas(nothing()), None, "paint", {"structure": "liver", "radius_mm": 3.0})
    assert stroke.add([[500.0, 0, 0], [600.0, 0, 0]]) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"radius_mm": 501.0}, "radius_mm"),
        ({"radius_mm": float("nan")}, "finite"),
        ({"points": [[0, 0, 0]] * 100_001}, "100000"),
        ({"points": []}, "points"),
        ({"points": [[0, 0]]}, "three numbers"),
        ({"points": [[0, 0, 1e9]]}, "beyond"),
        ({"structure": "spleen"}, "spleen"),
        ({"brush": "star"}, "star"),
        ({"brush": "disc"}, "normal"),
        ({"brush": "disc", "normal": [0, 0, 0]}, "direction"),
        ({"over": "some"}, "some"),
        ({"over": ["spleen"]}, "spleen"),
        ({"inside": 7}, "name"),
        ({"low": 10.0, "high": 0.0}, "empty"),
        ({"low": 10.0}, "image"),
        ({"wings": 2}, "wings"),
    ],
)  # fmt: skip
def test_that_a_gesture_out_of_bounds_is_refused(wrong: dict[str, object], says: str) -> None:
    asked = {"structure": LIVER.name, "points": [[0, 0, 0]], "radius_mm": 5.0}
    with pytest.raises(BadArgument, match=says):
        done(nothing(), "paint", **(asked | wrong))


def ends_of(canvas: Canvas) -> list[float]:
    return [canvas.labels.ends_mm2(s.name) for s in canvas.labels.structures]


def test_that_the_ends_of_structures_are_kept_up_with_what_is_drawn() -> None:
    at = AFFINES["oblique"]
    masks = {LIVER: ball_mask(at, (0, 0, 0), 14.0), VEIN: ball_mask(at, (0, 0, 0), 3.0)}
    canvas = Canvas(labelled(masks | {KIDNEY: ball_mask(at, (20, 0, 0), 9.0)}, at))
    ends_of(canvas)
    asked = {"structure": "kidney", "radius_mm": 9.0, "inside": "", "overlapping": True}
    stroke = Stroke(canvas, None, "paint", asked)
    for x in (-8.0, 0.0, 60.0):
        stroke.add([[x, 0, 0]])
        fresh = canvas.frozen()
        vars(fresh).pop("_faces")
        for structure in fresh.structures:
            planes = np.pad(fresh.mask(structure.name), ((0, 0), (0, 0), (1, 1)))
            area = np.linalg.norm(np.cross(at[:3, 0], at[:3, 1]))
            ends = np.count_nonzero(np.diff(planes, axis=2)) * area
            assert canvas.labels.ends_mm2(structure.name) == pytest.approx(ends)
            assert fresh.ends_mm2(structure.name) == pytest.approx(ends)
    assert canvas.labels.beneath
