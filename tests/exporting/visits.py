"""One labelled visit of invented images, ready to export, and what checks the objects."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from pydicom.dataset import Dataset

from organtwin.core.labelmap import LabelMap
from organtwin.core.origin import Identity, Instance, Origin
from organtwin.core.scenario import Quantity
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.exporting import Drawn, Finding, Made, Material, export
from organtwin.exporting.files import write_pieces
from organtwin.exporting.header import Header
from organtwin.meshing import surfaces
from organtwin.organs import organ
from tests.phantoms import liver_phantom

CT = "1.2.840.10008.5.1.4.1.1.2"
ANN = Identity("Müller^Ann=山田^花子", "A1", date(1950, 1, 2), "F", issuer="Ward 3")
OBLIQUE = np.array(
    # Rz(30°) Rx(20°): columns are where i, j, k point
    [
        [0.8660254037844387, -0.4698463103929542, 0.17101007166283436],
        [0.49999999999999994, 0.8137976813493738, -0.29619813272602386],
        [0.0, 0.3420201433256687, 0.9396926207859084],
    ]
)


def turned(labels: LabelMap) -> LabelMap:
    """The same voxels on an oblique grid."""
    affine = np.eye(4)
    affine[:3] = OBLIQUE @ labels.affine[:3]
    return LabelMap(labels.labels, affine, labels.structures, labels.beneath)


def origin_of(affine: np.ndarray, slices: int) -> Origin:
    """Images that lie exactly on the slices of a grid."""
    places = [tuple(float(x) for x in (affine @ [0, 0, k, 1])[:3]) for k in range(slices)]
    instances = tuple(Instance(f"1.2.3.4.{k + 1}", 0, p) for k, p in enumerate(places))
    return Origin("1.2.3", "1.2.3.4", "1.2.3.9", CT, "S1", "20260101", "101500", "N1", 1, instances)


def material(labels: LabelMap, *, origin: Origin | None = None, **more: Any) -> Material:
    """A visit with these labels."""
    geometry = GeometryReport((2.0, 2.0, 2.0), "LPS")
    volume = Volume(
        np.zeros(labels.labels.shape, np.int16), labels.affine, "HU", "CT", geometry,
        date(2026, 1, 1), "1.2.3.4", "1.2.3", "1.2.3.9",
    )  # fmt: skip
    origin = origin or origin_of(labels.affine, labels.labels.shape[2])
    made = more.pop("made", Made("AUTOMATIC", "liver-ct"))
    return Material(Header(ANN, origin), organ("liver"), volume, labels, made, **more)


VOLUME = Quantity("volume", "tumour-1", 11.4, "mL", 9.0, 13.0, 0.9, "voxels")
LENGTH = Quantity("longest diameter", "tumour-1", 28.0, "mm")
REMNANT = Quantity("remnant fraction", "liver", 61.2, "%", 55.0, 66.0, 0.9, "by the plan")


def findings() -> tuple[Finding, ...]:
    """Numbers of a structure and of a scenario."""
    return (
        Finding("tumour-1", "tumour-1", (VOLUME, LENGTH), ("geometry acknowledged: a gap",)),
        Finding("resect: liver", "liver", (REMNANT,), ("a vessel is cut",)),
    )


def whole(labels: LabelMap | None = None, **more: Any) -> Material:
    """A visit with everything that any format asks for."""
    labels = labels or liver_phantom((4.0, 4.0, 3.0))
    return material(
        labels,
        surfaces=lambda w: {n: (s.points, s.triangles) for n, s in surfaces(labels, w).items()},
        pictures=lambda _: (Drawn("axial", np.full((31, 33, 3), (10, 20, 30), np.uint8)),),
        report=lambda _: b"%PDF-1.4 odd",
        findings=findings,
        **more,
    )


def written(name: str, one: Material, folder: Path) -> list[Path]:
    """The files of one format."""
    return [path for path, _ in write_pieces(export(name).pieces(one, Watch()), folder)]


def complaints(path: Path) -> list[str]:
    """The errors that dciodvfy finds; skips where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in said.stderr.splitlines() if line.startswith("Error")]


CHOICES = ("segmentation-multi-frame-functional-groups", "sr-document-content")
STANDARD = Path(highdicom.__file__).parent / "_standard"


def lacking(seen: Dataset) -> list[str]:
    """What an object lacks of its IOD's mandatory modules: types 1 and 2 of highdicom's tables.

    Lists of which one is chosen (functional groups, kinds of content item) are left out.
    """
    iod = _table("sop_class_iod_map")[seen.SOPClassUID]
    lacks: set[str] = set()
    for module in _table("iod_module_map")[iod]:
        if module["usage"] == "M" and module["key"] not in CHOICES:
            for attribute in _table("module_attribute_map")[module["key"]]:
                if attribute["type"] in ("1", "2"):
                    lacks |= _lacks(seen, attribute["path"], attribute, module["key"])
    return sorted(lacks)


def _lacks(seen: Dataset, path: list[str], attribute: Any, module: str) -> set[str]:
    if path:
        items = seen.get(path[0]) or []
        return {w for i in items for w in _lacks(i, path[1:], attribute, module)}
    there = attribute["keyword"] in seen
    value = seen.get(attribute["keyword"])
    empty = value is None or (not isinstance(value, int | float) and len(value) == 0)
    wrong = not there or (attribute["type"] == "1" and empty)
    return {f"{module}: {attribute['keyword']}"} if wrong else set()


@cache
def _table(name: str) -> Any:
    return json.loads((STANDARD / f"{name}.json").read_text())
