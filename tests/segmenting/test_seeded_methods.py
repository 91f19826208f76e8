from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scribbles import drawn
from organtwin.core.errors import BadArgument, Stopped
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.importing import open_images
from organtwin.organs import organ
from organtwin.segmenting import Request, Seeds, method
from organtwin.segmenting.between_slices import filled, sparse_axis
from organtwin.segmenting.growing import Growing
from organtwin.segmenting.naming import named
from organtwin.segmenting.threshold import suggested
from tests.segmenting.abdomen import LIVER_MM, TUMOUR_MM, Abdomen, abdomen, dice

TOTALSEG = Path(__file__).resolve().parents[3] / "shared" / "data" / "totalseg-abdomen-3mm"
LIVER = organ("liver")
SPLEEN = (85.0, 20.0, 10.0)
LINES = {
    "liver": (((-90.0, -5.0, -5.0), (-30.0, -5.0, -5.0)),),
    "spleen": (((85.0, 0.0, 10.0), (85.0, 40.0, 10.0)),),
    "background": (
        ((20.0, -80.0, 0.0), (20.0, 20.0, 0.0)),
        ((-137.0, 0.0, 0.0), (-100.0, 84.0, 0.0)),
        ((-60.0, 0.0, 74.0), (60.0, 0.0, 74.0)),
    ),
}


@pytest.fixture(scope="module")
def plain() -> Abdomen:
    return abdomen(tumour_radius_mm=0.1)


def found(name: str, plain: Abdomen, seeds: Seeds | None = None, **settings: float) -> LabelMap:
    seeds = Seeds(scribbles=LINES) if seeds is None else seeds
    return method(name).labelled(Request(plain.volume, LIVER, seeds, None, settings), Watch())


@pytest.mark.parametrize("name", ["grow-from-seeds", "random-walker", "watershed"])
def test_that_scribbles_find_the_liver_of_a_phantom(plain: Abdomen, name: str) -> None:
    labels = found(name, plain)
    assert dice(labels.mask("liver"), plain.liver) > 0.93
    assert labels.structure("spleen").kind == "other"


def test_that_a_contour_grows_from_a_line_to_the_border_of_the_spleen(plain: Abdomen) -> None:
    labels = found(
        "geodesic-contour", plain, Seeds(scribbles={"spleen": LINES["spleen"]}), rounds=250.0
    )
    # An ellipsoid with half axes of 28, 38 and 38 mm.
    true_ml = 4.0 / 3.0 * np.pi * 2.8 * 3.8 * 3.8
    assert labels.volume_ml("spleen") == pytest.approx(true_ml, rel=0.1)


def test_that_a_threshold_takes_its_range_from_the_seeds(plain: Abdomen) -> None:
    labels = found("threshold", plain, opening_mm=4.0)
    assert dice(labels.mask("liver"), plain.liver) > 0.9


def test_that_a_threshold_keeps_to_the_values_said(plain: Abdomen) -> None:
    seeds = Seeds({"bone": ((0.0, 60.0, 0.0),)})
    labels = found("threshold", plain, seeds, lowest=200.0)
    assert plain.volume.voxels[labels.mask("bone")].min() >= 200


def test_that_a_threshold_that_takes_in_what_is_around_is_refused(plain: Abdomen) -> None:
    with pytest.raises(BadArgument, match="seeds around it too") as caught:
        found("threshold", plain, lowest=-200.0)
    assert "random-walker" in caught.value.advice


def test_that_the_range_suggested_holds_most_of_what_the_seeds_show() -> None:
    image = np.random.default_rng(0).normal(100.0, 5.0, (20, 20, 20)).astype(np.float32)
    low, high = suggested(image, np.argwhere(np.ones((5, 5, 5))))
    assert 80.0 < low < 90.0
    assert 110.0 < high < 120.0


@pytest.mark.parametrize(
    "name", ["grow-from-seeds", "random-walker", "watershed", "geodesic-contour", "threshold"]
)
def test_that_a_scribble_outside_the_image_is_refused_with_its_place(
    plain: Abdomen, name: str
) -> None:
    line = ((0.0, 0.0, 0.0), (900.0, 0.0, 0.0))
    with pytest.raises(BadArgument, match="outside the image") as caught:
        found(name, plain, Seeds(scribbles=LINES | {"liver": (line,)}))
    assert caught.value.advice


@pytest.mark.parametrize("name", ["grow-from-seeds", "random-walker", "geodesic-contour"])
def test_that_a_seeded_method_stops_when_asked(plain: Abdomen, name: str) -> None:
    request = Request(plain.volume, LIVER, Seeds(scribbles=LINES))
    with pytest.raises(Stopped):
        method(name).labelled(request, Watch(asked_to_stop=lambda: True))


