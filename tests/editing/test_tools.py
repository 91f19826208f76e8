"""What each tool does, against closed forms."""

from typing import Any

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import Structure
from organtwin.editing import edits
from tests.editing.grounds import (
    AFFINES,
    CODE,
    GREY,
    KIDNEY,
    LESION,
    LIVER,
    OBLIQUE,
    ball_mask,
    done,
    image,
    labelled,
    nothing,
    places,
    same,
)

NAMES = list(AFFINES)
EVEN = AFFINES["even"]
SHEARED = AFFINES["even"] @ np.array([[1, 0, 0.3, 0], [0, 1, 0, 0], [0, 0, 1.2, 0], [0, 0, 0, 1.0]])


def ball(at: np.ndarray, radius_mm: float = 10.0) -> Any:
    return labelled({LIVER: ball_mask(at, (0, 0, 0), radius_mm)}, at)


def test_that_every_tool_can_be_asked_with_what_it_lists() -> None:
    assert set(edits()) >= {
        "paint", "erase", "scissors", "islands", "fill-holes", "smooth", "grow", "boolean", "mask",
        "threshold",
    }  # fmt: skip
    assert all(tool.title and p.meaning for tool in edits().values() for p in tool.settings)


@pytest.mark.parametrize("name", NAMES)
def test_that_a_grown_structure_is_all_within_the_distance(name: str) -> None:
    at = AFFINES[name]
    before = ball(at, 7.0)
    after = done(before, "grow", structure="liver", by_mm=4.0)
    inside = places(at)[before.labels == 1]
    near = [np.linalg.norm(inside - p, axis=1).min() for p in places(at)[after.labels == 1]]
    assert max(near) <= 4.0 + 1e-6
    radius_mm = (3 * after.volume_ml("liver") * 1000 / (4 * np.pi)) ** (1 / 3)
    assert radius_mm == pytest.approx(11.0, abs=0.5)


@pytest.mark.parametrize("name", NAMES)
def test_that_growing_then_shrinking_brings_a_ball_back(name: str) -> None:
    at = AFFINES[name]
    grown = done(ball(at, 7.0), "grow", structure="liver", by_mm=3.0)
    after = done(grown, "grow", structure="liver", by_mm=-3.0)
    assert after.volume_ml("liver") == pytest.approx(ball(at, 7.0).volume_ml("liver"), rel=0.12)
    assert after.mask("liver")[ball(at, 7.0).mask("liver")].all()  # a closing only adds


def test_that_distances_on_a_sheared_grid_are_exact_too() -> None:
    before = labelled({LIVER: ball_mask(SHEARED, (0, 0, 0), 3.0)}, SHEARED)
    after = done(before, "grow", structure="liver", by_mm=3.0)
    inside = places(SHEARED)[before.labels == 1]
    apart = np.min([np.linalg.norm(places(SHEARED) - p, axis=-1) for p in inside], axis=0)
    assert np.array_equal(after.labels == 1, apart <= 3.0 + 1e-6)


def test_that_a_structure_does_not_shrink_from_the_edge_of_the_image() -> None:
    everything = labelled({LIVER: np.ones(nothing().labels.shape, dtype=bool)})
    assert same(done(everything, "grow", structure="liver", by_mm=-3.0), everything)


def two_pieces() -> Any:
    return labelled({LIVER: ball_mask(EVEN, (-8, 0, 0), 9.0) | ball_mask(EVEN, (14, 0, 0), 4.0)})


@pytest.mark.parametrize(
    ("keep", "more", "stays"),
    [
        ("largest", {}, [True, False]),
        ("larger", {"least_ml": 0.1}, [True, True]),
        ("larger", {"least_ml": 1.0}, [True, False]),
        ("clicked", {"points": [[14.2, 0.4, 0]]}, [False, True]),
        ("unclicked", {"points": [[14.2, 0.4, 0]]}, [True, False]),
    ],
)
def test_that_islands_are_kept_as_asked(keep: str, more: Any, stays: list[bool]) -> None:
    after = done(two_pieces(), "islands", structure="liver", keep=keep, **more)
    seen = [after.mask("liver")[ball_mask(EVEN, (x, 0, 0), 3.0)].all() for x in (-8, 14)]
    assert seen == stays


