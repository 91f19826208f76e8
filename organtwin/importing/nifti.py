"""NIfTI-1 images (.nii, .nii.gz): for researchers; neither patient, date, modality nor unit.

Layout after nifti1.h (nifti.nimh.nih.gov): 348-byte header, sform or qform index → RAS+ mm, voxels
with i fastest. RAS → LPS turns the signs of the first two axes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.core.volume import Volume, spacing_of, to_lps
from organtwin.core.watch import Watch
from organtwin.importing.formats import ImageFormat
from organtwin.importing.found import Found, Refused, Series
from organtwin.importing.geometry import FEWEST
from organtwin.importing.grids import as_voxels, right_angled, says_nothing, series_of_file
from organtwin.importing.opening import Opened
from organtwin.importing.streams import GZIP, Stream

HEADER: Final = 348
VOXEL_LIMIT: Final = 2**31
DTYPES: Final = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4",
    1024: "i8", 1280: "u8",
}  # fmt: skip
NIFTI_2: Final = (b"n+2\0", b"ni2\0")
MM_IN_UNIT: Final = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Of xyzt_units: not stated, metre, millimetre, micrometre."""
SAME_MM: Final = 0.01
SAME_VOXEL: Final = 0.5
"""Of the smallest step: a quaternion of 32 bits near a half turn is off by 6e-4 rad."""
SAME_STEP: Final = 1e-3
RAS_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Header:
    """What a NIfTI header says: affine index → LPS mm, values = stored × slope + intercept.

    Args:
        intent: what the values are (1002 for labels).
        doubts: findings for which volumes must be withheld.
    """

    size: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    affine: NDArray[np.float64]
    findings: tuple[str, ...]
    intent: int = 0
    doubts: tuple[str, ...] = ()


def claims(file: Opened) -> bool:
    """Return whether a file is NIfTI by its magic number."""
    content = beginning_of(file.beginning)
    return content[344:348] in (b"n+1\0", b"ni1\0") or content[4:8] in NIFTI_2


def beginning_of(content: bytes) -> bytes:
    """Return the header's bytes, inflated where the file is gzipped; nothing when it is broken."""
    if content[:2] != GZIP:
        return content
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, HEADER + 4)
    except zlib.error:
        return b""


def series(files: Sequence[Opened]) -> Found:
    """Return one Series a file."""
    found, refused = [], []
    for file in files:
        try:
            found.append(_series(file))
        except BadInput as error:
            refused.append(Refused.by(error, file.path))
    return tuple(found), tuple(refused)


def _series(file: Opened) -> Series:
    header = header_of(beginning_of(file.beginning))
    return series_of_file(
        "nifti", file.path, header.size, header.affine, findings=header.findings,
        doubts=header.doubts, content=file.path,
    )  # fmt: skip


def header_of(content: bytes) -> Header:
    """Read a header.

    A slope of 0 is none (nifti1.h), and so is one that is no number, as programs write it
    that leave the scaling open (ITK reads it so).

    Raises:
        UnreadableFile: it is damaged, of a type not read, or of an impossible size.
        WrongGeometry: not three-dimensional, no place in the patient, or skewed axes.
    """
    if len(content) < HEADER:
        raise UnreadableFile("the NIfTI header is too short")
    if content[344:348] != b"n+1\0":
        raise UnreadableFile(
            "a NIfTI-2 file or the header of a pair of files, which are not read",
            advice="write it as one NIfTI-1 file (.nii or .nii.gz)",
        )
    order = "<" if struct.unpack_from("<i", content)[0] == HEADER else ">"
    axes, *size = struct.unpack_from(order + "8h", content, 40)
    kind = struct.unpack_from(order + "h", content, 70)[0]
    offset, slope, intercept = struct.unpack_from(order + "3f", content, 108)
    if not 1 <= axes <= 7 or min(size[:axes]) < 1 or kind not in DTYPES:
        raise UnreadableFile(f"the NIfTI header is damaged (type {kind}, size {size[:axes]})")
    if any(n != 1 for n in size[3:axes]):
        raise WrongGeometry(
            f"{int(np.prod(size[3:axes]))} time points or channels, not one volume",
            advice="write one of them to a file of its own",
        )
    if axes < 3 or size[2] == 1:
        raise WrongGeometry("one slice only, not a volume", advice=f"{FEWEST} slices are needed")
    if min(size[:3]) < FEWEST:
        raise WrongGeometry(f"not one volume of at least {FEWEST} voxels each way")
    if slope == 0 or not np.isfinite(slope):
        slope, intercept = 1.0, 0.0
    if not np.isfinite([offset, intercept]).all() or not HEADER <= offset <= 2**20:
        raise UnreadableFile("the NIfTI header is damaged (offset or scaling)")
    if size[0] * size[1] * size[2] > VOXEL_LIMIT:
        raise UnreadableFile(f"more than {VOXEL_LIMIT} voxels")
    affine, findings, doubts = _affine(content, order, (size[0], size[1], size[2]))
    return Header(
        (size[0], size[1], size[2]),
        np.dtype(order + DTYPES[kind]),
        int(offset),
        slope,
        intercept,
        affine,
        findings,
        struct.unpack_from(order + "h", content, 68)[0],
        doubts,
    )


