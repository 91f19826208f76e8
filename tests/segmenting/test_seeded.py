from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request, Seeds, method
from tests.segmenting.abdomen import LIVER_MM, TUMOUR_MM, Abdomen, abdomen, dice

LIVER = organ("liver")
FAT, SPLEEN, WALL, LUNG = (20.0, -60.0, -40.0), (85.0, 20.0, 10.0), (130.0, 0.0, 0.0), (0, 0, 74.0)


@pytest.fixture(scope="module")
def plain() -> Abdomen:
    return abdomen()


@pytest.fixture(scope="module")
def liver(plain: Abdomen) -> LabelMap:
    labels = plain.liver.astype(np.uint8)
    return LabelMap(labels, plain.volume.affine, (LIVER.structure("liver"),))


def clicked(
    plain: Abdomen, so_far: LabelMap | None, *, off_mm: float = 0.0, diameter_mm: float = 24.0
) -> LabelMap:
    x, y, z = TUMOUR_MM
    seeds = Seeds({"tumour-1": ((x + off_mm, y, z),)}, {"tumour-1": diameter_mm})
    return method("tumour-click").labelled(Request(plain.volume, LIVER, seeds, so_far), Watch())


@pytest.mark.parametrize(("off_mm", "diameter_mm"), [(0.0, 24.0), (4.0, 28.0), (-4.0, 20.0)])
def test_that_one_click_outlines_a_tumour(
    plain: Abdomen, liver: LabelMap, off_mm: float, diameter_mm: float
) -> None:
    labels = clicked(plain, liver, off_mm=off_mm, diameter_mm=diameter_mm)
    assert dice(labels.mask("tumour-1"), plain.tumour) > 0.85


def test_that_a_clicked_tumour_keeps_its_volume(plain: Abdomen, liver: LabelMap) -> None:
    true_ml = float(plain.tumour.sum()) * plain.volume.voxel_ml
    assert clicked(plain, liver).volume_ml("tumour-1") == pytest.approx(true_ml, rel=0.1)


def test_that_a_click_leaves_the_other_labels(plain: Abdomen, liver: LabelMap) -> None:
    assert np.array_equal(clicked(plain, liver).mask("liver"), liver.mask("liver"))


def test_that_a_second_click_draws_the_tumour_anew(plain: Abdomen, liver: LabelMap) -> None:
    first = clicked(plain, liver)
    again = clicked(plain, first)
    assert np.array_equal(first.labels, again.labels)


def test_that_a_click_works_without_labels(plain: Abdomen) -> None:
    assert [s.name for s in clicked(plain, None).structures] == ["tumour-1"]


def test_that_a_click_into_plain_liver_finds_nothing(plain: Abdomen, liver: LabelMap) -> None:
    seeds = Seeds({"tumour-1": ((-40.0, 0.0, -15.0),)}, {"tumour-1": 15.0})
    with pytest.raises(EmptyLabel, match="differs"):
        method("tumour-click").labelled(Request(plain.volume, LIVER, seeds, liver), Watch())


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (Seeds(), "no tumour"),
        (Seeds({"tumour-1": (TUMOUR_MM,)}), "no diameter"),
        (Seeds({"tumour-1": (TUMOUR_MM, TUMOUR_MM)}, {"tumour-1": 20.0}), "2 points"),
        (Seeds({"tumour-1": ((900.0, 0.0, 0.0),)}, {"tumour-1": 20.0}), "outside"),
        (Seeds({"lump": (TUMOUR_MM,)}, {"lump": 20.0}), "no tumour"),
    ],
)
def test_that_a_wrong_click_is_refused(plain: Abdomen, seeds: Seeds, said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        method("tumour-click").labelled(Request(plain.volume, LIVER, seeds, None), Watch())


def test_that_a_few_points_grow_to_liver_tumour_and_spleen(plain: Abdomen) -> None:
    points = {
        "liver": (LIVER_MM,),
        "tumour-1": (TUMOUR_MM,),
        "spleen": (SPLEEN,),
        "background": (FAT, WALL, LUNG),
    }
    grow = method("grow-from-seeds").labelled
    labels = grow(Request(plain.volume, LIVER, Seeds(points)), Watch())
    assert dice(labels.mask("liver"), plain.liver) > 0.93
    assert dice(labels.mask("tumour-1"), plain.tumour) > 0.75
    assert labels.structure("spleen").kind == "other"


def test_that_growing_keeps_other_labels(plain: Abdomen, liver: LabelMap) -> None:
    points = {"spleen": (SPLEEN,), "background": (FAT, WALL, LIVER_MM)}
    labels = method("grow-from-seeds").labelled(
        Request(plain.volume, LIVER, Seeds(points), liver), Watch()
    )
    assert {s.name for s in labels.structures} == {"liver", "spleen"}


def test_that_growing_needs_a_background(plain: Abdomen) -> None:
    with pytest.raises(BadArgument, match="around it"):
        method("grow-from-seeds").labelled(
            Request(plain.volume, LIVER, Seeds({"liver": (LIVER_MM,)}), None), Watch()
        )
