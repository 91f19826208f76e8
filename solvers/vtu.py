"""Tetrahedra with region tags of a VTK file (.vtu), without VTK.

Read are ASCII and inline binary (base64) DataArrays, compressed by zlib or not, as VTK, meshio and
OrganTwin write them (docs.vtk.org, "VTK XML Formats"); appended data are refused.
"""

from __future__ import annotations

import base64
import binascii
import xml.etree.ElementTree as Tree
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.failures import BadInput
from solvers.meshfiles import MOST_BYTES, mesh_from
from solvers.refinement import Mesh

TETRAHEDRON: Final = 10
_KINDS: Final = {
    f"{word}{bits}": f"{letter}{bits // 8}"
    for word, letter, sizes in (
        ("Int", "i", (8, 16, 32, 64)),
        ("UInt", "u", (8, 16, 32, 64)),
        ("Float", "f", (32, 64)),
    )
    for bits in sizes
}
_ZLIB: Final = "vtkZLibDataCompressor"


def read_vtu(path: Path | str, *, tags: str = "region") -> Mesh:
    """Return the tetrahedra of a file; other cells are left.

    Args:
        path: points in mm, LPS.
        tags: cell data with the label of each cell; all are region 1 where the file has none.

    Raises:
        BadInput: no such file, or no tetrahedra in it that can be used; the message says why.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path.name} is larger than {MOST_BYTES} bytes")
        text = path.read_bytes()
        if b"<!DOCTYPE" in text[:4096]:
            raise BadInput(f"{path.name} has a document type, which no VTK file needs")
        return _mesh(_Grid(Tree.fromstring(text)), tags)
    except (OSError, ValueError, Tree.ParseError, binascii.Error, zlib.error) as error:
        raise BadInput(f"{path.name} cannot be read as a .vtu: {error}") from error


def _mesh(grid: _Grid, tags: str) -> Mesh:
    points = grid.array("Points", None).reshape(-1, 3).astype(np.float64)
    kinds, ends = grid.array("Cells", "types"), grid.array("Cells", "offsets").astype(np.int64)
    corners = grid.array("Cells", "connectivity")
    chosen = np.flatnonzero(kinds == TETRAHEDRON)
    if len(kinds) != len(ends) or not len(chosen) or ends[chosen].max() > len(corners):
        raise BadInput("there are no whole tetrahedra in it")
    if ends[chosen].min() < 4:
        raise BadInput("its offsets begin before its cells")
    cells = corners[ends[chosen][:, None] + np.arange(-4, 0)]
    labels = grid.array("CellData", tags) if grid.has("CellData", tags) else np.ones(len(kinds))
    if labels.shape != kinds.shape:
        raise BadInput(f"{tags} has not one number a cell")
    regions = labels[chosen].astype(np.int32)
    return mesh_from({"points_mm": points, "tetrahedra": cells, "regions": regions})


class _Grid:
    """The DataArrays of the one piece of an unstructured grid."""

    def __init__(self, root: Tree.Element) -> None:
        pieces = root.findall("UnstructuredGrid/Piece")
        if root.get("type") != "UnstructuredGrid" or len(pieces) != 1:
            raise BadInput("it is no VTK file of an unstructured grid in one piece")
        self._piece = pieces[0]
        self._order = "<" if root.get("byte_order", "LittleEndian") == "LittleEndian" else ">"
        self._head = np.dtype(self._order + _KINDS[root.get("header_type", "UInt32")])
        self._compressor = root.get("compressor")
        if self._compressor not in (None, _ZLIB):
            raise BadInput(f"it is compressed by {self._compressor}; only {_ZLIB} is read")

    def has(self, part: str, name: str) -> bool:
        """Return whether there is such an array."""
        return self._found(part, name) is not None

    def array(self, part: str, name: str | None) -> NDArray[Any]:
        """Return an array (k,) by its name, or the only one of a part."""
        found = self._found(part, name)
        if found is None:
            raise BadInput(f"its {part} have no {name or 'array'}")
        kind, text = _KINDS.get(found.get("type", ""), ""), (found.text or "").strip()
        form = found.get("format")
        if not kind or form not in ("ascii", "binary"):
            raise BadInput(f"{form} data of {found.get('type')} are not read: save it as binary")
        if form == "ascii":
            return np.array(text.split(), dtype=kind)
        return np.frombuffer(self._decoded(text), dtype=self._order + kind)

    def _found(self, part: str, name: str | None) -> Tree.Element | None:
        arrays = self._piece.findall(f"{part}/DataArray")
        return next((a for a in arrays if name is None or a.get("Name") == name), None)

    def _decoded(self, text: str) -> bytes:
        """Undo base64 and zlib: [blocks, size, last size, packed sizes…] or [bytes], then those."""
        if self._compressor is None:
            whole = base64.b64decode(text)
            size = int(np.frombuffer(whole, self._head, 1)[0])
            return whole[self._head.itemsize : self._head.itemsize + size]
        width = self._head.itemsize
        blocks, size, last = np.frombuffer(_unpacked(text, 3 * width), self._head, 3).tolist()
        if blocks * size > MOST_BYTES or blocks * width > len(text):
            raise BadInput(f"it unpacks to more than {MOST_BYTES} bytes")
        length = (3 + blocks) * width
        packed = np.frombuffer(_unpacked(text, length), self._head)[3 : 3 + blocks].tolist()
        rest = base64.b64decode(text[_base64_length(length) :])
        ends = np.cumsum([0, *packed]).tolist()
        parts = [
            zlib.decompressobj().decompress(rest[a:b], max(size, last)) for a, b in pairwise(ends)
        ]
        return b"".join(parts)


def _base64_length(size: int) -> int:
    return 4 * ((size + 2) // 3)


def _unpacked(text: str, size: int) -> bytes:
    return base64.b64decode(text[: _base64_length(size)])[:size]
