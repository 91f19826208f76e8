"""One labelled visit of invented images, ready to export, and what checks the objects."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.core.labelmap import LabelMap
from organtwin.core.origin import Identity, Instance, Origin
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.exporting import Made, Material, export
from organtwin.exporting.files import write_pieces
from organtwin.exporting.header import Header
from organtwin.organs import organ

CT = "1.2.840.10008.5.1.4.1.1.2"
ANN = Identity("Müller^Ann=山田^花子", "A1", date(1950, 1, 2), "F")
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
    return LabelMap(labels.labels, affine, labels.structures)


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


def written(name: str, one: Material, folder: Path) -> list[Path]:
    """The files of one format."""
    return [path for path, _ in write_pieces(export(name).pieces(one, Watch()), folder)]


def complaints(path: Path) -> list[str]:
    """The errors that dciodvfy finds; skips where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in said.stderr.splitlines() if line.startswith("Error")]
