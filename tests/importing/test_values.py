"""What stored values stand for: rescale, real-world mappings, units of PET, tables refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian

from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing import Scan, open_images, read_volume, scan
from tests.slices import slice_of, values_at

WATCH = Watch()
Write = Callable[..., list[Path]]
ADC = Code("mm2/s", "UCUM", "mm2/s")
SUV = Code("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight")
STORED = 123  # at i 3, j 2, k 1


def mapping(
    unit: Code, slope: float = 2.0, intercept: float = 5.0, *, last: int = 32767
) -> list[Dataset]:
    return [
        hd.pm.RealWorldValueMapping(
            "x", "x", unit, (-32768, last), slope=slope, intercept=intercept
        )
    ]


def scanned(write: Write, tmp_path: Path, **said: Any) -> Scan:
    write([0, 3, 6], **said)
    return scan(tmp_path / "dicom", WATCH)


def volume(found: Scan) -> Volume:
    (series,) = found.usable()
    return read_volume(series, WATCH)


PLAIN = {"RescaleSlope": None, "RescaleIntercept": None}
MR = {"Modality": "MR", **PLAIN}


def test_that_a_mapping_without_rescale_gives_value_and_unit(write: Write, tmp_path: Path) -> None:
    found = scanned(write, tmp_path, RealWorldValueMappingSequence=mapping(ADC, 1e-6, 0.0), **MR)
    assert volume(found).unit == "mm2/s"
    assert volume(found).voxels[3, 2, 1] == pytest.approx(STORED * 1e-6)


def test_that_rescale_goes_before_a_mapping(write: Write, tmp_path: Path) -> None:
    said = {"Modality": "MR", "RescaleSlope": 3, "RescaleIntercept": 1}
    found = scanned(write, tmp_path, RealWorldValueMappingSequence=mapping(ADC), **said)
    assert (volume(found).unit, volume(found).voxels[3, 2, 1]) == ("1", STORED * 3 + 1)
    assert "is not applied beside a Rescale" in found.series[0].geometry.findings[0]


def test_that_a_mapping_like_the_rescale_gives_its_unit(write: Write, tmp_path: Path) -> None:
    said = {"Modality": "MR", "RescaleSlope": 2, "RescaleIntercept": 5}
    found = scanned(write, tmp_path, RealWorldValueMappingSequence=mapping(ADC), **said)
    assert (volume(found).unit, volume(found).voxels[3, 2, 1]) == ("mm2/s", STORED * 2 + 5)


def test_that_uptake_is_not_made_where_activity_is_said(write: Write, tmp_path: Path) -> None:
    said = {"Modality": "PT", "Units": "BQML", "RescaleSlope": 1, "RescaleIntercept": 0}
    found = scanned(write, tmp_path, RealWorldValueMappingSequence=mapping(SUV), **said)
    assert (volume(found).unit, volume(found).voxels[3, 2, 1]) == ("Bq/mL", STORED)
    assert "to g/mL is not applied: values are in Bq/mL" in found.series[0].geometry.findings[0]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (mapping(ADC, last=4095), "does not cover every value"),
        (mapping(Code("[ft_i]", "UCUM", "feet")), "its unit is not known here"),
        (
            [hd.pm.RealWorldValueMapping("x", "x", ADC, (0, 2), lut_data=[1.0, 2.0, 4.0])],
            "it is not linear",
        ),
    ],
)
def test_that_a_mapping_not_to_be_trusted_is_told_and_left(
    write: Write, tmp_path: Path, items: list[Dataset], reason: str
) -> None:
    found = scanned(write, tmp_path, RealWorldValueMappingSequence=items, **MR)
    assert (volume(found).unit, volume(found).voxels[3, 2, 1]) == ("1", STORED)
    assert reason in found.series[0].geometry.findings[0]


@pytest.mark.parametrize(
    ("said", "unit"),
    [("BQML", "Bq/mL"), ("GML", "g/mL"), ("CNTS", "counts"), ("NONE", "1"), (None, "1")],
)
def test_that_pet_keeps_its_unit(write: Write, tmp_path: Path, said: str | None, unit: str) -> None:
    found = scanned(write, tmp_path, Modality="PT", Units=said, RescaleSlope=0.5)
    assert volume(found).unit == unit
    assert volume(found).voxels[3, 2, 1] == pytest.approx(STORED * 0.5 - 1000)


@pytest.mark.parametrize(
    ("said", "unit"),
    [({}, "HU"), ({"RescaleType": "HU"}, "HU"), ({"RescaleType": "ED"}, "1"), (PLAIN, "1")],
)
def test_that_only_rescaled_ct_is_in_hounsfield(
    write: Write, tmp_path: Path, said: dict[str, Any], unit: str
) -> None:
    assert volume(scanned(write, tmp_path, **said)).unit == unit


def test_that_each_slice_has_its_own_scale(write: Write, tmp_path: Path) -> None:
    for place, slope in ((0, 1), (3, 2), (6, 0.5)):
        write([place], Modality="PT", Units="BQML", RescaleSlope=slope, RescaleIntercept=0)
    voxels = volume(scan(tmp_path / "dicom", WATCH)).voxels
    assert voxels[3, 2].tolist() == [23, 46, 11.5]


def test_that_units_are_not_mixed(write: Write, tmp_path: Path) -> None:
    write([0, 3], Modality="PT", Units="BQML")
    write([6], Modality="PT", Units="GML")
    (series,) = scan(tmp_path / "dicom", WATCH).series
    assert series.refusal is not None
    assert series.refusal.reason == "slices in different units (Bq/mL, g/mL)"


def test_that_a_table_of_values_is_refused(write: Write, tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table.ModalityLUTType = "HU"
    table.add_new(0x00283006, "OW", bytes(8))
    found = scanned(write, tmp_path, ModalityLUTSequence=[table])
    assert {r.error_class for r in found.refused} == {"BadInput"}
    assert "ModalityLUTSequence" in found.refused[0].reason


@pytest.mark.parametrize("said", [{"RescaleSlope": 0}, {"RescaleSlope": "1e38"}])
def test_that_a_scale_that_measures_nothing_is_refused(
    write: Write, tmp_path: Path, said: dict[str, Any]
) -> None:
    (refused, *_) = scanned(write, tmp_path, **said).refused
    assert refused.error_class == "UnreadableFile"
    assert "measures nothing" in refused.reason


def enhanced(
    path: Path,
    rescale: list[float],
    *,
    modality: str = "MR",
    kind: str = "US",
    mapped: list[Dataset] | None = None,
) -> Scan:
    """Write an enhanced image of 3 frames, each with its slope, and scan it."""
    pixels = np.stack([values_at(n) for n in range(3)])
    one = slice_of(pixels[0], (0, 0, 0), Modality=modality, NumberOfFrames=3, **PLAIN)
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    one.PixelData = pixels.astype("<i2").tobytes()
    shared, per = Dataset(), []
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [2, 1], 3
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    if mapped:
        shared.RealWorldValueMappingSequence = mapped
    for n, slope in enumerate(rescale):
        frame, position, values = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 3 * n]
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = slope, 0, kind
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [position], [values]
        per.append(frame)
    one.SharedFunctionalGroupsSequence, one.PerFrameFunctionalGroupsSequence = [shared], per
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.save_as(path, enforce_file_format=True)
    return scan(path, WATCH)


def test_that_each_frame_has_its_own_scale(tmp_path: Path) -> None:
    voxels = volume(enhanced(tmp_path / "a.dcm", [1, 2, 0.5])).voxels
    assert voxels[3, 2].tolist() == [23, 246, 111.5]


@pytest.mark.parametrize(("kind", "unit"), [("HU", "HU"), ("US", "1")])
def test_that_enhanced_ct_is_in_hounsfield_where_it_says_so(
    tmp_path: Path, kind: str, unit: str
) -> None:
    found = enhanced(tmp_path / "a.dcm", [2, 2, 2], modality="CT", kind=kind)
    assert (volume(found).unit, volume(found).voxels[3, 2, 1]) == (unit, STORED * 2)


def test_that_enhanced_pet_has_the_unit_of_its_mapping(tmp_path: Path) -> None:
    items = mapping(SUV, 0.5, 0.0)
    found = enhanced(tmp_path / "a.dcm", [0.5] * 3, modality="PT", mapped=items)
    assert (volume(found).unit, volume(found).voxels[3, 2, 1]) == ("g/mL", STORED * 0.5)


def test_that_the_identity_leaves_the_unit_to_a_mapping(tmp_path: Path) -> None:
    found = enhanced(tmp_path / "a.dcm", [1, 1, 1], mapped=mapping(ADC))
    assert (volume(found).unit, volume(found).voxels[3, 2, 1]) == ("mm2/s", STORED * 2 + 5)


def test_that_the_philips_files_stay_in_their_own_scale(shared: Path) -> None:
    # their public rescale is used; the private scale slope is not (values: test_expected_series)
    found = scan(shared / "odd-dicom-a/enhanced-mr-philips", WATCH)
    assert {s.unit for s in found.series} == {"1"}


def test_that_samples_not_in_the_lowest_bits_are_refused(write: Write, tmp_path: Path) -> None:
    found = scanned(write, tmp_path, BitsStored=12, HighBit=15, PixelRepresentation=0)
    assert {r.error_class for r in found.refused} == {"UnreadableFile"}
    assert found.refused[0].reason == "its 12 bits stored end at bit 15, not 11 (HighBit)"


@pytest.mark.parametrize("kind", ["PALETTE COLOR", "RGB", "YBR_FULL", None])
def test_that_indices_of_colours_are_not_measured(
    write: Write, tmp_path: Path, kind: str | None
) -> None:
    found = scanned(write, tmp_path, PhotometricInterpretation=kind)
    assert not found.series
    assert {r.error_class for r in found.refused} == {"BadInput"}
    assert "PhotometricInterpretation" in found.refused[0].reason


def test_that_grey_values_shown_inverted_are_measured_as_stored(
    write: Write, tmp_path: Path
) -> None:
    found = scanned(write, tmp_path, PhotometricInterpretation="MONOCHROME1")
    assert volume(found).voxels[3, 2, 1] == STORED - 1000
    assert found.series[0].geometry.findings == (
        "MONOCHROME1: low values are shown bright; the values are as stored",
    )
    with open_images(tmp_path / "dicom", WATCH) as images:
        image = images.volume(images.scan.series[0], WATCH)
    assert (image.inverted, image.unit) == (True, "HU")


def test_that_slices_shown_inverted_and_others_are_not_one_volume(
    write: Write, tmp_path: Path
) -> None:
    for n in range(8):
        write([3.0 * n], PhotometricInterpretation=f"MONOCHROME{1 + (n == 3)}")
    (part,) = scan(tmp_path / "dicom", WATCH).series
    assert part.geometry.grade == "withheld"
    assert "differ in PhotometricInterpretation" in part.geometry.findings[0]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("absent", ["RescaleSlope", "RescaleIntercept"])
def test_that_half_a_rescale_is_refused(
    write: Write, tmp_path: Path, modality: str, absent: str
) -> None:
    found = scanned(write, tmp_path, Modality=modality, **{absent: None})
    assert found.refused[0].error_class == "UnreadableFile"
    assert found.refused[0].reason.startswith(f"no {absent}:")


def test_that_a_pet_without_rescale_is_refused(write: Write, tmp_path: Path) -> None:
    found = scanned(write, tmp_path, Modality="PT", Units="BQML", **PLAIN)
    assert not found.series
    assert found.refused[0].reason.startswith("no RescaleSlope and no RescaleIntercept")


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_that_one_image_without_rescale_refuses_its_series(
    write: Write, tmp_path: Path, modality: str
) -> None:
    write([0, 3], Modality=modality)
    write([6], **{"Modality": modality, **PLAIN})
    (series,) = scan(tmp_path / "dicom", WATCH).series
    assert series.refusal is not None
    assert series.refusal.error_class == "UnreadableFile"
    assert series.refusal.reason.startswith("002.dcm has no RescaleSlope")


def test_that_ct_without_rescale_says_that_it_is_not_in_hounsfield(
    write: Write, tmp_path: Path
) -> None:
    (series,) = scanned(write, tmp_path, **PLAIN).series
    assert any("not in HU" in finding for finding in series.geometry.findings)


PET = {"Modality": "PT", "Units": "BQML", "RescaleSlope": 1, "RescaleIntercept": 0}


@pytest.mark.parametrize(
    ("corrected", "decay", "finding"),
    [
        (["NORM", "DTIM"], "NONE", "not corrected for attenuation, scatter, decay"),
        (["ATTN"], "START", "not corrected for scatter"),
        (["ATTN", "SCAT"], "NONE", "not corrected for decay"),
        (None, "START", "is not said (CorrectedImage)"),
    ],
)
def test_that_a_pet_not_corrected_says_so(
    write: Write, tmp_path: Path, corrected: Any, decay: str, finding: str
) -> None:
    (series,) = scanned(
        write, tmp_path, CorrectedImage=corrected, DecayCorrection=decay, **PET
    ).series
    assert any(one.endswith(finding) for one in series.geometry.findings)


def test_that_a_corrected_pet_has_no_such_finding(write: Write, tmp_path: Path) -> None:
    done = {"CorrectedImage": ["DECY", "ATTN", "SCAT"], "DecayCorrection": "START"}
    (series,) = scanned(write, tmp_path, **done, **PET).series
    assert not any("correct" in finding for finding in series.geometry.findings)
