"""What is said at import of a series that says too little, or something else than the case."""

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


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "image.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.full((4, 4, 4), 60, dtype=np.int16)), str(path))
    return path


def test_that_a_person_answers_for_the_modality_of_a_plain_image(
    plain: Path, tmp_path: Path
) -> None:
    store = ObjectFolder(tmp_path / "objects")
    asked = {"path": str(plain), "taken_as": "CT"}
    case, done = run_step("import", Case("P"), store, arguments=asked, watch=Watch())
    volume = store.get(case.visits[0].volume)
    assert (volume.modality, volume.unit) == ("CT", "HU")
    assert done.arguments["taken_as"] == "CT"
    assert done.summary.startswith("1 visit(s) of CT, taken as CT: the files say none")


def test_that_nothing_is_taken_for_a_ct_by_itself(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="wanted modality"):
        run_step(
            "import",
            Case("P"),
            ObjectFolder(tmp_path / "objects"),
            arguments={"path": str(plain)},
            watch=Watch(),
        )


def test_that_a_head_in_a_case_of_a_liver_is_said(tmp_path: Path) -> None:
    written(tmp_path / "dicom", [0.0, 3.0, 6.0], BodyPartExamined="HEAD")
    store = ObjectFolder(tmp_path / "objects")
    arguments = {"path": str(tmp_path / "dicom")}
    _, done = run_step("import", Case("P"), store, arguments=arguments, watch=Watch())
    assert "this looks like a head scan; this case's organ is liver" in done.summary
