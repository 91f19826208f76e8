from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from organtwin.core.errors import EmptyLabel
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing import image_at
from organtwin.organs import organ
from organtwin.segmenting import Request, method
from organtwin.segmenting.plausible import sphericity
from tests.segmenting.abdomen import abdomen


def liver_of(volume: Volume) -> None:
    method("liver-ct").labelled(Request(volume, organ("liver")), Watch())


@pytest.mark.parametrize(("axis", "said"), [(0, "mirrored"), (1, "behind"), (2, "upside down")])
def test_that_an_image_the_wrong_way_round_is_refused(axis: int, said: str) -> None:
    volume = abdomen().volume
    spleen = volume.voxels.copy(order="F")
    spleen[74:86, 30:60, 20:42] = 122  # large enough to be taken for a liver where there is none
    turned = np.asfortranarray(np.flip(spleen, axis))
    with pytest.raises(EmptyLabel, match=said) as caught:
        liver_of(dataclasses.replace(volume, voxels=turned))
    assert " mm" in caught.value.where
    assert caught.value.advice


def test_that_a_leg_has_no_liver(shared: Path) -> None:
    with pytest.raises(EmptyLabel, match="no liver"):
        liver_of(image_at(shared / "sts-002" / "dicom" / "CT", None, "CT", Watch()))


def test_that_a_ball_is_round_and_a_plate_is_not() -> None:
    axes = np.ogrid[-20:21, -20:21, -20:21]
    ball = np.asarray(sum(a**2 for a in axes) <= 18**2)
    plate = ball & (axes[2] == 0)
    assert sphericity(ball, (1.0, 1.0, 1.0)) == pytest.approx(1.0, abs=0.03)
    assert sphericity(ndimage.zoom(ball, (1, 1, 0.5), order=0), (1.0, 1.0, 2.0)) > 0.9
    assert sphericity(plate, (1.0, 1.0, 1.0)) < 0.5
