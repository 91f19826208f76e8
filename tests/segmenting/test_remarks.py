from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from organtwin.core.errors import EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Remark, Request, Seeds, method
from organtwin.segmenting.remarks import remarks_on
from tests.segmenting.abdomen import TUMOUR_MM, Abdomen, abdomen

LIVER = organ("liver")


@pytest.fixture(scope="module")
def plain() -> Abdomen:
    return abdomen()


def said(mask: np.ndarray, volume: Volume) -> dict[str, Remark]:
    labels = LabelMap(mask.astype(np.uint8), volume.affine, (LIVER.structure("liver"),))
    return {remark.kind: remark for remark in remarks_on(labels, volume, None)}


def test_that_a_liver_as_it_is_needs_no_remark(plain: Abdomen) -> None:
    assert said(plain.liver, plain.volume) == {}


def test_that_a_shifted_liver_is_remarked_to_lie_on_no_edge(plain: Abdomen) -> None:
    remark = said(np.roll(plain.liver, 5, axis=1), plain.volume)["edge"]
    assert remark.amount > 50.0


def test_that_a_cut_liver_is_remarked_with_the_side_and_the_area(plain: Abdomen) -> None:
    volume = plain.volume
    half = np.asfortranarray(volume.voxels[:, :, :30])
    remark = said(plain.liver[:, :, :30], dataclasses.replace(volume, voxels=half))["border"]
    assert "upper" in remark.what
    assert remark.amount == pytest.approx(plain.liver[:, :, 29].sum() * 0.09)
    assert remark.place_mm is not None
    assert remark.place_mm[2] == pytest.approx(volume.affine[2, 3] + 29 * 3.0)


def test_that_a_second_piece_is_remarked_with_its_volume_and_place(plain: Abdomen) -> None:
    two = plain.liver.copy()
    two[80:90, 30:40, 20:30] = True
    remark = said(two, plain.volume)["pieces"]
    assert remark.amount == pytest.approx(27.0)
    assert remark.place_mm == pytest.approx(plain.volume.affine[:3, 3] + [253.5, 103.5, 73.5])


def test_that_a_volume_no_liver_has_is_remarked_unless_volumes_are_withheld(plain: Abdomen) -> None:
    small = plain.liver.copy()
    small[:, :, 25:] = False
    assert said(small, plain.volume)["volume"].amount < 620.0
    report = GeometryReport((3.0,) * 3, "LPS", grade="withheld")
    assert "volume" not in said(small, dataclasses.replace(plain.volume, geometry=report))


def test_that_a_flat_image_is_remarked_once(plain: Abdomen) -> None:
    flat = dataclasses.replace(plain.volume, voxels=np.full_like(plain.volume.voxels, 40))
    assert list(said(plain.liver, flat)) == ["flat"]


def clicked(plain: Abdomen, diameter_mm: float) -> list[str]:
    seeds = Seeds({"tumour-1": (TUMOUR_MM,)}, {"tumour-1": diameter_mm})
    lines: list[str] = []
    request = Request(plain.volume, LIVER, seeds, note=lines.append)
    method("tumour-click").labelled(request, Watch())
    return lines


def test_that_a_tumour_as_large_as_said_needs_no_remark(plain: Abdomen) -> None:
    assert clicked(plain, 24.0) == []


def test_that_a_tumour_of_another_size_than_said_is_remarked(plain: Abdomen) -> None:
    (line,) = clicked(plain, 17.0)
    assert "not 17 mm as was said" in line
    assert "at (-75, -5, 15) mm" in line


@pytest.mark.parametrize("diameter_mm", [12.0, 60.0])
def test_that_a_tumour_that_nothing_bounds_is_refused(plain: Abdomen, diameter_mm: float) -> None:
    with pytest.raises(EmptyLabel, match="nothing in the image bounds"):
        clicked(plain, diameter_mm)


def test_that_a_walk_that_does_not_settle_is_told(
    plain: Abdomen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organtwin.segmenting.random_walker.MOST_ROUNDS", 3)
    seeds = Seeds({"liver": ((-60.0, -5.0, 5.0),), "background": ((60.0, -60.0, 5.0),)})
    found: list[Remark] = []
    request = Request(plain.volume, LIVER, seeds, remark=found.append)
    method("random-walker").labelled(request, Watch())
    assert "accuracy" in [remark.kind for remark in found]


def test_that_what_ends_where_nobody_looked_is_told_with_its_place() -> None:
    voxels = np.full((120, 40, 40), 100.0, np.float32, order="F")
    voxels[:, :10], voxels[:, 30:] = 0.0, 0.0
    volume = Volume(
        voxels, np.diag([-3.0, 3.0, 3.0, 1.0]), "HU", "CT", GeometryReport((3.0,) * 3, "LPS")
    )
    line = ((-60.0, 50.0, 60.0), (-60.0, 70.0, 60.0))
    around = (
        ((-60.0, 10.0, 60.0), (-60.0, 10.0, 80.0)),
        ((-60.0, 105.0, 60.0), (-60.0, 105.0, 80.0)),
    )
    seeds = Seeds(scribbles={"pipe": (line,), "background": around})
    found: list[Remark] = []
    method("watershed").labelled(Request(volume, LIVER, seeds, remark=found.append), Watch())
    (reach,) = [remark for remark in found if remark.kind == "reach"]
    assert reach.place_mm is not None
    assert -357.0 < reach.place_mm[0] < -100.0
