"""NIfTI-1 images (.nii, .nii.gz): for researchers; neither patient, date, modality nor unit.

Layout after nifti1.h (nifti.nimh.nih.gov): 348-byte header, sform or qform index → RAS+ mm, voxels
with i fastest. RAS → LPS turns the signs of the first two axes.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.core.origin import Identity
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.importing.formats import ImageFormat
from organtwin.importing.found import Found, Refused, Series
from organtwin.importing.geometry import FEWEST, orientation_of
from organtwin.importing.opening import Opened

HEADER: Final = 348
VOXEL_LIMIT: Final = 2**31
DTYPES: Final = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4",
}  # fmt: skip
RIGHT_ANGLE: Final = 1e-3
SAME_MM: Final = 0.01
RAS_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Header:
    """What a NIfTI header says: affine index → LPS mm, values = stored × slope + intercept."""

    size: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    affine: NDArray[np.float64]
    findings: tuple[str, ...]


def claims(file: Opened) -> bool:
    """Return whether a file is NIfTI-1 by its magic number."""
    return _beginning(file.beginning)[344:348] == b"n+1\0"


def _beginning(content: bytes) -> bytes:
    if content[:2] != b"\x1f\x8b":
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
    header = header_of(_beginning(file.beginning))
    spacing = [float(n) for n in np.linalg.norm(header.affine[:3, :3], axis=0)]
    report = GeometryReport(
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        orientation=orientation_of(header.affine),
        gap_min_mm=spacing[2],
        gap_max_mm=spacing[2],
        findings=header.findings,
    )
    with file.path.open("rb") as content:
        uid = hashlib.file_digest(content, "sha256").hexdigest()
    return Series(
        uid, "", "", "", file.path.name, None, Identity(), (file.path,), report, header.size,
        header.affine, format="nifti",
    )  # fmt: skip


def header_of(content: bytes) -> Header:
    """Read a header.

    Raises:
        UnreadableFile: it is damaged, of a type not read, or of an impossible size.
        WrongGeometry: not three-dimensional, no place in the patient, or skewed axes.
    """
    if len(content) < HEADER:
        raise UnreadableFile("the NIfTI header is too short")
    order = "<" if struct.unpack_from("<i", content)[0] == HEADER else ">"
    axes, *size = struct.unpack_from(order + "8h", content, 40)
    kind = struct.unpack_from(order + "h", content, 70)[0]
    offset, slope, intercept = struct.unpack_from(order + "3f", content, 108)
    if not 1 <= axes <= 7 or min(size[:axes]) < 1 or kind not in DTYPES:
        raise UnreadableFile(f"the NIfTI header is damaged (type {kind}, size {size[:axes]})")
    if axes < 3 or any(n != 1 for n in size[3:axes]) or min(size[:3]) < FEWEST:
        raise WrongGeometry("not one volume of at least 3 voxels each way")
    if not np.isfinite([offset, slope, intercept]).all() or not HEADER <= offset <= 2**20:
        raise UnreadableFile("the NIfTI header is damaged (offset or scaling)")
    if size[0] * size[1] * size[2] > VOXEL_LIMIT:
        raise UnreadableFile(f"more than {VOXEL_LIMIT} voxels")
    affine, findings = _affine(content, order)
    return Header(
        (size[0], size[1], size[2]),
        np.dtype(order + DTYPES[kind]),
        int(offset),
        slope or 1.0,
        intercept if slope else 0.0,
        affine,
        findings,
    )


def _affine(content: bytes, order: str) -> tuple[NDArray[np.float64], tuple[str, ...]]:
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
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or lengths.min() < 1e-6:
        raise WrongGeometry("the NIfTI file has no usable orientation")
    angles = (affine[:3, :3] / lengths).T @ (affine[:3, :3] / lengths) - np.eye(3)
    if np.abs(angles).max() > RIGHT_ANGLE:
        raise WrongGeometry("the axes of the NIfTI file are not at right angles")
    if len(found) == 2 and np.abs(found[0] - found[1]).max() > SAME_MM:
        return affine, ("sform and qform disagree; the sform was followed",)
    return affine, ()


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


def read(series: Series, watch: Watch) -> Volume:
    """Read the voxels: int16 where they fit unscaled, else float32.

    Raises:
        UnreadableFile: the file is shorter than its header says, or is broken.
    """
    path = series.files[0]
    watch.tell(0.0, f"reading {path.name}")
    raw = path.read_bytes()
    header = header_of(_beginning(raw[: HEADER * 4]))
    count = int(np.prod(header.size))
    needed = header.offset + count * header.dtype.itemsize
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, needed)
        except zlib.error as error:
            raise UnreadableFile("the compressed file is broken", where=str(path)) from error
    if len(raw) < needed:
        raise UnreadableFile("the file is shorter than it says", where=str(path))
    stored = np.frombuffer(raw, header.dtype, count, header.offset)
    return Volume(
        voxels=_values(stored, header).reshape(header.size, order="F"),
        affine=header.affine,
        unit=series.unit,
        modality=series.modality,
        geometry=series.geometry,
        series_uid=series.uid,
        description=series.description,
    )


def _values(stored: NDArray[Any], header: Header) -> NDArray[Any]:
    unscaled = header.slope == 1.0 and header.intercept == 0.0 and header.dtype.kind != "f"
    if unscaled and stored.min() >= -32768 and stored.max() <= 32767:
        return stored.astype(np.int16)
    return (stored.astype(np.float64) * header.slope + header.intercept).astype(np.float32)


IMAGES: Final = ImageFormat("nifti", {}, claims, series, read)
