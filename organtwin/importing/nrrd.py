"""NRRD images (.nrrd, .nhdr): for researchers; neither patient, date, modality nor unit.

Fields after the definition of the format (teem.sourceforge.net/nrrd/format.html): raw or gzipped
samples, first axis fastest; only a file that names its anatomical space can be placed in a patient.
The data file of a detached header lies in the same folder or is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.formats import ImageFormat
from organtwin.importing.found import Found, Refused, Series
from organtwin.importing.geometry import FEWEST
from organtwin.importing.grids import as_voxels, right_angled, says_nothing, series_of_file
from organtwin.importing.opening import Opened
from organtwin.importing.streams import Stream

MAGIC: Final = b"NRRD000"
HEADER_LIMIT: Final = 4 * 2**20
VOXEL_LIMIT: Final = 2**31
AXIS_LIMIT: Final = 16
TYPES: Final = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
                    "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long",
                     "signed long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64",
                     "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}  # fmt: skip
TO_LPS: Final = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1.0, -1.0, 1.0)),
}
ENCODINGS: Final = {"raw": False, "gzip": True, "gz": True}
VECTOR: Final = re.compile(r"\(([^()]{1,200})\)|none", re.IGNORECASE)
LIST: Final = ("list", "vector", "none", "???")


@dataclass(frozen=True)
class Header:
    """What a NRRD header says.

    Args:
        sizes: of every axis, fastest first.
        affine: (4, 4) float64, index of the three axes in space → LPS mm.
        layer_axis: the one axis that is not in space, None without.
        pairs: the file's own keys and values.
    """

    dtype: np.dtype[Any]
    sizes: tuple[int, ...]
    affine: NDArray[np.float64]
    layer_axis: int | None
    stream: Stream
    pairs: Mapping[str, str]
    findings: tuple[str, ...]

    def stored(self, watch: Watch) -> NDArray[Any]:
        """Return (ni, nj, nk, layers) of the stored values; raises UnreadableFile."""
        values = self.stream.read(watch).view(self.dtype).reshape(self.sizes, order="F")
        return (
            values[..., None]
            if self.layer_axis is None
            else np.moveaxis(values, self.layer_axis, -1)
        )


def claims(file: Opened) -> bool:
    """Return whether a file is NRRD by its magic word."""
    return file.beginning.startswith(MAGIC)


def fields_of(path: Path) -> tuple[dict[str, str], dict[str, str], int]:
    """Return fields, keys and values, and the header's length; raises UnreadableFile."""
    with path.open("rb") as file:
        content = file.read(HEADER_LIMIT)
    ends = [m.end() for m in (re.search(rb"\r?\n\r?\n", content),) if m]
    detached = not ends and len(content) < HEADER_LIMIT
    if not ends and not detached:
        raise UnreadableFile("the NRRD header does not end within reason", where=str(path))
    end = ends[0] if ends else len(content)
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for line in content[:end].decode("utf-8", "replace").splitlines()[1:]:
        if line.startswith("#") or ":" not in line:
            continue
        key, _, value = line.partition(":")
        if value.startswith("="):
            pairs[key] = value[1:]
        else:
            fields[key.strip().lower()] = value.strip()
    return fields, pairs, end


def header_of(path: Path) -> Header:
    """Read a header.

    Raises:
        UnreadableFile: it is damaged, or of a type or encoding that is not read.
        WrongGeometry: it names no anatomical space, or is not three-dimensional there.
        BadInput: the data file lies in another folder.
    """
    fields, pairs, end = fields_of(path)
    dtype, sizes = _dtype(fields), _sizes(fields)
    affine, layer_axis, findings = _placed(fields, sizes)
    length = int(np.prod(sizes, dtype=object)) * dtype.itemsize
    if length > VOXEL_LIMIT * dtype.itemsize:
        raise UnreadableFile(f"more than {VOXEL_LIMIT} voxels")
    stream = _stream(path, fields, end, length)
    return Header(dtype, sizes, affine, layer_axis, stream, pairs, findings)


def _dtype(fields: Mapping[str, str]) -> np.dtype[Any]:
    name = " ".join(fields.get("type", "").lower().split())
    if name not in TYPES:
        raise UnreadableFile(f"the NRRD header names no type of number that is read ({name[:20]})")
    kind = TYPES[name]
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower(), "")
    if not order and kind[1] != "1":
        raise UnreadableFile("the NRRD header does not say in which order bytes are")
    return np.dtype((order or "<") + kind)


def _sizes(fields: Mapping[str, str]) -> tuple[int, ...]:
    try:
        sizes = tuple(int(word) for word in fields.get("sizes", "").split())
        dimension = int(fields.get("dimension", ""))
    except ValueError:
        raise UnreadableFile("the NRRD header has no sizes") from None
    if len(sizes) != dimension or not 1 <= dimension <= AXIS_LIMIT or min(sizes) < 1:
        raise UnreadableFile("the NRRD header has impossible sizes")
    return sizes


