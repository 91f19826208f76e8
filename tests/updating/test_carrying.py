import numpy as np
import pytest

from organtwin.core.errors import MisplacedLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.registration import Registration
from organtwin.organs import organ, tumour
from organtwin.updating.carrying import carried
from organtwin.updating.mapping import to_baseline, to_visit
from organtwin.updating.observing import observe
from tests.phantoms import LIVER, ball, ellipsoid, liver_phantom, painted

MOVED = np.eye(4)
MOVED[:3, 3] = [5.0, -3.0, 4.0]
SHIFTED = Registration(MOVED, np.zeros((1, 1, 1, 3), np.float32), np.eye(4), "test", 0.0)
LEFT, RIGHT = (-30.0, 0.0, 0.0), (30.0, 0.0, 0.0)


def labels(*tumours: tuple[tuple[float, float, float], float], shift: bool = False) -> LabelMap:
    offset = MOVED[:3, 3] if shift else np.zeros(3)
    shapes = {LIVER: ellipsoid(offset, (60, 40, 30))}
    for number, (centre, radius) in enumerate(tumours, start=1):
        shapes[tumour(number, "liver")] = ball(np.add(centre, offset), radius)
    return painted(shapes, half_mm=(70, 50, 40))


def test_that_labels_come_back_to_where_they_were() -> None:
    baseline = labels((LEFT, 10.0), (RIGHT, 8.0))
    back = carried(labels((LEFT, 10.0), (RIGHT, 8.0), shift=True), SHIFTED, baseline)
    assert (back.labels == baseline.labels).mean() > 0.985


def test_that_the_identity_changes_nothing() -> None:
    baseline = liver_phantom((3.0, 3.0, 3.0))
    assert np.array_equal(
        carried(baseline, Registration.identity(), baseline).labels, baseline.labels
    )


def test_that_tumours_keep_their_names_when_the_visit_numbers_them_otherwise() -> None:
    baseline = labels((LEFT, 10.0), (RIGHT, 8.0))
    visit = labels((RIGHT, 12.0), (LEFT, 11.0))
    back = carried(visit, Registration.identity(), baseline)
    assert back.volume_ml("tumour-1") == visit.volume_ml("tumour-2")
    assert back.volume_ml("tumour-2") == visit.volume_ml("tumour-1")


def test_that_a_new_tumour_gets_the_next_number() -> None:
    baseline = labels((LEFT, 10.0))
    visit = labels((RIGHT, 12.0), (LEFT, 11.0))
    back = carried(visit, Registration.identity(), baseline)
    assert [s.name for s in back.of_kind("tumour")] == ["tumour-1", "tumour-2"]
    assert back.volume_ml("tumour-2") == visit.volume_ml("tumour-1")


def test_that_a_tumour_not_seen_any_more_is_not_observed() -> None:
    baseline = labels((LEFT, 10.0), (RIGHT, 8.0))
    back = carried(labels((RIGHT, 9.0)), Registration.identity(), baseline)
    seen = observe(back, day=45.0, organ=organ("liver"))
    assert [(o.structure, o.day) for o in seen] == [("tumour-2", 45.0)]


def test_that_an_observation_has_its_noise_from_the_organ() -> None:
    (seen,) = observe(labels((LEFT, 10.0)), day=45.0, organ=organ("liver"))
    assert seen.relative_sd == organ("liver").volume_relative_sd
    assert seen.noise_source == organ("liver").noise_source
    assert seen.volume_ml == labels((LEFT, 10.0)).volume_ml("tumour-1")


def test_that_labels_elsewhere_are_refused() -> None:
    far = np.eye(4)
    far[:3, 3] = 500.0
    away = Registration(far, np.zeros((1, 1, 1, 3), np.float32), np.eye(4), "test", 0.0)
    with pytest.raises(MisplacedLabel):
        carried(labels((LEFT, 10.0)), away, labels((LEFT, 10.0)))


def test_that_points_go_there_and_back() -> None:
    field = np.zeros((5, 5, 5, 3), np.float32)
    field[..., 0] = np.linspace(0.0, 2.0, 5)[:, None, None]
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    bent = Registration(MOVED, field, affine, "test", 0.0)
    points = np.array([[3.0, 20.0, 31.0], [22.0, 5.0, 7.0], [90.0, -40.0, 7.0]])
    assert np.allclose(to_baseline(bent, to_visit(bent, points)), points, atol=2e-3)


def test_that_a_single_point_is_mapped() -> None:
    assert np.allclose(to_visit(SHIFTED, np.zeros(3)), MOVED[:3, 3])
