"""Who owns a voxel after a gesture, and which of them shows."""

import numpy as np
import pytest

from organtwin.core.canvas import Canvas
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.editing import Stroke, changed_by, edit, structures
from tests.editing.grounds import (
    AFFINES,
    KIDNEY,
    LESION,
    LIVER,
    VEIN,
    ball_mask,
    done,
    image,
    labelled,
    places,
    same,
)

AT = AFFINES["even"]
BALL = ball_mask(AT, (0, 0, 0), 14.0)
INNER = ball_mask(AT, (0, 0, 0), 5.0)


def a_liver() -> LabelMap:
    """A liver of 14 mm with a lesion of 5 mm in its middle; a vein and a kidney without voxels."""
    made = labelled({LIVER: BALL, LESION: INNER})
    return LabelMap(made.labels, AT, (LIVER, VEIN, LESION, KIDNEY))


def two_overlapping() -> LabelMap:
    """A kidney painted over the liver's edge, each whole."""
    return done(
        a_liver(), "paint", structure="kidney", points=[[14, 0, 0]], radius_mm=6.0, overlapping=True
    )


KIDNEY_BALL = ball_mask(AT, (14, 0, 0), 6.0)


def test_that_painting_a_structure_leaves_what_lies_inside_it() -> None:
    after = done(a_liver(), "paint", structure="liver", points=[[0, 0, 0]], radius_mm=10.0)
    assert same(after, a_liver())


def test_that_an_inner_structure_named_is_painted_over() -> None:
    after = done(
        a_liver(), "paint", structure="liver", points=[[0, 0, 0]], radius_mm=10.0, over=["lesion"]
    )
    assert after.volume_ml("lesion") == 0.0


def test_that_erasing_a_lesion_leaves_the_liver() -> None:
    after = done(a_liver(), "erase", structure="lesion", points=[[0, 0, 0]], radius_mm=9.0)
    assert np.array_equal(after.labels == LIVER.label, BALL)


def test_that_erasing_the_liver_takes_what_lies_inside_it_unless_told() -> None:
    gesture = {"structure": "liver", "points": [[0.0, 0, 0]], "radius_mm": 8.0}
    hole = BALL & ~ball_mask(AT, (0, 0, 0), 8.0)
    assert np.array_equal(done(a_liver(), "erase", **gesture).mask("liver"), hole)
    kept = done(a_liver(), "erase", **gesture, over="empty")
    assert np.array_equal(kept.mask("lesion"), INNER)


def test_that_painting_takes_voxels_from_another_structure() -> None:
    after = done(a_liver(), "paint", structure="kidney", points=[[14, 0, 0]], radius_mm=6.0)
    assert np.array_equal(after.mask("kidney"), KIDNEY_BALL)
    assert np.array_equal(after.mask("liver"), BALL & ~KIDNEY_BALL)


def test_that_empty_means_nothing_but_what_contains_the_structure() -> None:
    gesture = {"points": [[14.0, 0, 0]], "radius_mm": 6.0, "over": "empty"}
    kidney = done(a_liver(), "paint", structure="kidney", **gesture)
    assert np.array_equal(kidney.mask("kidney"), KIDNEY_BALL & ~BALL)
    vein = done(a_liver(), "paint", structure="vein", inside="", **gesture)
    assert np.array_equal(vein.mask("vein"), KIDNEY_BALL)


def test_that_overlapping_structures_are_both_whole() -> None:
    both = two_overlapping()
    assert np.array_equal(both.mask("liver"), BALL)
    assert np.array_equal(both.mask("kidney"), KIDNEY_BALL)
    assert both.volume_ml("liver") == pytest.approx(np.count_nonzero(BALL) / 1000)
    assert (both.labels[BALL & KIDNEY_BALL] == KIDNEY.label).all()


def test_that_the_order_says_which_of_them_shows() -> None:
    canvas = Canvas(two_overlapping())
    change = structures.reordered(canvas, ["kidney", "liver", "vein", "lesion"])
    assert change is not None
    canvas.apply(change)
    assert (canvas.labels.labels[BALL & KIDNEY_BALL] == LIVER.label).all()
    assert np.array_equal(canvas.labels.mask("kidney"), KIDNEY_BALL)
    canvas.revert(change)
    assert same(canvas.labels, two_overlapping())


def test_that_what_lies_within_is_never_drawn_first() -> None:
    with pytest.raises(BadArgument, match="drawn after"):
        structures.reordered(Canvas(a_liver()), ["lesion", "liver", "vein", "kidney"])


