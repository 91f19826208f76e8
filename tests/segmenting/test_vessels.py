from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request, Seeds, method
from organtwin.segmenting.last import Last
from organtwin.segmenting.veins import pointed
from tests.segmenting.test_parts import tube

LIVER = organ("liver")
MM = 1.5
PORTAL = tube((6, 25, 24), (43, 25, 24), 2.2)
HEPATIC = tube((27, 7, 27), (23, 42, 27), 2.0)


def picture(vessels: np.ndarray, modality: str = "MR") -> Request:
    """An organ of 100 with vessels of 160, blurred by 1 mm, noise 6, the organ labelled."""
    axes = np.indices(vessels.shape) - 25.0
    inside = np.sqrt((axes**2).sum(axis=0)) < 22.0
    values = np.where(inside, np.where(vessels, 160.0, 100.0), 0.0)
    noise = np.random.default_rng(5).normal(0.0, 6.0, values.shape)
    image = (ndimage.gaussian_filter(values, 1.0 / MM) + noise).astype(np.float32)
    affine = np.diag([MM, MM, MM, 1.0])
    report = GeometryReport((MM,) * 3, "LPS")
    volume = Volume(np.asfortranarray(image), affine, "1", modality, report)
    labels = LabelMap(inside.astype(np.uint8), affine, (LIVER.structure("liver"),))
    return Request(volume, LIVER, Seeds(), labels)


def found(request: Request, points: dict[str, tuple[int, int, int]]) -> LabelMap:
    places = {name: (tuple(MM * n for n in at),) for name, at in points.items()}
    asked = Request(request.volume, request.organ, Seeds(places), request.labels)
    return method("vessels").labelled(asked, Watch())


def test_that_two_points_tell_crossing_vessels_apart() -> None:
    labels = found(
        picture(PORTAL | HEPATIC), {"portal-vein": (10, 25, 24), "hepatic-vein": (26, 10, 27)}
    )
    assert labels.mask("portal-vein")[40, 25, 24]
    assert labels.mask("hepatic-vein")[23, 40, 27]
    assert not labels.mask("portal-vein")[26, 12, 27]


def test_that_clicks_say_what_they_moved_and_which_lie_on_no_vessel() -> None:
    request = picture(PORTAL | HEPATIC)
    first = found(request, {"portal-vein": (10, 25, 24), "hepatic-vein": (26, 10, 27)})
    at = {"portal-vein": [(26, 10, 27), (10, 40, 10)], "hepatic-vein": [(10, 25, 24)]}
    seeds = Seeds({n: tuple(tuple(MM * x for x in p) for p in ps) for n, ps in at.items()})
    notes: list[str] = []
    asked = Request(request.volume, LIVER, seeds, first, note=notes.append)
    made = method("vessels").labelled(asked, Watch())
    moved = first.mask("portal-vein") & made.mask("hepatic-vein")
    said = " ".join(notes)
    assert f"{moved.sum() * MM**3 / 1000.0:.2f} mL moved from portal-vein to hepatic-vein" in said
    (beside,) = [note for note in notes if "lies on no vessel" in note]
    assert "portal-vein has a point that lies on no vessel, which moved nothing" in beside
    assert sum("three tenths of the centreline" in note for note in notes) == 2


def test_that_vessels_not_told_apart_are_labelled_as_such() -> None:
    labels = found(picture(PORTAL), {"portal-vein": (10, 25, 24)})
    assert [s.name for s in labels.of_kind("vessel")] == ["veins"]
    assert labels.volume_ml("liver") > 0.0


def test_that_an_organ_without_bright_vessels_is_refused_with_advice() -> None:
    with pytest.raises(EmptyLabel) as caught:
        found(picture(np.zeros_like(PORTAL)), {})
    assert caught.value.advice


@pytest.mark.parametrize(
    ("points", "error"),
    [
        ({"aorta": (10, 25, 24)}, BadArgument),
        ({"portal-vein": (49, 49, 600)}, BadArgument),
        ({"portal-vein": (15, 15, 20)}, EmptyLabel),
    ],
)
def test_that_a_seed_on_no_vessel_is_refused(
    points: dict[str, tuple[int, int, int]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        found(picture(PORTAL | HEPATIC), points)


def test_that_without_a_labelled_organ_only_a_ct_will_do() -> None:
    request = picture(PORTAL)
    with pytest.raises(BadArgument, match="MR"):
        method("vessels").labelled(Request(request.volume, LIVER), Watch())


def test_that_a_point_between_two_vessels_marks_the_nearest_only() -> None:
    near, far = tube((5, 20, 20), (35, 20, 20), 1.0), tube((5, 24, 20), (35, 24, 20), 1.0)
    place = np.zeros_like(near)
    place[20, 21, 20] = True
    marked = pointed(near | far, place, (1.0, 1.0, 1.0), "portal-vein")
    assert (marked & near).any()
    assert not (marked & far).any()


def test_that_what_was_made_of_the_same_objects_is_kept_until_one_goes() -> None:
    made: list[int] = []
    one, last = np.zeros(1), Last[int]()

    def make() -> int:
        made.append(1)
        return len(made)

    assert [last.of((one, None), 1, make) for _ in range(2)] == [1, 1]
    assert last.of((one, None), 2, make) == 2
    assert last.of((np.zeros(1), None), 2, make) == 3
