"""Surfaces as binary glTF 2.0 (.glb), for viewers and presentations.

After the glTF 2.0 specification (Khronos). Its unit is the metre and +Y is up: points stay LPS mm
in the file, and the root node turns and scales them, so that the patient stands upright, facing +Z.
One mesh for each structure with everything inside it, named, in its colour.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, Final

from numpy.typing import NDArray

from organtwin import __version__
from organtwin.exporting.header import RESEARCH_USE
from organtwin.exporting.material import Piece
from organtwin.exporting.meshes import MeshFile, Tagged

JSON_CHUNK: Final = 0x4E4F534A
BINARY_CHUNK: Final = 0x004E4942
FLOAT: Final = 5126
UNSIGNED_INT: Final = 5125
ARRAY_BUFFER: Final = 34962
ELEMENT_BUFFER: Final = 34963
TO_METRES: Final = (
    0.001, 0.0, 0.0, 0.0,
    0.0, 0.0, -0.001, 0.0,
    0.0, 0.001, 0.0, 0.0,
    0.0, 0.0, 0.0, 1.0,
)  # fmt: skip
"""Column by column: left stays x, superior becomes +Y, posterior becomes -Z."""
SEEN_THROUGH: Final = 0.35


def pieces(tagged: Tagged, name: str) -> Iterator[Piece]:
    """Yield the one file."""
    blocks: list[bytes] = []
    told: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"OrganTwin {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0], "extras": {"note": f"{RESEARCH_USE}; points are LPS mm"}}],
        "nodes": [{"name": "patient", "matrix": TO_METRES, "children": []}],
        "meshes": [],
        "materials": [],
        "accessors": [],
        "bufferViews": [],
    }
    colours = {tagged.names[s.label]: (s.colour, s.within == "") for s in tagged.mesh.structures}
    for word, (points, triangles) in tagged.shells().items():
        accessors = [
            _accessor(told, blocks, points.astype("<f4"), ARRAY_BUFFER),
            _accessor(told, blocks, triangles.astype("<u4").ravel(), ELEMENT_BUFFER),
        ]
        primitive = {
            "attributes": {"POSITION": accessors[0]},
            "indices": accessors[1],
            "material": len(told["materials"]),
        }
        value = tagged.regions_by_name[word]
        told["nodes"][0]["children"].append(len(told["nodes"]))
        told["nodes"].append({"name": word, "mesh": len(told["meshes"])})
        told["meshes"].append({"name": word, "primitives": [primitive], "extras": {"value": value}})
        told["materials"].append(_material(word, *colours[word]))
    content = b"".join(blocks)
    told["buffers"] = [{"byteLength": len(content)}]
    yield Piece(name, _packed(json.dumps(told).encode("ascii"), content))


def _accessor(told: dict[str, Any], blocks: list[bytes], values: NDArray[Any], target: int) -> int:
    """Add an array to the buffer; returns the number of its accessor. All sizes are fours."""
    content = values.tobytes()
    place = {"buffer": 0, "byteOffset": sum(map(len, blocks)), "byteLength": len(content)}
    told["bufferViews"].append(place | {"target": target})
    blocks.append(content)
    points = target == ARRAY_BUFFER
    made: dict[str, Any] = {
        "bufferView": len(told["bufferViews"]) - 1,
        "componentType": FLOAT if points else UNSIGNED_INT,
        "count": len(values),
        "type": "VEC3" if points else "SCALAR",
    }
    if points:
        made |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
    told["accessors"].append(made)
    return len(told["accessors"]) - 1


def _material(name: str, colour: tuple[float, float, float], outermost: bool) -> dict[str, Any]:
    """Return a material; what holds others is seen through. Colours are linear in glTF."""
    linear = [round(float(c) ** 2.2, 4) for c in colour]
    return {
        "name": name,
        "alphaMode": "BLEND" if outermost else "OPAQUE",
        "pbrMetallicRoughness": {
            "baseColorFactor": [*linear, SEEN_THROUGH if outermost else 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.7,
        },
    }


def _packed(told: bytes, content: bytes) -> bytes:
    """Return the file: header, JSON padded with spaces, buffer padded with zeros (GLB, 4.4)."""
    told = told.ljust(-(-len(told) // 4) * 4)
    content = content.ljust(-(-len(content) // 4) * 4, b"\0")
    size = 12 + 8 + len(told) + 8 + len(content)
    head = b"glTF" + struct.pack("<II", 2, size) + struct.pack("<II", len(told), JSON_CHUNK)
    return head + told + struct.pack("<II", len(content), BINARY_CHUNK) + content


MESH: Final = MeshFile(
    ".glb", "glTF, for viewers", pieces, note="surfaces only; scaled to metres by its root node"
)
