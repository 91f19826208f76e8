"""What the geometry of the images does to the numbers of structures."""

from dataclasses import replace

import numpy as np
import pytest

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import GeometryReport, Grade, Volume
from organtwin.core.watch import Watch
from organtwin.pipeline.agreeing import OTHER_FRAME, Side, agreements, as_json
from organtwin.pipeline.measuring import CUT, WITHHELD, Measured, measured
from tests.phantoms import LIVER, ball, painted

LABELS = painted({LIVER: ball((0, 0, 0), 20)}, half_mm=(24, 24, 24), spacing_mm=(2.0, 2.0, 4.0))
HU = np.full(LABELS.labels.shape, 90, np.int16, order="F")


def liver(grade: Grade = "good", labels: LabelMap = LABELS, **image: object) -> Measured:
    report = GeometryReport((2.0, 2.0, 4.0), "LPS", grade=grade, findings=("a gap",))
    volume = replace(Volume(HU, LABELS.affine, "HU", "CT", report), **image)
    (found,) = measured(labels, report, Watch(), image=volume)
    return found


def test_that_a_withheld_geometry_leaves_values_and_takes_mm_and_ml() -> None:
    found = liver("withheld")
    assert (found.volume, found.diameters, found.unsure_ml) == (None, None, None)
    assert found.notes == (WITHHELD,)
    assert found.statistics is not None
    assert found.statistics.mean == 90.0


def test_that_what_the_geometry_may_change_stands_beside_the_volume() -> None:
    found = liver("acknowledged")
    # slices 4 mm apart: each end may lie 2 mm off
    assert found.unsure_ml == pytest.approx(2.0 * LABELS.ends_mm2("liver") / 1000.0)
    assert found.grade == "acknowledged"


def test_that_values_are_those_of_an_image_on_another_grid() -> None:
    fine = np.diag([1.0, 1.0, 1.0, 1.0])
    fine[:3, 3] = LABELS.affine[:3, 3]
    shape = tuple(n * s for n, s in zip(LABELS.labels.shape, (2, 2, 4), strict=True))
    found = liver(voxels=np.full(shape, 55, np.int16, order="F"), affine=fine)
    assert found.statistics is not None
    assert found.statistics.mean == 55.0
    assert found.statistics.count == pytest.approx(16 * found.voxels, rel=0.1)


def test_that_a_structure_cut_off_by_the_images_says_so() -> None:
    cut = LabelMap(LABELS.labels[:, :, 6:], LABELS.affine, LABELS.structures)
    assert CUT in liver(labels=cut).notes


def test_that_a_structure_without_voxels_is_told_and_not_measured() -> None:
    nothing = LabelMap(np.zeros_like(LABELS.labels), LABELS.affine, LABELS.structures)
    assert liver(labels=nothing).notes == ("no voxels",)


def test_that_other_frames_and_doubtful_geometry_are_said_with_an_agreement() -> None:
    first, second = Side("day 0", LABELS, "withheld", "1.2"), Side("day 45", LABELS, "good", "1.3")
    (found,), notes = agreements(first, second, Watch())
    assert OTHER_FRAME in notes
    assert "mm and mL withheld: the geometry of day 0 is in doubt" in notes
    told = as_json(found, withheld=True)
    assert told["dice"] == 1.0
    assert told["first_ml"] is None
    assert told["hd95_mm"] is None
