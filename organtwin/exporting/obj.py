"""Surfaces as Wavefront OBJ, in DICOM (Encapsulated OBJ, PS3.3 A.85.2) or as a file; LPS mm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from organtwin import __version__
from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.encapsulated import model
from organtwin.exporting.header import RESEARCH_USE, Kind
from organtwin.exporting.material import Material, Piece, Points, Triangles
from organtwin.exporting.meshes import MeshFile, Tagged
from organtwin.exporting.naming import told_apart

KIND: Final = Kind("1.2.840.10008.5.1.4.1.1.104.4", "M3D", "surfaces (OBJ)", 9106)


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield one file with an object for each structure that has voxels; no materials."""
    surfaces = material.surfaces(watch.part(0.0, 0.9))
    met = [s for s in material.structures if s.name in surfaces]
    content = obj_bytes({s.name: surfaces[s.name] for s in met})
    if material.plain:
        yield Piece("surfaces.obj", content)
    else:
        yield Piece("obj.dcm", model(material, KIND, met, content, mime="model/obj"))


def obj_bytes(surfaces: Mapping[str, tuple[Points, Triangles]]) -> bytes:
    """Return surfaces as one OBJ file: points to 0.1 µm, triangles counted from 1."""
    lines = [f"# OrganTwin {__version__}; SPACE=LPS; UNIT=mm; {RESEARCH_USE}"]
    before, words = 1, told_apart({name: n for n, name in enumerate(surfaces, 1)})
    for name, (points, triangles) in surfaces.items():
        lines.append(f"o {words[name]}")
        lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in np.asarray(points).tolist()]
        faces = (np.asarray(triangles) + before).tolist()
        lines += [f"f {a} {b} {c}" for a, b, c in faces]
        before += len(points)
    return ("\n".join(lines) + "\n").encode("ascii")


def objects(tagged: Tagged, name: str) -> Iterator[Piece]:
    """Yield a mesh as one file, an object for each structure with everything inside it."""
    yield Piece(name, obj_bytes(tagged.shells()))


MESH: Final = MeshFile(".obj", "OBJ, an object for each structure", objects, note="surfaces only")
EXPORT: Final = Export("obj", "Surfaces as OBJ in DICOM", pieces)
