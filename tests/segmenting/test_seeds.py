from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.segmenting.seeds import Seeds, seeds_of

LINE = [[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]]


def test_that_a_scribble_is_sampled_from_end_to_end() -> None:
    places = seeds_of({"scribbles": {"liver": [LINE]}}).places("liver", 1.0)
    assert np.allclose(places[[0, -1]], LINE)
    assert np.allclose(np.linalg.norm(np.diff(places, axis=0), axis=1), 1.0)


def test_that_a_drawn_diameter_says_its_length() -> None:
    assert seeds_of({"diameters": {"tumour-1": LINE}}).diameters_mm["tumour-1"] == 5.0


@pytest.mark.parametrize(
    "plain",
    [
        {"dots": {}},
        {"points": 3},
        {"points": {"liver": [[1.0, 2.0]]}},
        {"points": {"liver": [[1.0, 2.0, float("nan")]]}},
        {"scribbles": {"liver": [LINE[:1]]}},
        {"diameters": {"tumour-1": [*LINE, [1.0, 1.0, 1.0]]}},
        {"diameters_mm": {"tumour-1": -3.0}},
        {"points": {"liver": [[0.0, 0.0, 0.0]] * 100_001}},
    ],
)
def test_that_what_is_no_seeds_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(BadArgument):
        seeds_of(plain)


def test_that_names_are_those_pointed_at() -> None:
    seeds = Seeds({"liver": ((0.0, 0.0, 0.0),), "spleen": ()}, {"tumour-1": 5.0})
    assert seeds.names == ("liver",)


def test_that_places_may_be_told_in_voxels_or_ras() -> None:
    affine = np.array([[2.0, 0, 0, 5], [0, 3.0, 0, 6], [0, 0, 4.0, 7], [0, 0, 0, 1]])
    told = {"points": {"liver": [[1.0, 1.0, 1.0]]}, "frame": "index"}
    assert seeds_of(told, affine).points["liver"] == ((7.0, 9.0, 11.0),)
    assert seeds_of(told | {"frame": "ras"}).points["liver"] == ((-1.0, -1.0, 1.0),)


def test_that_voxels_without_an_image_are_refused() -> None:
    with pytest.raises(BadArgument, match="frame"):
        seeds_of({"points": {"liver": [[1.0, 1.0, 1.0]]}, "frame": "index"})
