"""Surfaces as binary STL, in DICOM (Encapsulated STL, PS3.3 A.85.1) or as plain files; LPS mm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from organtwin import __version__
from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.encapsulated import model
from organtwin.exporting.header import RESEARCH_USE, Kind, fresh_uid
from organtwin.exporting.material import Material, Piece, Points, Triangles
from organtwin.exporting.meshes import MeshFile, Tagged
from organtwin.exporting.naming import told_apart

KIND: Final = Kind("1.2.840.10008.5.1.4.1.1.104.3", "M3D", "surfaces (STL)", 9105)
FACET: Final = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield a file for each structure that has voxels; all DICOM objects in one series."""
    series_uid = fresh_uid()
    surfaces = material.surfaces(watch.part(0.0, 0.9))
    met = [s for s in material.structures if s.name in surfaces]
    words = told_apart({s.name: s.label for s in met})
    for number, structure in enumerate(met, start=1):
        content = stl_bytes(*surfaces[structure.name])
        name = words[structure.name]
        if material.plain:
            yield Piece(f"{name}.stl", content)
            continue
        made = model(material, KIND, [structure], content, mime="model/stl", number=number)
        made.SeriesInstanceUID = series_uid
        yield Piece(f"stl-{name}.dcm", made)


def stl_bytes(points: Points, triangles: Triangles) -> bytes:
    """Return a surface as binary STL: 80 bytes of text, a count, a facet for each triangle.

    Args:
        points: (n, 3) LPS mm.
        triangles: (m, 3) indices into `points`, anticlockwise seen from outside.
    """
    corners = np.asarray(points, dtype=np.float64)[np.asarray(triangles)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    facets = np.zeros(len(corners), dtype=FACET)
    facets["normal"] = normals / np.maximum(lengths, 1e-30)
    facets["corners"] = corners
    words = f"SPACE=LPS; UNIT=mm; OrganTwin {__version__}; {RESEARCH_USE}"
    head = words.encode("ascii")[:80].ljust(80)
    return head + np.uint32(len(facets)).tobytes() + facets.tobytes()


def solids(tagged: Tagged, name: str) -> Iterator[Piece]:
    """Yield a mesh as one file of text, a named solid for each structure with all inside it.

    Text because binary STL knows one solid only, and no names.
    """
    lines: list[str] = []
    for word, (points, triangles) in tagged.shells().items():
        corners = points[triangles]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
        lines.append(f"solid {word}")
        for normal, (a, b, c) in zip(normals.tolist(), corners.tolist(), strict=True):
            lines.append(_facet(normal, a, b, c))
        lines.append(f"endsolid {word}")
    yield Piece(name, ("\n".join(lines) + "\n").encode("ascii"))


def _facet(normal: list[float], *corners: list[float]) -> str:
    rows = "".join(f"vertex {x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in corners)
    x, y, z = normal
    return f"facet normal {x:.6g} {y:.6g} {z:.6g}\nouter loop\n{rows}endloop\nendfacet"


MESH: Final = MeshFile(".stl", "STL, a solid for each structure", solids, note="surfaces only")
EXPORT: Final = Export("stl", "Surfaces as STL in DICOM", pieces)
