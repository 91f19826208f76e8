"""What NIfTI and NRRD headers say of geometry: twice, contradicting, or nothing at all."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.volume import GeometryReport
from organtwin.core.watch import Watch
from organtwin.importing import read_volume, scan

STEPS = [[1.0, 0, 0, 7], [0, 2.0, 0, 8], [0, 0, 3.0, 9]]
SIZE = (5, 4, 6)


def header(
    *, pixdim: Any = (1, 2, 3), quaternion: Any = None, sform: Any = None, unit: int = 2
) -> bytes:
    """Return a NIfTI-1 header (nifti1.h) whose qform begins at (7, 8, 9)."""
    said = bytearray(352)
    struct.pack_into("<i", said, 0, 348)
    struct.pack_into("<8h", said, 40, 3, *SIZE, 1, 1, 1, 1)
    struct.pack_into("<2h", said, 70, 4, 16)
    struct.pack_into("<4f", said, 76, 1, *pixdim)
    struct.pack_into("<3f", said, 108, 352, 1, 0)
    said[123] = unit
    struct.pack_into("<2h", said, 252, int(quaternion is not None), int(sform is not None))
    if quaternion is not None:
        struct.pack_into("<6f", said, 256, *quaternion, 7, 8, 9)
    if sform is not None:
        struct.pack_into("<12f", said, 280, *np.ravel(sform))
    said[344:348] = b"n+1\0"
    return bytes(said)


def report_of(path: Path, content: bytes) -> GeometryReport:
    path.write_bytes(content + bytes(2 * SIZE[0] * SIZE[1] * SIZE[2]))
    (series,) = scan(path, Watch()).series
    return series.geometry


@pytest.mark.parametrize(
    "said",
    [
        {"sform": STEPS},
        {"quaternion": (0, 0, 0)},
        {"sform": STEPS, "quaternion": (0, 0, 0)},
        {"sform": STEPS, "pixdim": (0, 0, 0)},
        {"sform": np.divide(STEPS, 1000), "pixdim": (0.001, 0.002, 0.003), "unit": 1},
    ],
)
def test_that_a_header_which_agrees_with_itself_is_good(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    report = report_of(tmp_path / "x.nii", header(**said))
    assert (report.grade, report.findings) == ("good", ())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"sform": STEPS, "pixdim": (2, 2, 2)}, "the sform's steps are 1 × 2 × 3, pixdim says 2"),
        (
            {"sform": [[-1.0, 0, 0, 7], *STEPS[1:]], "quaternion": (0, 0, 0)},
            "sform and qform disagree by up to 8.00 mm",
        ),
        ({"sform": STEPS, "quaternion": (0.1, 0.2, 0.3)}, "sform and qform disagree"),
        ({"sform": np.eye(4)[:3], "pixdim": (1, 1, 1)}, "nothing of where and how large"),
        (
            {"sform": np.diag([-1.0, -1, 1, 1])[:3], "pixdim": (1, 1, 1)},
            "nothing of where and how large",
        ),
    ],
)
def test_that_a_header_which_contradicts_itself_is_withheld(
    tmp_path: Path, said: dict[str, Any], words: str
) -> None:
    report = report_of(tmp_path / "x.nii", header(**said))
    assert report.grade == "withheld"
    assert words in report.findings[0]


def test_that_a_quaternion_s_rounding_is_a_finding_and_no_more(tmp_path: Path) -> None:
    turned = [[1.0, 0, 0, 7.02], *STEPS[1:]]
    report = report_of(tmp_path / "x.nii", header(sform=turned, quaternion=(0, 0, 0)))
    assert report.grade == "good"
    assert report.findings == ("sform and qform disagree by up to 0.02 mm; the sform was followed",)


@pytest.mark.parametrize(("origin", "grade"), [("(0,0,0)", "withheld"), ("(7,8,9)", "good")])
def test_that_nrrd_without_geometry_is_withheld(tmp_path: Path, origin: str, grade: str) -> None:
    said = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 5 4 6\n"
        "space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\n"
        f"endian: little\nencoding: raw\nspace origin: {origin}\n\n"
    )
    assert report_of(tmp_path / "x.nrrd", said.encode()).grade == grade


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_that_a_slope_which_is_no_number_scales_nothing(tmp_path: Path, slope: float) -> None:
    said = bytearray(header(sform=STEPS))
    struct.pack_into("<2f", said, 112, slope, np.nan)
    stored = np.arange(np.prod(SIZE), dtype="<i2")
    (tmp_path / "x.nii").write_bytes(bytes(said) + stored.tobytes())
    (series,) = scan(tmp_path / "x.nii", Watch()).series
    voxels = read_volume(series, Watch()).voxels
    assert np.array_equal(voxels, stored.reshape(SIZE, order="F"))