def _placed(
    fields: Mapping[str, str], sizes: tuple[int, ...]
) -> tuple[NDArray[np.float64], int | None, tuple[str, ...]]:
    """Return the affine, the axis out of space, and findings; raises WrongGeometry."""
    space = fields.get("space", "").lower()
    if space not in TO_LPS:
        raise WrongGeometry(
            f"the NRRD file's space is {space[:40] or 'not named'}: no place in a patient",
            advice="write it with space left-posterior-superior or right-anterior-superior",
        )
    vectors = [_vector(m) for m in VECTOR.finditer(fields.get("space directions", ""))]
    in_space = [n for n, vector in enumerate(vectors) if vector is not None]
    if len(vectors) != len(sizes) or len(in_space) != 3 or len(sizes) > 4:
        raise WrongGeometry(
            f"{len(sizes)} axes, {len(in_space)} of them in space: not one volume",
            advice="write one volume a file",
        )
    if min(sizes[n] for n in in_space) == 1:
        raise WrongGeometry("one slice only, not a volume", advice=f"{FEWEST} slices are needed")
    if min(sizes[n] for n in in_space) < FEWEST:
        raise WrongGeometry(f"not one volume of at least {FEWEST} voxels each way")
    origin = _vector(VECTOR.search(fields.get("space origin", "")))
    if origin is None:
        raise WrongGeometry("the NRRD file has no space origin")
    affine = np.eye(4)
    steps = [vector for vector in vectors if vector is not None]
    affine[:3] = np.column_stack([*steps, origin]) * np.array(TO_LPS[space])[:, None]
    outside = [n for n in range(len(sizes)) if n not in in_space]
    return right_angled(affine), next(iter(outside), None), _unit_findings(fields)


def _vector(match: re.Match[str] | None) -> tuple[float, ...] | None:
    """Return a vector of three finite numbers, None for "none"; raises UnreadableFile."""
    if match is None or match[1] is None:
        return None
    try:
        vector = tuple(float(word) for word in match[1].split(","))
    except ValueError:
        vector = ()
    if len(vector) != 3 or not np.isfinite(vector).all():
        raise UnreadableFile("the NRRD header has a broken vector")
    return vector


def _unit_findings(fields: Mapping[str, str]) -> tuple[str, ...]:
    units = set(re.findall(r'"([^"]{0,40})"', fields.get("space units", "")))
    if units - {"mm", ""}:
        raise WrongGeometry(f"lengths in {min(units)}, not in mm", advice="write it in mm")
    return () if "mm" in units else ("the unit of length is not stated; taken as mm",)


def _stream(path: Path, fields: Mapping[str, str], end: int, length: int) -> Stream:
    """Return where the samples lie; raises UnreadableFile or BadInput."""
    encoding = fields.get("encoding", "").lower()
    if encoding not in ENCODINGS:
        raise UnreadableFile(
            f"NRRD samples in encoding {encoding[:20] or 'not named'!r} are not read",
            advice="write it raw or gzipped",
        )
    gzipped = ENCODINGS[encoding]
    name = fields.get("data file", fields.get("datafile", ""))
    try:
        skip, lines = int(fields.get("byte skip", "0")), int(fields.get("line skip", "0"))
    except ValueError:
        skip, lines = -2, 0
    if lines or skip < -1 or (gzipped and skip < 0):
        raise UnreadableFile("the NRRD samples begin where they are not looked for")
    where = _beside(path, name) if name else path
    start = 0 if name else end
    if skip == -1:
        start = max(where.stat().st_size - length, start)
    return Stream(where, start, length, max(skip, 0), gzipped=gzipped)


def _beside(path: Path, name: str) -> Path:
    """Return the data file of a detached header; raises BadInput for one elsewhere."""
    if name != Path(name).name or "\\" in name or "%" in name or name.upper().startswith("LIST"):
        raise BadInput(
            "the samples of this NRRD header are not one file beside it",
            where=str(path),
            advice="write header and samples into one .nrrd file",
        )
    found = path.parent / name
    if found.is_symlink() or not found.is_file():
        raise UnreadableFile(f"its data file {name!r} is not there", where=str(path))
    return found


def series(files: Sequence[Opened]) -> Found:
    """Return one Series a file."""
    found, refused = [], []
    for file in files:
        try:
            found.append(_series(file.path))
        except BadInput as error:
            refused.append(Refused.by(error, file.path))
    return tuple(found), tuple(refused)


def _series(path: Path) -> Series:
    header = _scalar(path)
    ni, nj, nk = header.sizes
    return series_of_file(
        "nrrd", path, (ni, nj, nk), header.affine,
        findings=header.findings, doubts=says_nothing(header.affine), content=header.stream.path,
    )  # fmt: skip


def _scalar(path: Path) -> Header:
    header = header_of(path)
    if header.layer_axis is not None:
        raise WrongGeometry(
            f"{header.sizes[header.layer_axis]} values a voxel: not one volume",
            where=str(path),
            advice="write one volume a file",
        )
    return header


def read(series: Series, watch: Watch) -> Volume:
    """Read the voxels: int16 where they fit, else float32.

    Raises:
        UnreadableFile: the file is shorter than its header says, or is broken.
    """
    header = _scalar(series.files[0])
    return series.volume(as_voxels(header.stored(watch)[..., 0], 1.0, 0.0), header.affine)


IMAGES: Final = ImageFormat("nrrd", {}, claims, series, read)
