"""Structures inside structures."""

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, EmptyLabel, MisplacedLabel
from organtwin.core.labelmap import LabelMap, stacked
from organtwin.organs import organ, tumour

LIVER = organ("liver").structure("liver")
TUMOUR = tumour(1, "liver")
AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])


def box(low: int, high: int) -> np.ndarray:
    mask = np.zeros((10, 10, 10), dtype=bool)
    mask[low:high, low:high, low:high] = True
    return mask


def two() -> LabelMap:
    return stacked({"liver": box(0, 8), "tumour-1": box(2, 4)}, (LIVER, TUMOUR), AFFINE)


def test_that_the_organ_includes_its_tumour() -> None:
    assert two().volume_ml("liver") == pytest.approx(8**3 * 2 / 1000)


def test_that_the_tumour_overrides_the_organ() -> None:
    assert (two().labels == TUMOUR.label).sum() == 8


def test_that_a_tumour_outside_its_organ_is_refused() -> None:
    with pytest.raises(MisplacedLabel, match="tumour-1 lies outside liver"):
        stacked({"liver": box(0, 4), "tumour-1": box(5, 9)}, (LIVER, TUMOUR), AFFINE)


def test_that_an_empty_label_is_refused() -> None:
    with pytest.raises(EmptyLabel):
        stacked({"liver": box(0, 4), "tumour-1": box(5, 5)}, (LIVER, TUMOUR), AFFINE)


def test_that_two_structures_of_one_name_are_refused() -> None:
    with pytest.raises(BadArgument):
        LabelMap(np.zeros((1, 1, 1), np.uint8), AFFINE, (LIVER, LIVER))


def test_that_an_unknown_structure_names_those_there_are() -> None:
    with pytest.raises(BadArgument, match="there are: liver, tumour-1"):
        two().structure("spleen")
