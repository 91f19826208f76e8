from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request, Seeds, method
from organtwin.segmenting.boundary import signed_mm

MM, SIZE = 2.0, 50
LINE = ((50.0, 30.0, 66.0), (50.0, 70.0, 66.0))
AROUND = (((8.0, 50.0, 50.0), (8.0, 90.0, 50.0)), ((92.0, 50.0, 50.0), (92.0, 90.0, 50.0)))
CAVITY = ((46.0, 50.0, 50.0), (54.0, 50.0, 50.0))


@pytest.mark.parametrize(
    ("name", "settings"),
    [("watershed", {}), ("geodesic-contour", {"rounds": 100.0}), ("random-walker", {})],
)
def test_that_a_background_scribble_in_a_cavity_is_not_overruled(
    name: str, settings: dict[str, float]
) -> None:
    axes = np.ogrid[:SIZE, :SIZE, :SIZE]
    away = np.sqrt(sum((a * MM - 50.0) ** 2 for a in axes))
    picture = np.where((away < 36.0) & (away > 10.0), 110.0, 20.0)
    noisy = picture + np.random.default_rng(5).normal(0.0, 6.0, picture.shape)
    affine = np.diag([MM, MM, MM, 1.0])
    report = GeometryReport((MM,) * 3, "LPS")
    volume = Volume(np.asfortranarray(noisy.astype(np.float32)), affine, "HU", "CT", report)
    seeds = Seeds(scribbles={"liver": (LINE,), "background": (*AROUND, CAVITY)})
    request = Request(volume, organ("liver"), seeds, None, settings)
    found = method(name).labelled(request, Watch()).mask("liver")
    assert not found[23:28, 25, 25].any()
    assert found[25, 15:36, 33].all()
    assert (found & (away < 10.0)).sum() < 0.3 * (away < 10.0).sum()


def test_that_distances_keep_their_sign_in_long_voxels() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[3:6, 3:6, 3:6] = True
    found = signed_mm(mask, (0.5, 0.5, 5.0))
    assert np.array_equal(found < 0.0, mask)
    assert found[3, 4, 4] == pytest.approx(-0.25)
    assert found[2, 4, 4] == pytest.approx(0.25)
