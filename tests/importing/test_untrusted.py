"""Files made to hurt: each ends in a bounded, named refusal."""

from __future__ import annotations

import os
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from organtwin.core.errors import BadInput, UnreadableFile
from organtwin.core.watch import Watch
from organtwin.importing import Scan, open_images, read_volume, scan
from organtwin.importing.contours import filled
from organtwin.importing.pixels import coded_size

WATCH = Watch()
Write = Callable[..., list[Path]]
MEMORY_LIMIT = 200 * 2**20
"""Of a worker, 60 MiB of which it holds before it looks at anything (pydicom makes it 110)."""
SECONDS = 1.0
ROWS = b"\x28\x00\x10\x00US\x02\x00"


def spent() -> tuple[float, int]:
    """Return processor seconds and the peak memory of the workers that this process has."""
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    seconds, peak = 0.0, 0
    for pid in own:
        if b"organtwin.importing.worker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            continue
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        seconds += (int(state[11]) + int(state[12])) / os.sysconf("SC_CLK_TCK")
        status = Path(f"/proc/{pid}/status").read_text()
        peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) * 1024)
    return seconds, peak


@pytest.fixture(scope="module")
def start_seconds(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Return the processor time that a worker takes for a file of nothing."""
    place = tmp_path_factory.mktemp("nothing")
    (place / "empty").touch()
    with open_images(place, WATCH):
        return spent()[0]


@pytest.fixture
def bounded(start_seconds: float) -> Callable[[Path], Scan]:
    """Return what scans and reads a place, which has to be refused within the bounds."""

    def scanned(path: Path) -> Scan:
        begin = time.process_time()
        with open_images(path, WATCH) as images:
            for series in images.scan.series:
                with pytest.raises(BadInput):
                    images.volume(series, WATCH)
            seconds, peak = spent()
            here = time.process_time() - begin
            assert seconds - start_seconds + here < SECONDS, f"{seconds:.2f} and {here:.2f} s"
            assert peak < MEMORY_LIMIT
            return images.scan

    return scanned


Bounded = Callable[[Path], Scan]


def element(tag: int, vr: bytes, length: int) -> bytes:
    """Return the header of an explicit little endian element with a 32-bit length."""
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, length)


def with_dataset(path: Path, dataset: bytes, syntax: str | None = None) -> None:
    """Replace all elements after the file meta information of a written slice."""
    content = path.read_bytes()
    start = content.index(b"\x08\x00\x08\x00CS")
    head = content[:start]
    if syntax is not None:
        one = pydicom.dcmread(path)
        one.file_meta.TransferSyntaxUID = syntax
        one.save_as(path, implicit_vr=False, little_endian=True)
        content = path.read_bytes()
        length = struct.unpack_from("<I", content, 140)[0]
        head = content[: 144 + length]
    path.write_bytes(head + dataset)


def test_that_pixels_beyond_the_bytes_are_refused(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    for path in write([0.0, 3.0, 6.0]):
        content = path.read_bytes()
        at = content.index(ROWS) + len(ROWS)
        path.write_bytes(content[:at] + b"\xff\xff" + content[at + 2 :])
    found = bounded(tmp_path / "dicom")
    assert {r.error_class for r in found.refused} == {"UnreadableFile"}
    assert "impossible pixels" in found.refused[0].reason


def test_that_run_lengths_cannot_claim_more_than_they_can_hold(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    for path in write([0.0, 3.0, 6.0]):
        one = pydicom.dcmread(path)
        one.compress(RLELossless)
        one.Rows = one.Columns = 8000
        one.save_as(path)
    found = bounded(tmp_path / "dicom")
    assert len(found.series) == 1


def test_that_a_code_of_another_size_than_declared_is_refused(write: Write, tmp_path: Path) -> None:
    bomb = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + struct.pack(">4I", 60000, 60000, 0, 0)
    for path in write([0.0, 3.0, 6.0]):
        one = pydicom.dcmread(path)
        one.PixelData = encapsulate([bomb])
        one["PixelData"].VR = "OB"
        one.file_meta.TransferSyntaxUID = JPEG2000Lossless
        one.save_as(path)
    (series,) = scan(tmp_path / "dicom", WATCH).series
    with pytest.raises(UnreadableFile, match="another size than declared"):
        read_volume(series, WATCH)


def test_that_the_size_in_a_jpeg_code_is_read() -> None:
    code = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc3\x00\x0b\x10\x00\x05\x00\x07\x01"
    assert coded_size(code) == (5, 7)


def test_that_a_deflate_bomb_is_not_inflated(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    (path,) = write([0.0])
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = engine.compress(element(0x00091010, b"OB", 2**30) + b"\0" * 2**27)
    with_dataset(path, bomb + engine.flush(), DeflatedExplicitVRLittleEndian)
    found = bounded(tmp_path / "dicom")
    assert [r.error_class for r in found.refused] == ["UnreadableFile"]


def test_that_a_length_of_four_gigabytes_in_a_small_file_is_refused(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    (path,) = write([0.0])
    with_dataset(path, element(0x00091010, b"OB", 2**32 - 2) + b"\0" * 50)
    found = bounded(tmp_path / "dicom")
    assert found.refused[0].reason == "an element is longer than the file"


def test_that_endless_nesting_is_refused(write: Write, tmp_path: Path, bounded: Bounded) -> None:
    (path,) = write([0.0])
    level = element(0x00081140, b"SQ", 2**32 - 1) + struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)
    with_dataset(path, level * 2000)
    found = bounded(tmp_path / "dicom")
    assert found.refused[0].reason == "sequences are nested deeper than 16"


def test_that_a_bad_element_deep_inside_makes_no_long_error(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    (path,) = write([0.0])
    level = element(0x00081140, b"SQ", 2**32 - 1) + struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)
    with_dataset(path, level * 8 + b"\x08\x00\x70\x00??\xff\xff")
    found = bounded(tmp_path / "dicom")
    assert len(str(found.refused[0])) < 1000


def test_that_millions_of_elements_are_refused(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    (path,) = write([0.0])
    with_dataset(path, b"\x09\x00\x10\x10LO\x00\x00" * 3_000_000)
    found = bounded(tmp_path / "dicom")
    assert found.refused[0].reason == "there are too many elements"


def test_that_a_number_that_is_not_finite_is_refused(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    for path in write([0.0, 3.0, 6.0]):
        content = path.read_bytes()
        path.write_bytes(content.replace(b"-10.0\\-20.0", b"  inf\\-20.0"))
    found = bounded(tmp_path / "dicom")
    assert "not a finite number" in found.refused[0].reason


def test_that_the_even_odd_rule_leaves_a_hole() -> None:
    outer = np.array([[0, 0], [10, 0], [10, 10], [0, 10]]) - 0.5
    inner = np.array([[3, 3], [6, 3], [6, 6], [3, 6]]) - 0.5
    assert filled([outer, inner], (12, 12)).sum() == 100 - 9


def test_that_a_keyhole_leaves_a_hole() -> None:
    keyhole = [
        [0, 0], [10, 0], [10, 10], [0, 10], [0, 4], [3, 4], [3, 6], [6, 6], [6, 3], [3, 3], [3, 4],
        [0, 4],
    ]  # fmt: skip
    assert filled([np.array(keyhole) - 0.5], (12, 12)).sum() == 100 - 9


def test_that_a_filled_circle_has_its_area() -> None:
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    circle = np.column_stack([50.3 + 40.7 * np.cos(angles), 51.9 + 40.7 * np.sin(angles)])
    assert filled([circle], (110, 110)).sum() == pytest.approx(np.pi * 40.7**2, rel=2e-3)


def test_that_a_zip_bomb_is_refused(tmp_path: Path, start_seconds: float) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.dcm", bytes(2**28))
    begin, before = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(BadInput, match=r"zip bomb|would unpack"), open_images(bomb, WATCH):
        pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    there = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert there - start_seconds + time.process_time() - begin < SECONDS


def test_that_a_zip_cannot_reach_outside(write: Write, tmp_path: Path) -> None:
    (path,) = write([0.0])
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        archive.write(path, "../../escaped.dcm")
        archive.write(path, "/tmp/escaped.dcm")
    with open_images(tmp_path / "out.zip", WATCH) as images:
        assert len(images.scan.series[0].files) == 1
    assert not list(tmp_path.parent.rglob("escaped.dcm"))
    assert not Path("/tmp/escaped.dcm").exists()


def test_that_a_link_out_of_the_folder_is_not_followed(
    write: Write, tmp_path: Path, bounded: Bounded
) -> None:
    (path,) = write([0.0], folder="elsewhere")
    place = tmp_path / "place"
    place.mkdir()
    (place / "link.dcm").symlink_to(path)
    (place / "folder").symlink_to(path.parent)
    found = bounded(place)
    assert found.series == ()
    assert "a link that leads out of the folder" in {r.reason for r in found.refused}


def test_that_a_pipe_is_not_waited_for(write: Write, tmp_path: Path, bounded: Bounded) -> None:
    paths = write([0.0, 3.0, 6.0])
    os.mkfifo(paths[0].with_name("pipe.dcm"))
    with open_images(tmp_path / "dicom", WATCH) as images:
        assert [r.reason for r in images.scan.refused] == ["not a regular file"]
        paths[1].unlink()
        os.mkfifo(paths[1])
        with pytest.raises(UnreadableFile, match="changed since it was scanned"):
            images.volume(images.scan.series[0], WATCH)