@pytest.mark.parametrize("name", ["geodesic-contour", "threshold"])
def test_that_a_method_of_one_structure_needs_a_seed_in_it(plain: Abdomen, name: str) -> None:
    with pytest.raises(BadArgument, match="at least one structure"):
        found(name, plain, Seeds({"background": ((0.0, 0.0, 0.0),)}))


def test_that_growing_on_comes_to_what_all_seeds_at_once_give(plain: Abdomen) -> None:
    first = LINES | {"background": LINES["background"][:2]}
    growing = Growing(Request(plain.volume, LIVER, Seeds(scribbles=first)), Watch())
    labels = growing.add(Seeds(scribbles={"background": LINES["background"][2:]}), Watch())
    at_once = found("grow-from-seeds", plain)
    assert dice(labels.mask("liver"), at_once.mask("liver")) > 0.98


def test_that_a_tumour_grown_lies_in_the_liver_so_far() -> None:
    with_tumour = abdomen()
    so_far = LabelMap(
        with_tumour.liver.astype(np.uint8),
        with_tumour.volume.affine,
        (LIVER.structure("liver"),),
    )
    around = ((-75.0, -30.0, -10.0), (-40.0, -30.0, 20.0))
    seeds = Seeds(
        {"tumour-1": (TUMOUR_MM,), "background": (LIVER_MM,)}, {}, {"background": (around,)}
    )
    labels = method("random-walker").labelled(
        Request(with_tumour.volume, LIVER, seeds, so_far), Watch()
    )
    assert labels.structure("tumour-1").within == "liver"
    assert dice(labels.mask("tumour-1"), with_tumour.tumour) > 0.8


def test_that_the_slices_between_two_discs_make_a_cone() -> None:
    i, j = np.ogrid[:60, :60]
    disc = np.hypot(i - 30, j - 30)
    painted = np.zeros((60, 60, 11), bool)
    painted[..., 0], painted[..., 10] = disc <= 20.0, disc <= 10.0
    assert sparse_axis(painted) == 2
    middle = filled(painted, 2, (1.0, 1.0, 1.0))[..., 5]
    # Half way between radii of 20 and 10 is 15.
    assert middle.sum() == pytest.approx(np.pi * 15.0**2, rel=0.05)


def test_that_discs_that_do_not_overlap_are_joined_obliquely() -> None:
    painted = np.zeros((60, 20, 5), bool)
    painted[5:15, 5:15, 0] = painted[40:50, 5:15, 4] = True
    middle = filled(painted, 2, (1.0, 1.0, 1.0))[..., 2]
    assert np.argwhere(middle).mean(axis=0) == pytest.approx((27.0, 9.5), abs=1.0)


def test_that_painted_slices_become_a_liver(plain: Abdomen) -> None:
    sparse = np.zeros(plain.liver.shape, np.uint8)
    sparse[:, :, ::6] = plain.liver[:, :, ::6]
    labels = LabelMap(sparse, plain.volume.affine, (LIVER.structure("liver"),))
    done = method("between-slices").labelled(Request(plain.volume, LIVER, Seeds(), labels), Watch())
    slices = np.flatnonzero(sparse.any(axis=(0, 1)))
    held = np.zeros(plain.liver.shape, bool)
    held[:, :, slices[0] : slices[-1] + 1] = plain.liver[:, :, slices[0] : slices[-1] + 1]
    assert dice(done.mask("liver"), held) > 0.97


def test_that_nothing_to_fill_in_is_refused_with_advice(plain: Abdomen) -> None:
    whole = LabelMap(plain.liver.astype(np.uint8), plain.volume.affine, (LIVER.structure("liver"),))
    with pytest.raises(BadArgument, match="gaps"):
        method("between-slices").labelled(Request(plain.volume, LIVER, Seeds(), whole), Watch())


def test_that_unknown_names_get_labels_of_their_own() -> None:
    taken = dataclasses.replace(LIVER.structure("liver"), name="gallbladder", label=11)
    labels = LabelMap(np.zeros((2, 2, 2), np.uint8), np.eye(4), (taken,))
    structures = named(["a", "liver", "b", "tumour-2", "background"], LIVER, labels)
    assert [s.label for s in structures] == [12, LIVER.structure("liver").label, 13, 102]
    assert [s.within for s in structures][-1] == "liver"


def test_that_six_scribbles_find_a_real_kidney() -> None:
    if not TOTALSEG.is_dir():
        pytest.skip(f"the real image set is not there ({TOTALSEG})")
    with open_images(TOTALSEG / "example_ct.nii.gz", Watch()) as images:
        volume = images.volume(images.scan.series[0], Watch())
        source = images.label_source(TOTALSEG / "organs_v1" / "kidney_left.nii.gz", Watch())
        truth = images.masks(source, volume, Watch())[0].voxels > 0
    seeds = drawn(truth, volume.affine, "kidney-left", draw=0)
    labels = method("random-walker").labelled(Request(volume, LIVER, seeds), Watch())
    assert dice(labels.mask("kidney-left"), truth) >= 0.9
