"""Outlines through DICOM RT Structure Sets and back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Outline

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import to_index
from organtwin.core.watch import Watch
from organtwin.importing import read_labels, read_masks, scan
from tests.exporting.visits import material, turned, written
from tests.phantoms import LIVER, ball, liver_phantom, painted

COARSE = (4.0, 4.0, 3.0)


def as_it_is(labels: LabelMap) -> LabelMap:
    return labels


@pytest.mark.parametrize("placed", [as_it_is, turned])
def test_that_labels_come_back_identical(
    placed: Callable[[LabelMap], LabelMap], tmp_path: Path
) -> None:
    one = material(placed(liver_phantom(COARSE)))
    found = scan(written("rtstruct", one, tmp_path)[0], Watch()).labels[0]
    back = read_labels(found, one.volume, one.organ, names=None, watch=Watch())
    assert np.array_equal(back.labels, one.labels.labels)
    assert back.structures == one.labels.structures


def test_that_random_voxels_with_holes_and_corners_come_back(tmp_path: Path) -> None:
    labels = np.zeros((20, 18, 4), dtype=np.uint8)
    labels[1:-1, 1:-1] = np.random.default_rng(5).random((18, 16, 4)) < 0.6
    one = material(turned(LabelMap(labels, np.diag([1.5, 0.7, 2.0, 1.0]), (LIVER,))))
    found = scan(written("rtstruct", one, tmp_path)[0], Watch()).labels[0]
    assert np.array_equal(read_masks(found, one.volume, Watch())[0].voxels, labels > 0)


def shell() -> LabelMap:
    """A ball with a hole in it."""
    thick = painted({LIVER: ball((0, 0, 0), 20.0)}, half_mm=(24, 24, 24), spacing_mm=COARSE)
    thin = painted({LIVER: ball((0, 0, 0), 10.0)}, half_mm=(24, 24, 24), spacing_mm=COARSE)
    return LabelMap(thick.labels - thin.labels, thick.affine, thick.structures)


def test_that_a_reader_that_unites_contours_sees_the_hole(tmp_path: Path) -> None:
    one = material(shell())
    seen = pydicom.dcmread(written("rtstruct", one, tmp_path)[0])
    ni, nj, _ = one.labels.labels.shape
    centres = np.stack(np.meshgrid(np.arange(ni), np.arange(nj), indexing="ij"), -1).reshape(-1, 2)
    united = np.zeros(one.labels.labels.shape, dtype=bool)
    for contour in seen.ROIContourSequence[0].ContourSequence:
        index = to_index(one.volume.affine, np.reshape(contour.ContourData, (-1, 3)))
        inside = Outline(index[:, :2]).contains_points(centres).reshape(ni, nj)
        united[:, :, round(index[0, 2])] |= inside
    assert np.array_equal(united, one.labels.mask("liver"))


def test_that_every_contour_names_the_image_it_lies_on(tmp_path: Path) -> None:
    one = material(turned(liver_phantom((8.0, 8.0, 6.0))))
    seen = pydicom.dcmread(written("rtstruct", one, tmp_path)[0])
    k_of = {i.sop_uid: k for k, i in enumerate(one.header.origin.instances)}
    for region in seen.ROIContourSequence:
        for contour in region.ContourSequence:
            points = np.reshape(contour.ContourData, (-1, 3)).astype(float)
            k = k_of[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            assert np.abs(to_index(one.volume.affine, points)[:, 2] - k).max() < 1e-4


def test_that_regions_have_the_organs_codes_and_colours(tmp_path: Path) -> None:
    one = material(liver_phantom((8.0, 8.0, 6.0)))
    seen = pydicom.dcmread(written("rtstruct", one, tmp_path)[0])
    codes = [o.RTROIIdentificationCodeSequence[0].CodeValue for o in seen.RTROIObservationsSequence]
    assert codes == [s.code.value for s in one.structures]
    assert seen.ROIContourSequence[0].ROIDisplayColor == [184, 82, 66]  # 255 × (.72, .32, .26)
