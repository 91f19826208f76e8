"""Volume and LabelMap as NIfTI-1 (.nii.gz): for researchers, no patient in it.

Layout after nifti1.h (nifti.nimh.nih.gov): LPS is turned to RAS, sform and qform say the same, both
with code 1 (scanner). Labels say that they are (intent 1002) and carry their names in a header
extension, as TotalSegmentator writes it.
"""

from __future__ import annotations

import gzip
import io
import itertools
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from organtwin import __version__
from organtwin.core.errors import BadArgument
from organtwin.core.private import whole_file
from organtwin.core.volume import Volume, spacing_of
from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.material import Material, Piece

HEADER: Final = 348
SCANNER: Final = 1
MILLIMETRES: Final = 2
LABEL_INTENT: Final = 1002
DTYPES: Final = {"|u1": 2, "<i2": 4, "<f4": 16}
LPS_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
COMPRESSION: Final = 4


def write_volume(path: Path, volume: Volume, watch: Watch) -> None:
    """Write a Volume: int16 or float32; raises as `write_voxels`."""
    said = f"{volume.modality} in {volume.unit}; OrganTwin {__version__}"
    write_voxels(path, volume.voxels, volume.affine, said=said, watch=watch)


def write_voxels(
    path: Path,
    voxels: NDArray[Any],
    affine: NDArray[np.float64],
    *,
    said: str = f"OrganTwin {__version__}",
    names: Mapping[int, str] | None = None,
    watch: Watch,
) -> None:
    """Write an array to a file that is whole or not there; one that was there is replaced.

    Args:
        path: ending in .nii.gz (compressed) or .nii.
        voxels: (ni, nj, nk) uint8, int16 or float32.
        affine: (4, 4) float64, index → LPS mm, axes at right angles.
        said: the file's description, at most 79 bytes of ASCII.
        names: label → name; the array holds labels then.

    Raises:
        BadArgument: another ending or kind of values, or skewed axes.
        BadInput: the file cannot be written.
        Stopped: somebody asked to stop; nothing is left behind.
    """
    if not path.name.endswith((".nii", ".nii.gz")):
        raise BadArgument("a NIfTI file ends in .nii.gz", where=str(path))
    with whole_file(path) as file:
        if path.name.endswith(".gz"):
            with gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as packed:
                _stream(packed, voxels, affine, said=said, names=names, watch=watch)
        else:
            _stream(file, voxels, affine, said=said, names=names, watch=watch)


def _stream(
    file: BinaryIO | gzip.GzipFile,
    voxels: NDArray[Any],
    affine: NDArray[np.float64],
    *,
    said: str,
    names: Mapping[int, str] | None,
    watch: Watch,
) -> None:
    """Write header, names and one plane after another, so that little is held in memory."""
    dtype = voxels.dtype.newbyteorder("<")
    if dtype.str not in DTYPES or voxels.ndim != 3:
        raise BadArgument(f"NIfTI of {voxels.dtype} is not written", where="voxels")
    table = _table(names)
    file.write(header(voxels.shape, dtype, affine, said=said, labels=names is not None,
                      offset=HEADER + 4 + len(table)))  # fmt: skip
    file.write(bytes([bool(table), 0, 0, 0]) + table)
    count = voxels.shape[2]
    for k in range(count):
        file.write(voxels[:, :, k].astype(dtype, copy=False).tobytes(order="F"))
        watch.tell((k + 1) / count, "writing")


def header(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    affine: NDArray[np.float64],
    *,
    said: str,
    labels: bool,
    offset: int,
) -> bytes:
    """Return the 348 bytes of a header.

    Args:
        shape: (ni, nj, nk).
        offset: of the first voxel in the file.

    Raises:
        BadArgument: the axes are not at right angles.
    """
    ras = LPS_TO_RAS @ affine
    spacing = spacing_of(affine)
    turn, hand = _turn(ras[:3, :3] / spacing)
    result = bytearray(HEADER)
    struct.pack_into("<i", result, 0, HEADER)
    struct.pack_into("<8h", result, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<h", result, 68, LABEL_INTENT if labels else 0)
    struct.pack_into("<2h", result, 70, DTYPES[dtype.str], 8 * dtype.itemsize)
    struct.pack_into("<8f", result, 76, hand, *spacing, 0, 0, 0, 0)
    struct.pack_into("<3f", result, 108, offset, 1.0, 0.0)
    result[123] = MILLIMETRES
    text = said.encode("ascii", "replace")[:79]
    result[148 : 148 + len(text)] = text
    struct.pack_into("<2h", result, 252, SCANNER, SCANNER)
    struct.pack_into("<6f", result, 256, *turn, *ras[:3, 3])
    struct.pack_into("<12f", result, 280, *ras[:3].ravel())
    result[344:348] = b"n+1\0"
    return bytes(result)


def _turn(axes: NDArray[np.float64]) -> tuple[tuple[float, float, float], float]:
    """Return quaternion b, c, d and the handedness of unit axes (3, 3) in RAS.

    A reader works the fourth part out of these three, which loses digits near half a turn: of the
    neighbouring float32 the three are taken that give the axes back best.
    """
    hand = 1.0 if np.linalg.det(axes) > 0 else -1.0
    right = axes * [1.0, 1.0, hand]
    if np.abs(right.T @ right - np.eye(3)).max() > 1e-3:
        raise BadArgument("NIfTI's qform needs axes at right angles", where="affine")
    quaternion = Rotation.from_matrix(right).as_quat(canonical=True)[:3].astype(np.float32)
    ends = [
        (np.nextafter(x, np.float32(-2)), x, np.nextafter(x, np.float32(2))) for x in quaternion
    ]
    b, c, d = min(
        itertools.product(*ends), key=lambda q: float(np.abs(_axes(*map(float, q)) - right).max())
    )
    return (float(b), float(c), float(d)), hand


def _axes(b: float, c: float, d: float) -> NDArray[np.float64]:
    """Return the rotation (3, 3) that a reader makes of b, c, d (nifti1.h, method 2)."""
    a = float(np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d)))
    return np.array(Rotation.from_quat([b, c, d, a]).as_matrix())


def _table(names: Mapping[int, str] | None) -> bytes:
    """Return the header extension that names labels: its size, code 0, XML, padded to 16 bytes."""
    if not names:
        return b""
    rows = "".join(
        f'<Label Key="{label}">{escape(name)}</Label>' for label, name in sorted(names.items())
    )
    text = f"<CaretExtension><LabelTable>{rows}</LabelTable></CaretExtension>".encode()
    size = -(-(len(text) + 8) // 16) * 16
    return struct.pack("<2i", size, 0) + text.ljust(size - 8, b"\0")


def packed(voxels: NDArray[Any], affine: NDArray[np.float64], **more: Any) -> bytes:
    """Return the bytes of a .nii.gz file; `more` as for `write_voxels`."""
    stream = io.BytesIO()
    with gzip.GzipFile("", "wb", COMPRESSION, stream, mtime=0) as file:
        _stream(file, voxels, affine, **{"said": f"OrganTwin {__version__}", "names": None} | more)
    return stream.getvalue()


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield the image and the labels of one visit."""
    volume, labels = material.volume, material.labels
    image = packed(volume.voxels, volume.affine, watch=watch.part(0.0, 0.8))
    yield Piece("image.nii.gz", image)
    names = {s.label: s.name for s in labels.structures}
    drawn = packed(labels.labels, labels.affine, names=names, watch=watch.part(0.8, 1.0))
    yield Piece("labels.nii.gz", drawn)


EXPORT: Final = Export("nifti", "Image and labels as NIfTI, for researchers", pieces)
