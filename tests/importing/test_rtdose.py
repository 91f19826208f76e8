"""RT Dose written by pydicom to order, against its own numbers and SimpleITK's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTDoseStorage

from organtwin.core.volume import Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.importing import Scan, read_volume, scan

WATCH = Watch()
OBLIQUE = [0.8, 0.6, 0.0, 0.0, 0.0, -1.0]
Dose = Callable[..., Scan]


@pytest.fixture
def dose(tmp_path: Path) -> Dose:
    """Return what writes a dose of 5 by 4 by n pixels, value = 100 k + 10 j + i, and scans it."""

    def write(offsets: Sequence[float], *, bits: int = 32, name: str = "dose", **said: Any) -> Scan:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = RTDoseStorage
        meta.MediaStorageSOPInstanceUID = f"1.2.3.{len(name)}"
        one = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
        values: dict[str, Any] = {
            "SOPClassUID": RTDoseStorage,
            "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
            "SeriesInstanceUID": "1.2.5",
            "StudyInstanceUID": "1.2",
            "FrameOfReferenceUID": "1.2.9",
            "Modality": "RTDOSE",
            "SeriesDescription": "Boost",
            "ImagePositionPatient": [-10.0, -20.0, 30.0],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [2.0, 1.0],
            "Rows": 4,
            "Columns": 5,
            "NumberOfFrames": len(offsets),
            "FrameIncrementPointer": 0x3004000C,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": bits,
            "BitsStored": bits,
            "HighBit": bits - 1,
            "PixelRepresentation": 0,
            "DoseUnits": "GY",
            "DoseType": "PHYSICAL",
            "DoseSummationType": "PLAN",
            "DoseGridScaling": "0.0125",
            "GridFrameOffsetVector": list(offsets),
        }
        for keyword, value in (values | said).items():
            if value is not None:
                setattr(one, keyword, value)
        k, j, i = np.mgrid[: len(offsets), :4, :5]
        one.PixelData = (100 * k + 10 * j + i).astype(f"<u{bits // 8}").tobytes()
        one.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
        return scan(tmp_path, WATCH)

    return write


def volume_of(found: Scan) -> Volume:
    (series,) = found.usable()
    return read_volume(series, WATCH)


@pytest.mark.parametrize("bits", [16, 32])
def test_that_dose_is_in_gray(dose: Dose, bits: int) -> None:
    volume = volume_of(dose([0, 3, 6], bits=bits))
    assert (volume.unit, volume.modality) == ("Gy", "RTDOSE")
    assert volume.voxels[3, 2, 1] == pytest.approx(123 * 0.0125)


def test_that_kind_and_summation_are_in_the_description(dose: Dose) -> None:
    assert dose([0, 3, 6]).series[0].description == "Boost, physical dose, plan"


@pytest.mark.parametrize("offsets", [[0, 3, 6], [30, 33, 36], [0, -3, -6], [30, 27, 24]])
@pytest.mark.parametrize("z", [30.0, 0.0])
def test_that_offsets_are_relative_or_patient_z(dose: Dose, offsets: list[float], z: float) -> None:
    if offsets[0]:
        offsets = [offset - 30 + z for offset in offsets]
    volume = volume_of(dose(offsets, ImagePositionPatient=[-10.0, -20.0, z]))
    where = z + (offsets[2] - offsets[0])
    index = np.round(np.linalg.solve(volume.affine, [-7, -16, where, 1])[:3]).astype(int)
    assert volume.voxels[tuple(index)] == pytest.approx(223 * 0.0125)


def test_that_an_oblique_dose_lies_along_its_normal(dose: Dose) -> None:
    volume = volume_of(dose([0, 3, 6], ImageOrientationPatient=OBLIQUE))
    normal = np.cross(OBLIQUE[:3], OBLIQUE[3:])
    assert to_lps(volume.affine, [0, 0, 2]) == pytest.approx([-10, -20, 30] + 6 * normal)


@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 1, 0], OBLIQUE])
def test_that_simpleitk_places_it_alike_and_leaves_the_scaling(
    dose: Dose, tmp_path: Path, orientation: list[float]
) -> None:
    volume = volume_of(dose([0, 3, 6, 9], ImageOrientationPatient=orientation))
    theirs = sitk.ReadImage(str(tmp_path / "dose.dcm"))
    assert np.allclose(sitk.GetArrayFromImage(theirs).T * 0.0125, volume.voxels, atol=1e-6)
    for index in [(0, 0, 0), (4, 3, 3)]:
        assert theirs.TransformIndexToPhysicalPoint(index) == pytest.approx(
            to_lps(volume.affine, index), abs=1e-3
        )


def test_that_uneven_offsets_are_resampled_and_withheld(dose: Dose) -> None:
    (series,) = dose([0, 2, 4, 7]).series
    assert series.geometry.grade == "withheld"
    assert "2.00 to 3.00 mm" in series.geometry.findings[0]


def test_that_two_doses_of_one_series_are_two_parts(dose: Dose) -> None:
    dose([0, 3, 6])
    found = dose([0, 3, 6], name="other", DoseSummationType="BEAM")
    assert [(s.part, s.size[2]) for s in found.usable()] == [(0, 3), (1, 3)]


@pytest.mark.parametrize(
    ("said", "error", "reason"),
    [
        ({"DoseUnits": "RELATIVE"}, "BadInput", "RELATIVE, not in Gy"),
        ({"DoseUnits": None}, "BadInput", "in no unit"),
        ({"DoseGridScaling": None}, "UnreadableFile", "no DoseGridScaling"),
        ({"GridFrameOffsetVector": [0, 3]}, "WrongGeometry", "3 dose planes, but 2 offsets"),
        ({"GridFrameOffsetVector": None}, "WrongGeometry", "3 dose planes, but 0 offsets"),
        ({"GridFrameOffsetVector": [5, 8, 11]}, "WrongGeometry", "neither relative"),
        ({"GridFrameOffsetVector": [0, 3, 2]}, "WrongGeometry", "up and down"),
        (
            {"GridFrameOffsetVector": [30, 33, 36], "ImageOrientationPatient": OBLIQUE},
            "WrongGeometry",
            "neither relative",
        ),
    ],
)
def test_that_a_dose_that_cannot_be_trusted_is_refused(
    dose: Dose, said: dict[str, Any], error: str, reason: str
) -> None:
    (refused,) = dose([0, 3, 6], **said).refused
    assert refused.error_class == error
    assert reason in refused.reason


def test_that_every_cut_dose_is_refused(dose: Dose, tmp_path: Path) -> None:
    dose([0, 3, 6])
    whole = (tmp_path / "dose.dcm").read_bytes()
    for length in range(200, len(whole) - 1, 61):
        (tmp_path / "dose.dcm").write_bytes(whole[:length])
        found = scan(tmp_path, WATCH)
        assert found.refused
        assert all(s.refusal for s in found.series)