def test_that_erasing_what_is_on_top_shows_what_lies_beneath() -> None:
    after = done(two_overlapping(), "erase", structure="kidney", points=[[14, 0, 0]], radius_mm=7.0)
    assert same(after, a_liver())


def test_that_a_lesion_erased_beneath_another_stays_liver() -> None:
    covered = done(
        a_liver(), "paint", structure="kidney", points=[[0, 0, 0]], radius_mm=6.0, overlapping=True
    )
    after = done(covered, "erase", structure="lesion", points=[[0, 0, 0]], radius_mm=6.0)
    assert after.volume_ml("lesion") == 0.0
    assert np.array_equal(after.mask("liver"), BALL)
    assert np.array_equal(after.mask("kidney"), covered.mask("kidney"))


def test_that_a_structure_removed_goes_to_what_contains_it() -> None:
    canvas = Canvas(a_liver())
    change = structures.removed(canvas, "lesion")
    assert change is not None
    canvas.apply(change)
    assert np.array_equal(canvas.labels.labels == LIVER.label, BALL)
    assert [s.name for s in canvas.labels.structures] == ["liver", "vein", "kidney"]


def test_that_a_range_of_values_limits_the_brush() -> None:
    volume = image(places(AT)[..., 0] * 10)
    after = done(
        a_liver(), "paint", volume, structure="kidney", points=[[0, 14, 0]], radius_mm=6.0,
        low=0.0, high=30.0,
    )  # fmt: skip
    allowed = (volume.voxels >= 0) & (volume.voxels <= 30)
    assert np.array_equal(after.mask("kidney"), ball_mask(AT, (0, 14, 0), 6.0) & allowed)


def test_that_inside_limits_the_brush() -> None:
    after = done(
        a_liver(), "paint", structure="vein", points=[[14, 0, 0]], radius_mm=6.0, inside="liver"
    )
    assert np.array_equal(after.mask("vein"), KIDNEY_BALL & BALL)


def test_that_a_structure_stays_inside_what_contains_it_unless_let_out() -> None:
    gesture = {"structure": "vein", "points": [[14.0, 0, 0]], "radius_mm": 6.0}
    assert np.array_equal(done(a_liver(), "paint", **gesture).mask("vein"), KIDNEY_BALL & BALL)
    let_out = done(a_liver(), "paint", **gesture, inside="")
    assert np.array_equal(let_out.mask("vein"), KIDNEY_BALL)
    bare = LabelMap(np.zeros_like(let_out.labels), AT, let_out.structures)
    assert np.array_equal(done(bare, "paint", **gesture).mask("vein"), KIDNEY_BALL)


def test_that_a_stroke_that_takes_all_of_what_contains_it_stays_inside() -> None:
    before = done(a_liver(), "erase", structure="liver", points=[[-3, 0, 0]], radius_mm=14.0)
    stroke = Stroke(Canvas(before), None, "paint", {"structure": "vein", "radius_mm": 9.0})
    for x in (8.0, 12.0, 16.0, 20.0):
        stroke.add([[x, 0, 0]])
    live = stroke.canvas.labels
    assert same(live, done(before, "paint", **stroke.arguments))
    assert np.array_equal(live.mask("vein"), before.mask("liver") & live.mask("vein"))


def test_that_random_gestures_undone_leave_what_was_there() -> None:
    rng = np.random.default_rng(11)
    canvas, before, made = Canvas(two_overlapping()), two_overlapping(), []
    names = [s.name for s in before.structures]
    for _ in range(60):
        gesture = {
            "structure": str(rng.choice(names)),
            "points": rng.normal(0, 9, (3, 3)).tolist(),
            "radius_mm": float(rng.uniform(1, 7)),
            "overlapping": bool(rng.integers(2)),
            "over": ["all", "empty", names][rng.integers(3)],
        }
        tool = edit(str(rng.choice(["paint", "erase"])))
        change = changed_by(tool, canvas, None, gesture)
        if change is not None:
            canvas.apply(change)
            made.append(change)
            for name in names:  # what is counted as it changes is what is there
                count = np.count_nonzero(canvas.labels.mask(name))
                assert canvas.labels.volume_ml(name) == pytest.approx(count / 1000)
    assert len(made) > 40
    assert canvas.labels.beneath
    for change in reversed(made):
        canvas.revert(change)
    assert same(canvas.labels, before)