def test_that_a_click_beside_the_structure_is_refused() -> None:
    with pytest.raises(BadArgument, match="no liver at the point"):
        done(two_pieces(), "islands", structure="liver", keep="clicked", points=[[5, 5, 15]])


def test_that_pieces_become_structures_of_their_own() -> None:
    after = done(two_pieces(), "islands", structure="liver", keep="split")
    assert [s.name for s in after.structures] == ["liver", "liver-2"]
    assert np.array_equal(after.mask("liver-2"), ball_mask(EVEN, (14, 0, 0), 4.0))


def shell() -> Any:
    return labelled({LIVER: ball_mask(EVEN, (0, 0, 0), 12.0) & ~ball_mask(EVEN, (0, 0, 0), 6.0)})


def test_that_a_hole_is_filled() -> None:
    after = done(shell(), "fill-holes", structure="liver")
    assert np.array_equal(after.mask("liver"), ball_mask(EVEN, (0, 0, 0), 12.0))
    assert same(done(shell(), "fill-holes", structure="liver", largest_ml=0.5), shell())


def test_that_a_tube_is_filled_in_slices_across_it_only() -> None:
    far = np.hypot(*np.moveaxis(places(EVEN), -1, 0)[:2])
    tube = labelled({LIVER: (far <= 10) & (far > 5) & (np.abs(places(EVEN)[..., 2]) < 12)})
    assert same(done(tube, "fill-holes", structure="liver"), tube)
    filled = done(tube, "fill-holes", structure="liver", along="k")
    assert np.array_equal(filled.mask("liver"), (far <= 10) & (np.abs(places(EVEN)[..., 2]) < 12))


@pytest.mark.parametrize("how", ["median", "gaussian"])
def test_that_smoothing_takes_off_a_spike_and_keeps_the_volume(how: str) -> None:
    at = AFFINES["left-handed"]
    mask = ball_mask(at, (0, 0, 0), 10.0)
    spike = mask.copy()
    spike[24, 22, 20:38] = True
    before = labelled({LIVER: spike}, at)
    after = done(before, "smooth", structure="liver", how=how, by_mm=2.5)
    assert not after.mask("liver")[24, 22, 32:].any()
    assert after.volume_ml("liver") == pytest.approx(before.volume_ml("liver"), rel=0.01)


def test_that_smoothing_together_opens_no_gap() -> None:
    rng = np.random.default_rng(5)
    wavy = places(EVEN)[..., 0] + rng.normal(0, 2.0, nothing().labels.shape) > 0
    whole = np.ones_like(wavy)
    before = labelled({LIVER: whole & ~wavy, KIDNEY: wavy})
    after = done(before, "smooth", structure="liver", how="joint", by_mm=2.0)
    assert (after.labels > 0).all()
    flat = (after.labels == KIDNEY.label) == (places(EVEN)[..., 0] > 0)
    assert flat.mean() > 0.97


@pytest.mark.parametrize("how", ["union", "intersect", "subtract", "copy"])
def test_that_structures_are_joined_as_sets(how: str) -> None:
    one, other = ball_mask(EVEN, (-4, 0, 0), 9.0), ball_mask(EVEN, (5, 0, 0), 8.0)
    before = done(
        labelled({LIVER: one, KIDNEY: np.zeros_like(one)}), "paint", structure="kidney",
        points=[[5, 0, 0]], radius_mm=8.0, overlapping=True,
    )  # fmt: skip
    after = done(before, "boolean", structure="liver", other="kidney", how=how)
    wanted = {
        "union": one | other, "intersect": one & other, "subtract": one & ~other, "copy": other,
    }[how]  # fmt: skip
    assert np.array_equal(after.mask("liver"), wanted)
    assert np.array_equal(after.mask("kidney"), other)


