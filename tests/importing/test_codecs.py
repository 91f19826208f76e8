"""Codings of pixels: exact where nothing is lost, said where it is, refused where not read."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from organtwin.core.errors import UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing import read_volume, scan
from organtwin.importing.formats import everything_wanted
from organtwin.importing.opening import opened
from organtwin.importing.pixels import FrameReader
from organtwin.importing.planes import pixels_of

WATCH = Watch()
JPEG = "1.2.840.10008.1.2.4."
Write = Callable[..., list[Path]]
LOSSLESS = [
    f"{kind}_{code}.dcm" for kind in ("CT2", "MR4") for code in ("J2KR", "JLSL", "JPLL", "RLE")
]


def frame_of(path: Path) -> NDArray[Any]:
    return FrameReader(pixels_of(opened(path, everything_wanted()))).frame(0)


@pytest.mark.parametrize("name", LOSSLESS)
def test_that_lossless_codes_are_exact(shared: Path, name: str) -> None:
    folder = shared / "odd-dicom-a/codecs-wg04"
    original = frame_of(folder / f"{name[:3]}_UNC.dcm")
    assert np.array_equal(frame_of(folder / name), original)


@pytest.mark.parametrize(
    ("name", "most"), [("CT2_J2KI", 402), ("MR4_J2KI", 29), ("CT2_JLSN", 4), ("MR4_JLSN", 4)]
)
def test_that_lossy_codes_lose_what_they_lose(shared: Path, name: str, most: int) -> None:
    # compared_with_uncompressed in expected.json of the set
    folder = shared / "odd-dicom-a/codecs-wg04"
    original = frame_of(folder / f"{name[:3]}_UNC.dcm").astype(int)
    assert np.abs(frame_of(folder / f"{name}.dcm") - original).max() == most


def test_that_jpeg_of_12_bits_is_read(shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # SimpleITK's minimum, maximum and mean of the file, before its rescale: expected.json
    pixels = frame_of(shared / "odd-dicom-a/codecs-wg04/MR4_JPLY.dcm")
    slope, intercept = 9.570207, -19595.0
    rescaled = pixels * slope + intercept
    assert (rescaled.min(), rescaled.max()) == pytest.approx((-19595.0, 961.8046), abs=1e-3)
    assert rescaled.mean() == pytest.approx(-5087.5444, abs=1e-3)


def test_that_it_is_near_its_original(shared: Path) -> None:
    folder = shared / "odd-dicom-a/codecs-wg04"
    apart = frame_of(folder / "MR4_JPLY.dcm").astype(int) - frame_of(folder / "MR4_UNC.dcm")
    assert np.abs(apart).max() < 100
    assert abs(apart.mean()) < 0.5


def test_that_compression_with_loss_is_said(shared: Path) -> None:
    (series,) = scan(shared / "odd-dicom-a/codecs-wg04/MR4_JPLY.dcm", WATCH).series
    said = "lossy compressed (ISO_10918_1, ratio 33): values are not those measured"
    assert said in series.geometry.findings


def test_that_of_copies_the_one_without_loss_is_kept(write: Write, tmp_path: Path) -> None:
    one = pydicom.dcmread(write([0, 3, 6])[0])
    one.LossyImageCompression, one.PixelData = "01", bytes(len(one.PixelData))
    one.save_as(tmp_path / "dicom/last.dcm", enforce_file_format=True)
    (series,) = scan(tmp_path / "dicom", WATCH).usable()
    assert "1 copies of the same images were left out" in series.geometry.findings
    assert read_volume(series, WATCH).voxels[3, 2, 0] == 23 - 1000


@pytest.mark.parametrize("syntax", [JPEG + "50", JPEG + "51"])
def test_that_jpeg_of_8_bits_is_read(write: Write, tmp_path: Path, syntax: str) -> None:
    from PIL import Image

    i, j = np.meshgrid(np.arange(64), np.arange(48))
    smooth = (128 + 60 * np.sin(i / 9) + 50 * np.cos(j / 7)).astype(np.uint8)
    code = BytesIO()
    Image.fromarray(smooth).save(code, "JPEG", quality=95)
    one = pydicom.dcmread(write([0])[0])
    one.Rows, one.Columns, one.BitsAllocated, one.BitsStored, one.HighBit = 48, 64, 8, 8, 7
    one.PixelRepresentation = 0
    one.file_meta.TransferSyntaxUID = UID(syntax)
    one.PixelData = encapsulate([code.getvalue()])
    one["PixelData"].VR = "OB"
    one.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    pixels = frame_of(tmp_path / "a.dcm")
    assert np.array_equal(pixels, np.asarray(Image.open(code)))
    assert np.abs(pixels.astype(int) - smooth).max() <= 6


def test_that_different_ratios_are_said_once(write: Write, tmp_path: Path) -> None:
    lossy = {"LossyImageCompression": "01", "LossyImageCompressionMethod": "ISO_15444_1"}
    write([0], LossyImageCompressionRatio="8", **lossy)
    write([3, 6], LossyImageCompressionRatio=["4", "10"], **lossy)
    (series,) = scan(tmp_path / "dicom", WATCH).usable()
    assert series.geometry.findings[0] == (
        "lossy compressed (ISO_15444_1, ratio 8 to 10): values are not those measured"
    )


def test_that_images_without_loss_have_no_finding(write: Write, tmp_path: Path) -> None:
    write([0, 3, 6], LossyImageCompression="00")
    (series,) = scan(tmp_path / "dicom", WATCH).usable()
    assert not any("lossy" in finding for finding in series.geometry.findings)


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless])
def test_that_a_recoded_series_is_the_same(write: Write, tmp_path: Path, syntax: UID) -> None:
    paths = write([0, 3, 6], BitsStored=12, HighBit=11)
    (series,) = scan(tmp_path / "dicom", WATCH).usable()
    before = read_volume(series, WATCH).voxels
    for path in paths:
        one = pydicom.dcmread(path)
        if syntax == DeflatedExplicitVRLittleEndian:
            one.file_meta.TransferSyntaxUID = syntax
        else:
            one.compress(syntax, generate_instance_uid=False)
        one.save_as(path, enforce_file_format=True)
    (series,) = scan(tmp_path / "dicom", WATCH).usable()
    assert np.array_equal(read_volume(series, WATCH).voxels, before)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (JPEG + "201", "high-throughput JPEG 2000"),
        (JPEG + "203", "high-throughput JPEG 2000"),
        (JPEG + "110", "JPEG XL"),
        (JPEG + "112", "JPEG XL"),
        (JPEG + "100", "video"),
        (JPEG + "102", "video"),
        (JPEG + "107", "video"),
        (JPEG + "92", "JPEG 2000 part 2"),
        ("1.2.840.113619.5.2", "an unknown transfer syntax (1.2.840.113619.5.2)"),
    ],
)
def test_that_other_codes_are_refused_by_name(
    write: Write, tmp_path: Path, syntax: str, name: str
) -> None:
    for path in write([0, 3, 6]):
        one = pydicom.dcmread(path)
        one.file_meta.TransferSyntaxUID = UID(JPEG + "201")
        one.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])
        one["PixelData"].VR = "OB"
        one["PixelData"].is_undefined_length = True
        one.save_as(path, implicit_vr=False, little_endian=True)
        padded = syntax.encode().ljust(len(JPEG + "201") + 1, b"\0")
        path.write_bytes(path.read_bytes().replace(f"{JPEG}201\0".encode(), padded))
    found = scan(tmp_path / "dicom", WATCH)
    assert {r.error_class for r in found.refused} == {"UnreadableFile"}
    assert name in found.refused[0].reason
    assert "JPEG 2000, JPEG-LS or RLE" in found.refused[0].advice
    assert not [s for s in found.series if s.refusal is None]


def test_that_a_cut_code_is_refused(shared: Path, tmp_path: Path) -> None:
    one = pydicom.dcmread(shared / "odd-dicom-a/codecs-wg04/MR4_JPLY.dcm")
    code = one.PixelData[24:]
    for length in (20, 200, 900):
        one.PixelData = encapsulate([code[:length]])
        one.save_as(tmp_path / "cut.dcm", enforce_file_format=True)
        with pytest.raises(UnreadableFile):
            frame_of(tmp_path / "cut.dcm")


def test_that_codes_of_more_bits_than_are_stored_do_not_wrap(write: Write, tmp_path: Path) -> None:
    said = {"Rows": 64, "Columns": 64, "PixelRepresentation": 0, "RescaleIntercept": 0}
    for path in write([0.0, 3.0, 6.0], **said):
        one = pydicom.dcmread(path)
        one.PixelData = np.full((64, 64), 40000, "<u2").tobytes()
        one["PixelData"].VR = "OW"
        one.compress(JPEG2000Lossless, generate_instance_uid=False)
        one.BitsStored, one.HighBit = 15, 14
        one.save_as(path)
    (series,) = scan(tmp_path / "dicom", Watch()).series
    assert float(read_volume(series, Watch()).voxels.min()) == 40000.0
