"""Labels of a visit from research files: a person says which file and which label is what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from organtwin.casefolder import ObjectFolder
from organtwin.core.case import Case
from organtwin.core.errors import BadInput
from organtwin.core.watch import Watch
from organtwin.pipeline import run_step
from tests.slices import written

VALUES = np.zeros((5, 4, 5), dtype=np.uint8)
VALUES[1:4, 1:3, 1:4] = 5
VALUES[0, 0, 0] = 7
Visit = tuple[Case, ObjectFolder]


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    written(tmp_path / "dicom", [0.0, 3.0, 6.0, 9.0, 12.0])
    store = ObjectFolder(tmp_path / "objects")
    arguments = {"path": str(tmp_path / "dicom")}
    case, _ = run_step("import", Case("P"), store, arguments=arguments, watch=Watch())
    return case, store


def labelled(visit: Visit, path: Path, names: dict[str, str]) -> Case:
    """Write VALUES where the slices lie, as the file's ending says, and label the visit by it."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(VALUES.T))
    image.SetSpacing([1.0, 2.0, 3.0])
    image.SetOrigin([-10.0, -20.0, 0.0])
    sitk.WriteImage(image, str(path))
    case, store = visit
    arguments = {"path": str(path), "visit": 0, "names": names}
    after, _ = run_step("label", case, store, arguments=arguments, watch=Watch())
    return after


@pytest.mark.parametrize("name", ["x.nii.gz", "x.nrrd"])
def test_that_a_label_of_a_research_file_is_the_liver(
    visit: Visit, tmp_path: Path, name: str
) -> None:
    case = labelled(visit, tmp_path / name, {"label-5": "liver", "label-7": ""})
    labels = visit[1].get(case.visit(0).labels)
    assert np.array_equal(labels.mask("liver"), VALUES == 5)
    assert labels.volume_ml("liver") == pytest.approx(18 * 6 / 1000)


def test_that_labels_without_a_name_hold_no_visit(visit: Visit, tmp_path: Path) -> None:
    case = labelled(visit, tmp_path / "x.nii.gz", {"label-5": "liver", "label-7": ""})
    assert case.visits[0].held == ()


def test_that_a_folder_without_labels_is_refused(visit: Visit, tmp_path: Path) -> None:
    case, store = visit
    arguments = {"path": str(tmp_path / "dicom"), "visit": 0}
    with pytest.raises(BadInput):
        run_step("label", case, store, arguments=arguments, watch=Watch())
