"""What one visit gives to export, and what comes of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from organtwin.core.content import encode, identity
from organtwin.core.errors import WrongGeometry
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.origin import Instance, Origin
from organtwin.core.scenario import Quantity
from organtwin.core.volume import Volume, spacing_of, to_lps
from organtwin.core.watch import Watch
from organtwin.exporting.header import Header, fresh_uid
from organtwin.organs import Organ

SAME_PLACE_MM: Final = 0.05
"""As far as images lie from the grid that is read as theirs (docs/geometry.md)."""
SQUARE: Final = 1e-4
Points = NDArray[np.float64]
Triangles = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Made:
    """How labels were made, as DICOM asks (SegmentAlgorithmType, PS3.3 C.8.20.2).

    Args:
        name: of the methods, for a person.
        known: False for labels taken from a file, whose method nobody recorded.
    """

    kind: Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]
    name: str
    known: bool = True


@dataclass(frozen=True)
class Finding:
    """Numbers that belong together: of one structure, or of it under one scenario.

    Args:
        title: "liver", or "resect: liver".
        quantities: none where they are withheld.
        comments: one line each: how sure the numbers are, or why there are none.
    """

    title: str
    structure: str
    quantities: tuple[Quantity, ...]
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture: (height, width, 3) uint8; whether words in it tell whose or when."""

    title: str
    pixels: NDArray[np.uint8]
    tells_who: bool = False


def _nothing(_: Watch) -> Any:
    return ()


@dataclass(frozen=True, eq=False)
class Material:
    """One labelled visit, and what else is made of it only when a format asks.

    Args:
        chosen: names of all formats of this export, so that one object can refer to another.
        surfaces: structure name → points (n, 3) LPS mm and triangles (m, 3).
        pictures: slices with outlines, the scenarios side by side.
        report: the report as the bytes of a PDF.
        findings: the numbers.
        plain: write meshes as files of their own instead of DICOM objects.
    """

    header: Header
    organ: Organ
    volume: Volume
    labels: LabelMap
    made: Made
    chosen: tuple[str, ...] = ()
    surfaces: Callable[[Watch], Mapping[str, tuple[Points, Triangles]]] = _nothing
    pictures: Callable[[Watch], Sequence[Drawn]] = _nothing
    report: Callable[[Watch], bytes] = _nothing
    findings: Callable[[], Sequence[Finding]] = tuple
    plain: bool = False
    seg_uid: str = field(default_factory=fresh_uid)
    seg_series_uid: str = field(default_factory=fresh_uid)

    @property
    def structures(self) -> tuple[Structure, ...]:
        """The structures with voxels in the labels' order, others by label: segment n is the n-th.

        Whoever reads them back and numbers the others anew then gives them the same labels.
        """
        found = [s for s in self.labels.structures if self.labels.volume_ml(s.name) > 0]
        others = iter(sorted((s for s in found if s.kind == "other"), key=lambda s: s.label))
        return tuple(next(others) if s.kind == "other" else s for s in found)

    def tracking_uid(self, name: str) -> str:
        """Return a UID that is the same whenever these labels' structure is exported."""
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, self._labels_id + name).int}"

    @cached_property
    def _labels_id(self) -> str:
        return identity(encode(self.labels))

    def measured(self) -> tuple[Instance, ...]:
        """Return the image of each slice of the grid, () where the grid is not those images."""
        return measured(self.volume, self.header.origin)

    @property
    def note(self) -> str:
        """A line on the geometry where it is not good, "" where it is."""
        geometry = self.volume.geometry
        if geometry.grade == "good":
            return ""
        return f"geometry {geometry.grade}: " + "; ".join(geometry.findings)


@dataclass(frozen=True, eq=False)
class Piece:
    """One file of an export: its name, and a DICOM object or plain bytes."""

    name: str
    content: Dataset | bytes


def measured(volume: Volume, origin: Origin) -> tuple[Instance, ...]:
    """Return one measured image for each slice k of a Volume, in order, or () for a resampled grid.

    Only when every slice lies within 0.05 mm of an image's place is the grid those images.
    """
    slices = volume.voxels.shape[2]
    if len(origin.instances) != slices:
        return ()
    places = to_lps(volume.affine, np.array([[0, 0, k] for k in range(slices)]))
    said = np.array([instance.position_mm for instance in origin.instances])
    for order in (slice(None), slice(None, None, -1)):
        if np.abs(said[order] - places).max() <= SAME_PLACE_MM:
            return tuple(origin.instances[order])
    return ()


def directions(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (2, 3) unit vectors along which i and j grow: the rows and columns of the planes.

    Raises:
        WrongGeometry: the axes are not at right angles, which DICOM planes cannot say.
    """
    axes = (affine[:3, :3] / spacing_of(affine)).T
    if np.abs(axes @ axes.T - np.eye(3)).max() > SQUARE:
        raise WrongGeometry(
            "the grid's axes are not at right angles, DICOM cannot say that",
            advice="export NIfTI, or import the images anew",
        )
    result: NDArray[np.float64] = axes[:2]
    return result
