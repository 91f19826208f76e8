"""Codes that end too early are refused: half a picture is not a picture."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID

from organtwin.core.errors import UnreadableFile
from organtwin.importing.formats import everything_wanted
from organtwin.importing.opening import opened
from organtwin.importing.pixels import FrameReader
from organtwin.importing.planes import pixels_of

JPEG = "1.2.840.10008.1.2.4."
END = b"\xff\xd9"
CODED = ["series-jpeg", "series-j2k", "series-jpegls", "series-rle"]
JPEGS = ["wg04/CT2_JPLL.dcm", "wg04/MR4_JPLL.dcm", "wg04/MR4_JPLY.dcm"]
JPEGS += [f"series-jpeg/IM-0001-000{n}-0001.dcm" for n in (1, 2, 3, 4)]


class Coded:
    """A file whose code is replaced again and again."""

    def __init__(self, path: Path, copy: Path) -> None:
        self.file, self._copy = pydicom.dcmread(path), copy
        self.code = next(generate_frames(self.file.PixelData, number_of_frames=1))

    def read(self, code: bytes) -> NDArray[Any]:
        self.file.PixelData = encapsulate([code])
        self.file["PixelData"].is_undefined_length = True
        self.file.save_as(self._copy, enforce_file_format=True)
        return FrameReader(pixels_of(opened(self._copy, everything_wanted()))).frame(0)

    def resize(self, rows: int, columns: int) -> None:
        self.file.Rows, self.file.Columns = rows, columns


def baseline(shared: Path, tmp_path: Path, syntax: str = "50", **how: int) -> Coded:
    """A picture of 8 bits, 200 by 256, as JPEG baseline."""
    coded = Coded(shared / "odd-dicom-a/codecs-wg04/MR4_JPLY.dcm", tmp_path / "a.dcm")
    i, j = np.meshgrid(np.arange(256), np.arange(200))
    smooth = (128 + 60 * np.sin(i / 9) + 50 * np.cos(j / 7)).astype(np.uint8)
    Image.fromarray(smooth).save(code := BytesIO(), "JPEG", quality=80, **how)
    coded.code = code.getvalue()
    coded.resize(200, 256)
    coded.file.BitsAllocated, coded.file.BitsStored, coded.file.HighBit = 8, 8, 7
    coded.file["PixelData"].VR = "OB"
    coded.file.file_meta.TransferSyntaxUID = UID(JPEG + syntax)
    return coded


def refuses_cuts(coded: Coded) -> None:
    """Twenty cuts, from the last byte to a tenth of the scan, each with an end marker."""
    whole = coded.code[: coded.code.rindex(END)]
    scan = whole.rindex(b"\xff\xda") + 16
    for kept in {*np.linspace(0.1, 0.99, 15), *(1 - np.arange(1, 6) / (len(whole) - scan))}:
        with pytest.raises(UnreadableFile):
            coded.read(whole[: scan + round(kept * (len(whole) - scan))] + END)


@pytest.mark.parametrize("name", JPEGS)
def test_that_a_cut_jpeg_is_refused_wherever_it_is_cut(
    shared: Path, tmp_path: Path, name: str
) -> None:
    coded = Coded(shared / f"odd-dicom-a/codecs-{name}", tmp_path / "a.dcm")
    before = coded.read(coded.code)
    refuses_cuts(coded)
    assert np.array_equal(coded.read(coded.code), before)


@pytest.mark.parametrize("syntax", ["50", "51"])
@pytest.mark.parametrize("how", [{}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}])
def test_that_a_cut_baseline_jpeg_is_refused(
    shared: Path, tmp_path: Path, syntax: str, how: dict[str, int]
) -> None:
    coded = baseline(shared, tmp_path, syntax, **how)
    assert np.array_equal(coded.read(coded.code), np.asarray(Image.open(BytesIO(coded.code))))
    refuses_cuts(coded)


def test_that_missing_segments_between_restarts_are_refused(shared: Path, tmp_path: Path) -> None:
    coded = baseline(shared, tmp_path, restart_marker_rows=1)  # 25 rows of blocks
    starts = [n for n in range(len(coded.code) - 1) if coded.code[n] == 0xFF
              and 0xD0 <= coded.code[n + 1] < 0xD8]  # fmt: skip
    assert len(starts) == 24
    for n in range(4, 20, 3):
        with pytest.raises(UnreadableFile):
            coded.read(coded.code[: starts[n]] + END)
        with pytest.raises(UnreadableFile):
            coded.read(coded.code[: starts[n]] + coded.code[starts[n + 1] :])


def test_that_fill_bytes_and_padding_after_the_end_are_allowed(
    shared: Path, tmp_path: Path
) -> None:
    coded = baseline(shared, tmp_path)
    before = coded.read(coded.code)
    assert np.array_equal(coded.read(coded.code[:-2] + b"\xff\xff" + END + bytes(40)), before)


def test_that_a_progressive_jpeg_is_refused(shared: Path, tmp_path: Path) -> None:
    coded = baseline(shared, tmp_path, progressive=True)
    with pytest.raises(UnreadableFile, match="a kind of JPEG code that is not read"):
        coded.read(coded.code)


@pytest.mark.parametrize("part", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("name", CODED)
def test_that_every_cut_code_is_refused(
    shared: Path, tmp_path: Path, name: str, part: float
) -> None:
    path = sorted((shared / f"odd-dicom-a/codecs-{name}").iterdir())[0]
    coded = Coded(path, tmp_path / "a.dcm")
    code = bytearray(coded.code[: round(part * len(coded.code))])
    if "rle" not in name:
        code += END
    if "j2k" in name:  # the tile part says its length: ISO/IEC 15444-1 A.4.2
        tile = code.index(b"\xff\x90")
        struct.pack_into(">I", code, tile + 6, len(code) - 2 - tile)
    with pytest.raises(UnreadableFile):
        coded.read(bytes(code))


def tiled(shared: Path, tmp_path: Path, **how: Any) -> tuple[Coded, NDArray[Any]]:
    """A picture of 8 bits, 200 by 256, in sixteen tiles of JPEG 2000, each in one part."""
    coded = baseline(shared, tmp_path, "90")
    picture = np.asarray(Image.open(BytesIO(coded.code)))
    Image.fromarray(picture).save(
        code := BytesIO(), "JPEG2000", tile_size=(64, 50), irreversible=False, no_jp2=True, **how
    )
    coded.code = code.getvalue()
    assert coded.code.count(b"\xff\x90\x00\x0a") == 16
    return coded, picture


def test_that_tiles_are_read(shared: Path, tmp_path: Path) -> None:
    coded, picture = tiled(shared, tmp_path)
    assert np.array_equal(coded.read(coded.code), picture)


def test_that_missing_tiles_are_refused(shared: Path, tmp_path: Path) -> None:
    coded, _ = tiled(shared, tmp_path)
    for tile in range(1, 16):
        start = coded.code.index(b"\xff\x90\x00\x0a" + struct.pack(">H", tile))
        with pytest.raises(UnreadableFile, match="tiles of the compressed pixels are missing"):
            coded.read(coded.code[:start] + END)


def test_that_a_cut_tile_is_refused_wherever_it_is_cut(shared: Path, tmp_path: Path) -> None:
    coded, _ = tiled(shared, tmp_path)
    for length in np.linspace(40, len(coded.code) - 4, 20).astype(int):
        with pytest.raises(UnreadableFile):
            coded.read(coded.code[:length] + END)


def test_that_a_missing_part_of_a_tile_is_refused(shared: Path, tmp_path: Path) -> None:
    coded, _ = tiled(shared, tmp_path)
    code = bytearray(coded.code)
    code[code.index(b"\xff\x90\x00\x0a") + 11] = 2  # two parts of the first tile are announced
    with pytest.raises(UnreadableFile, match="tiles of the compressed pixels are missing"):
        coded.read(bytes(code))


@pytest.mark.parametrize("name", CODED)
def test_that_a_size_beyond_its_code_is_refused_before_it_is_decoded(
    shared: Path, tmp_path: Path, name: str
) -> None:
    path = sorted((shared / f"odd-dicom-a/codecs-{name}").iterdir())[0]
    coded = Coded(path, tmp_path / "a.dcm")
    code = bytearray(coded.code)
    if "j2k" in name:
        size = code.index(b"\xff\x4f\xff\x51") + 8
        struct.pack_into(">II", code, size, 8192, 8192)
        struct.pack_into(">II", code, size + 16, 8192, 8192)
    elif "rle" not in name:
        frame = code.index(b"\xff\xf7" if "ls" in name else b"\xff\xc3")
        struct.pack_into(">HH", code, frame + 5, 8192, 8192)
    coded.resize(8192, 8192)
    with pytest.raises(UnreadableFile, match=f"8192 by 8192 in {len(code) + len(code) % 2} coded"):
        coded.read(bytes(code))