@pytest.mark.parametrize("keep", ["inside", "outside"])
def test_that_another_structure_is_a_mask(keep: str) -> None:
    one, other = ball_mask(EVEN, (-4, 0, 0), 9.0), ball_mask(EVEN, (8, 0, 0), 6.0)
    before = labelled({LIVER: one & ~other, KIDNEY: other})
    after = done(before, "mask", structure="liver", other="kidney", keep=keep, margin_mm=4.0)
    near = done(before, "grow", structure="kidney", by_mm=4.0).mask("kidney")
    wanted = before.mask("liver") & (near if keep == "inside" else ~near)
    assert np.array_equal(after.mask("liver"), wanted)


def test_that_a_range_within_an_organ_is_all_of_it() -> None:
    volume = image(places(EVEN)[..., 1] * 10)
    before = labelled({LIVER: ball_mask(EVEN, (0, 0, 0), 12.0), LESION: nothing().labels > 0})
    after = done(before, "threshold", volume, structure="lesion", inside="liver", low=20, high=60)
    met = (volume.voxels >= 20) & (volume.voxels <= 60)
    assert np.array_equal(after.mask("lesion"), ball_mask(EVEN, (0, 0, 0), 12.0) & met)


SQUARE = np.array([[-5, -4, 0], [6, -4, 0], [6, 5, 0], [-5, 5, 0.0]])


@pytest.mark.parametrize("name", NAMES)
def test_that_scissors_cut_along_the_normal_of_any_plane(name: str) -> None:
    at = AFFINES[name]
    outline = SQUARE @ OBLIQUE.T
    before = ball(at, 12.0)
    gesture = {"structure": "liver", "points": outline.tolist(), "normal": OBLIQUE[:, 2].tolist()}
    seen = places(at) @ OBLIQUE
    inside = (np.abs(seen[..., 0] - 0.5) < 5.5) & (np.abs(seen[..., 1] - 0.5) < 4.5)
    through = done(before, "scissors", **gesture)
    assert np.array_equal(through.mask("liver"), before.mask("liver") & ~inside)
    deep = done(before, "scissors", **gesture, depth_mm=6.0)
    slab = np.abs(seen[..., 2]) <= 3.0
    assert np.array_equal(deep.mask("liver"), before.mask("liver") & ~(inside & slab))
    kept = done(before, "scissors", **gesture, where="outside")
    assert np.array_equal(kept.mask("liver"), before.mask("liver") & inside)


def test_that_scissors_fill_to_a_depth() -> None:
    gesture = {"structure": "liver", "points": SQUARE.tolist(), "normal": [0, 0, 1.0]}
    after = done(nothing(), "scissors", **gesture, do="fill", depth_mm=8.0)
    assert after.volume_ml("liver") == pytest.approx(11 * 9 * 8 / 1000, rel=0.1)
    with pytest.raises(BadArgument, match="needs an end"):
        done(nothing(), "scissors", **gesture, do="fill")


def test_that_scissors_see_in_perspective_from_an_eye() -> None:
    before = ball(EVEN, 12.0)
    gesture = {"structure": "liver", "points": SQUARE.tolist(), "normal": [0, 0, 1.0]}
    after = done(before, "scissors", **gesture, eye=[0.0, 0.0, 40.0])
    x, y, z = np.moveaxis(places(EVEN), -1, 0)
    scale = 40.0 / (40.0 - z)
    inside = (np.abs(x * scale - 0.5) < 5.5) & (np.abs(y * scale - 0.5) < 4.5)
    assert np.array_equal(after.mask("liver"), before.mask("liver") & ~inside)


def test_that_a_tool_on_a_structure_without_voxels_says_so() -> None:
    with pytest.raises(EmptyLabel, match="paint it first"):
        done(nothing(), "grow", structure="liver", by_mm=2.0)


def test_that_a_piece_of_a_tumour_is_a_tumour_with_a_number() -> None:
    first = Structure("tumour-1", 101, "tumour", CODE, GREY)
    mask = ball_mask(EVEN, (-8, 0, 0), 6.0) | ball_mask(EVEN, (10, 0, 0), 4.0)
    after = done(labelled({first: mask}), "islands", structure="tumour-1", keep="split")
    assert [(s.name, s.label) for s in after.structures] == [("tumour-1", 101), ("tumour-2", 102)]
