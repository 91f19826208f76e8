"""A small synthetic organ, moved and bent in a known way, its tumour grown meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from organtwin.core.errors import BadArgument, MisplacedLabel, Stopped
from organtwin.core.labelmap import LabelMap, stacked
from organtwin.core.registration import Registration
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.organs import tumour
from organtwin.updating.bending import Fineness
from organtwin.updating.carrying import carried
from organtwin.updating.mapping import jacobians, to_baseline, to_visit
from organtwin.updating.registration import register
from tests.phantoms import LIVER, PORTAL, ball, either, ellipsoid, tube

SPACING = (2.4, 2.4, 3.0)
SHAPE = (84, 70, 50)
AFFINE = np.diag([*SPACING, 1.0])
AFFINE[:3, 3] = [-(n - 1) / 2 * s for n, s in zip(SHAPE, SPACING, strict=True)]
TURN = Rotation.from_euler("xyz", [3.0, -2.0, 5.0], degrees=True).as_matrix()
SHIFT = np.array([6.0, -4.0, 7.0])
FORKS = np.array([[0, 0, -5], [-45, 0, 15], [45, -5, 10], [30, 0, -10], [-25, 10, 0.0]])
VESSELS = either(
    tube((0, 20, -45), FORKS[0], 5.0),
    tube(FORKS[0], FORKS[1], 4.0),
    tube(FORKS[0], FORKS[2], 4.0),
    tube(FORKS[1], (-65, 15, 20), 3.0),
    tube((10, 20, 38), FORKS[3], 4.0),
    tube(FORKS[3], (40, -20, -25), 3.0),
    tube((10, 20, 38), FORKS[4], 3.5),
    tube(FORKS[4], (-50, 20, -15), 3.0),
)
HASTY = Fineness(iterations=(2, 2))
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Attended:
    volume: Volume
    labels: LabelMap


def bent(points: Points) -> Points:
    """Baseline to visit: a breath of 8 mm under the dome, then a rigid motion."""
    weight = np.exp(-0.5 * (((points - (-30.0, 0.0, 45.0)) / (55.0, 45.0, 45.0)) ** 2).sum(-1))
    return (points + weight[..., None] * np.array([1.0, 2.0, -8.0])) @ TURN.T + SHIFT


def unbent(points: Points) -> Points:
    found = (points - SHIFT) @ TURN
    for _ in range(12):
        found = found + (points - bent(found)) @ TURN
    return found


def attended(
    lying: Callable[[Points], Points], tumour_mm: float, seed: int, *, scale: float = 1.0
) -> Attended:
    """The image and labels of the organ, `lying` maps visit points to resting ones.

    With `scale` organ, motion and image are so much smaller; voxels are not.
    """
    shape = tuple(round(scale * n) for n in SHAPE)
    affine = AFFINE.copy()
    affine[:3, 3] *= scale
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    points = lying(to_lps(affine, index) / scale)
    masks = {
        "liver": ellipsoid((0, 0, 0), (80, 60, 50))(points),
        "portal-vein": VESSELS(points),
        "tumour-1": ball((-35, -20, -12), tumour_mm)(points),
    }
    labels = stacked(masks, (LIVER, PORTAL, tumour(1, "liver")), affine)
    values = np.full(256, -90.0)
    values[[1, 2, 101]] = [100.0, 160.0, 60.0]
    noise = np.random.default_rng(seed).normal(0.0, 15.0, shape)
    hu = ndimage.gaussian_filter(values[labels.labels], 0.6) + noise
    volume = Volume(hu.astype(np.int16), affine, "HU", "CT", GeometryReport(SPACING, "LPS"))
    return Attended(volume, labels)


@pytest.fixture(scope="module")
def visits() -> tuple[Attended, Attended]:
    return attended(lambda p: p, 10.0, 1), attended(unbent, 14.0, 2)


@pytest.fixture(scope="module")
def found(visits: tuple[Attended, Attended]) -> Registration:
    first, second = visits
    return register(first.volume, first.labels, second.volume, second.labels, watch=Watch())


def test_that_vessel_forks_are_found_within_two_millimetres(found: Registration) -> None:
    away = np.linalg.norm(to_visit(found, FORKS) - bent(FORKS), axis=1)
    assert np.median(away) < 1.5
    assert away.max() < 2.5


def test_that_the_map_is_one_to_one(found: Registration) -> None:
    assert jacobians(found).min() > 0.3


def test_that_the_way_back_undoes_the_way_there(found: Registration) -> None:
    assert np.allclose(to_baseline(found, to_visit(found, FORKS)), FORKS, atol=0.01)


def test_that_the_organs_borders_come_together(found: Registration) -> None:
    assert found.residual_mm < 1.5


def test_that_growth_is_not_undone(found: Registration, visits: tuple[Attended, Attended]) -> None:
    """A ball of 14 mm at the visit: 4/3 π 1.4³ = 11.49 mL; at baseline it was 4.19."""
    moved = carried(visits[1].labels, found, visits[0].labels)
    assert moved.volume_ml("tumour-1") == pytest.approx(11.49, rel=0.08)


def test_that_the_organ_overlaps_itself(
    found: Registration, visits: tuple[Attended, Attended]
) -> None:
    first, second = (
        visits[0].labels.mask("liver"),
        carried(visits[1].labels, found, visits[0].labels),
    )
    both = (first & second.mask("liver")).sum()
    assert 2 * both / (first.sum() + second.mask("liver").sum()) > 0.98


def test_that_what_lies_beneath_another_is_carried_too(
    found: Registration, visits: tuple[Attended, Attended]
) -> None:
    """A second lesion drawn over half of the first takes none of its volume."""
    plain = visits[1].labels
    where = np.argwhere(plain.mask("tumour-1"))
    covered = plain.mask("tumour-1").copy()
    covered[: int(where[:, 0].mean())] = False
    masks = {s.name: plain.mask(s.name) for s in plain.structures} | {"tumour-2": covered}
    both = stacked(masks, (*plain.structures, tumour(2, "liver")), AFFINE, overlapping=True)
    moved = carried(both, found, visits[0].labels)
    alone = carried(plain, found, visits[0].labels)
    volumes = sorted(moved.volume_ml(s.name) for s in moved.of_kind("tumour"))
    assert volumes[-1] == pytest.approx(alone.volume_ml("tumour-1"), rel=0.02)


def test_that_it_stops_on_request(visits: tuple[Attended, Attended]) -> None:
    first, second = visits
    told: list[float] = []
    watch = Watch(lambda fraction, _: told.append(fraction), lambda: len(told) > 4)
    with pytest.raises(Stopped):
        register(first.volume, first.labels, second.volume, second.labels, watch=watch)


def test_that_an_organ_without_label_is_refused(visits: tuple[Attended, Attended]) -> None:
    first = visits[0]
    bare = LabelMap(np.zeros(SHAPE, np.uint8), AFFINE, (tumour(1, ""),))
    with pytest.raises(BadArgument):
        register(first.volume, first.labels, first.volume, bare, watch=Watch())


def test_that_labels_of_something_else_are_refused(visits: tuple[Attended, Attended]) -> None:
    """A label a quarter as wide as the organ: no smooth map brings the borders together."""
    first = visits[0]
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    small = ellipsoid((0, 0, 0), (20, 15, 45))(to_lps(AFFINE, index))
    other = stacked({"liver": small}, (LIVER,), AFFINE)
    with pytest.raises((MisplacedLabel, BadArgument)):
        register(first.volume, first.labels, first.volume, other, watch=Watch(), fineness=HASTY)