def _affine(
    content: bytes, order: str, size: tuple[int, int, int]
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[str, ...]]:
    """Return the affine, findings, and doubts; raises WrongGeometry or UnreadableFile."""
    unit = content[123] & 7
    if unit not in MM_IN_UNIT:
        raise UnreadableFile(f"the NIfTI header is damaged (unit of length {unit})")
    findings: tuple[str, ...] = () if unit else ("the unit of length is not stated; taken as mm",)
    by_quaternion, by_rows = struct.unpack_from(order + "2h", content, 252)
    found = []
    if by_rows > 0:
        rows = np.array(struct.unpack_from(order + "12f", content, 280)).reshape(3, 4)
        found.append(np.vstack([rows, [0, 0, 0, 1]]))
    if by_quaternion > 0:
        found.append(_quaternion(content, order))
    if not found:
        raise WrongGeometry("the NIfTI file does not say where its voxels lie")
    affine = RAS_TO_LPS @ found[0]
    affine[:3] *= MM_IN_UNIT[unit]
    doubts = says_nothing(right_angled(affine))
    if by_rows > 0:
        doubts += _steps_doubted(found[0], np.abs(struct.unpack_from(order + "3f", content, 80)))
    if len(found) == 2 and not np.abs(found[0] - found[1]).max() <= SAME_MM:
        ends = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
        corners = ends * (np.array(size) - 1)
        off = to_lps(found[0], corners) - to_lps(found[1], corners)
        off_mm = float(np.linalg.norm(off, axis=1).max()) * MM_IN_UNIT[unit]
        said = f"sform and qform disagree by up to {off_mm:.2f} mm; the sform was followed"
        if off_mm <= SAME_VOXEL * min(spacing_of(affine)):
            findings += (said,)
        else:
            doubts += (said,)
    return affine, findings, doubts


def _steps_doubted(matrix: NDArray[np.float64], pixdim: NDArray[np.float64]) -> tuple[str, ...]:
    """Return the doubt that pixdim gives other steps than a matrix, both in the file's unit.

    Steps of 0 say nothing.
    """
    steps = spacing_of(matrix)
    stated = np.where(pixdim > 0, pixdim, steps)
    if np.isfinite(stated).all() and np.abs(stated / steps - 1).max() <= SAME_STEP:
        return ()
    here, there = (" × ".join(f"{n:.4g}" for n in three) for three in (steps, stated))
    return (f"the sform's steps are {here}, pixdim says {there}; the sform was followed",)


def _quaternion(content: bytes, order: str) -> NDArray[np.float64]:
    """Return index → RAS mm from the qform (nifti1.h, method 2)."""
    b, c, d, *origin = struct.unpack_from(order + "6f", content, 256)
    pixdim = struct.unpack_from(order + "4f", content, 76)
    a = float(np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c],
            [2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b],
            [2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b],
        ]
    )
    affine = np.eye(4)
    hand = -1.0 if pixdim[0] < 0 else 1.0
    affine[:3, :3] = turn * np.array([pixdim[1], pixdim[2], hand * pixdim[3]])
    affine[:3, 3] = origin
    return affine


def stored_in(path: Path, header: Header, watch: Watch) -> NDArray[Any]:
    """Return (ni, nj, nk) of the stored values; raises UnreadableFile for a broken file."""
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP
    length = int(np.prod(header.size)) * header.dtype.itemsize
    start, skip = (0, header.offset) if gzipped else (header.offset, 0)
    content = Stream(path, start, length, skip, gzipped=gzipped).read(watch)
    return content.view(header.dtype).reshape(header.size, order="F")


def read(series: Series, watch: Watch) -> Volume:
    """Read the voxels: int16 where they fit unscaled, else float32.

    Raises:
        UnreadableFile: the file is shorter than its header says, or is broken.
    """
    path = series.files[0]
    with path.open("rb") as file:
        header = header_of(beginning_of(file.read(512)))
    return series.volume(
        as_voxels(stored_in(path, header, watch), header.slope, header.intercept), header.affine
    )


IMAGES: Final = ImageFormat("nifti", {}, claims, series, read)
