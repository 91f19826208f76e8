import numpy as np
import pytest

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import to_lps
from organtwin.organs import tumour
from organtwin.simulating.distance import DistanceGrid, distance_to
from tests.phantoms import LIVER, ball, ellipsoid, painted

CENTRE = (1.3, -0.7, 2.1)


def tumour_of(radius_mm: float, spacing_mm: tuple[float, float, float]) -> LabelMap:
    shapes = {
        LIVER: ellipsoid((0, 0, 0), (35, 35, 35)),
        tumour(1, "liver"): ball(CENTRE, radius_mm),
    }
    return painted(shapes, half_mm=(40, 40, 40), spacing_mm=spacing_mm)


def distances(grid: DistanceGrid, radius_mm: float) -> tuple[np.ndarray, np.ndarray]:
    index = np.stack(np.meshgrid(*map(np.arange, grid.distance_mm.shape), indexing="ij"), -1)
    exact = np.linalg.norm(to_lps(grid.affine, index) - CENTRE, axis=-1) - radius_mm
    return grid.distance_mm, exact


@pytest.mark.parametrize(
    ("radius_mm", "spacing_mm"), [(12.0, (1.4, 1.4, 2.5)), (5.0, (1.5, 1.5, 3.0))]
)
def test_that_the_enclosed_volume_is_the_labelled_one(
    radius_mm: float, spacing_mm: tuple[float, float, float]
) -> None:
    labels = tumour_of(radius_mm, spacing_mm)
    found = distance_to(labels, "tumour-1").volume_ml()
    assert found == pytest.approx(labels.volume_ml("tumour-1"), rel=0.002)


def test_that_distances_to_a_ball_are_right_within_a_fraction_of_a_voxel() -> None:
    found, exact = distances(distance_to(tumour_of(12.0, (1.4, 1.4, 2.5)), "tumour-1"), 12.0)
    assert np.sqrt(np.mean((found - exact) ** 2)) < 0.25
    assert np.abs(found - exact).max() < 1.25


def test_that_the_distance_has_slope_one_away_from_the_middle() -> None:
    grid = distance_to(tumour_of(12.0, (1.4, 1.4, 2.5)), "tumour-1")
    slope = np.linalg.norm(np.gradient(grid.distance_mm.astype(float), 1.5), axis=0)
    away = np.abs(distances(grid, 12.0)[1] - 5.0) < 3.0
    assert np.median(slope[away]) == pytest.approx(1.0, abs=0.01)


def test_that_the_box_reaches_beyond_the_tumour_by_the_margin() -> None:
    grid = distance_to(tumour_of(8.0, (2.0, 2.0, 2.0)), "tumour-1", margin_mm=10.0)
    assert grid.distance_mm[0].min() == pytest.approx(10.0, abs=1.0)
