from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, NoImages
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_voxels
from organtwin.importing import image_at, labels_at
from organtwin.organs import organ

LIVER = organ("liver")
AFFINE = np.array([[-2.0, 0, 0, 30], [0, -3.0, 0, 40], [0, 0, 4.0, -50], [0, 0, 0, 1]])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    values = np.zeros((6, 7, 8), np.uint8, order="F")
    values[1:5, 1:5, 1:5] = 1
    values[2:3, 2:4, 2:4] = 7
    write_voxels(tmp_path / "labels.nii.gz", values, AFFINE, watch=Watch())
    return tmp_path / "labels.nii.gz"


def test_that_labels_without_images_lie_on_their_own_grid(file: Path) -> None:
    labels, grid = labels_at(file, LIVER, names={"label-1": "liver"}, watch=Watch())
    assert np.allclose(labels.affine, AFFINE, atol=1e-5)
    assert grid.voxels.shape == (6, 7, 8)
    assert labels.volume_ml("label-7") == pytest.approx(4 * 24 / 1000.0)


def test_that_a_file_without_modality_is_what_a_person_says(file: Path) -> None:
    volume = image_at(file, None, "CT", Watch())
    assert (volume.modality, volume.unit) == ("CT", "HU")


def test_that_contours_lie_on_the_images_beside_them(shared: Path) -> None:
    place = shared / "sts-002" / "dicom" / "CT"
    labels, grid = labels_at(place / "mask", LIVER, beside=place / "image", watch=Watch())
    assert labels.labels.shape == grid.voxels.shape


def test_that_contours_without_their_images_are_refused(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(NoImages):
        labels_at(
            shared / "ccth-a01-abdomen" / "RTstruct.dcm",
            LIVER,
            beside=shared / "totalseg-abdomen-3mm",
            watch=Watch(),
        )


def test_that_several_images_have_to_be_told_apart(shared: Path) -> None:
    with pytest.raises(BadArgument, match="series here"):
        image_at(shared / "sts-002", None, "", Watch())
