"""LabelMap and Volume → numbers of every structure, with what the geometry does to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import EmptyLabel
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.scenario import Quantity
from organtwin.core.volume import GeometryReport, Volume
from organtwin.core.watch import Watch
from organtwin.measuring import (
    Diameters,
    Line,
    Statistics,
    TwoVolumes,
    diameters_of,
    statistics_of,
    volume_of,
)
from organtwin.measuring.agreement import on_grid
from organtwin.pipeline.imaging import labels_of

WITHHELD: Final = "volumes and lengths withheld: the geometry is in doubt"
CUT: Final = "reaches the end of the images: what lies beyond is not in it"
IN_SLICE: Final = "longest distance between points of the outline within one slice"
ACROSS: Final = "longest distance across the longest diameter, in the same slice"
IN_SPACE: Final = "longest distance between points of the border in any direction"
SLICES_ALONG: Final = 2
"""Axis that the importer stacks the slices of a series along."""


@dataclass(frozen=True)
class Measured:
    """The numbers of one structure with everything inside it.

    Args:
        grade: of the geometry; where it is "withheld" there are no volumes and diameters.
        unsure_ml: how much the geometry may change the volume, None where it is withheld.
        statistics: None without an image, or where no voxel lies deep enough.
        notes: what a person has to know, a line each.
    """

    structure: str
    kind: str
    voxels: int
    grade: str
    volume: TwoVolumes | None = None
    unsure_ml: float | None = None
    diameters: Diameters | None = None
    statistics: Statistics | None = None
    notes: tuple[str, ...] = ()


def measured_visit(
    case: Case,
    store: ObjectStore,
    watch: Watch,
    *,
    visit: int,
    inset_mm: float = 0.0,
    sizes_only: bool = False,
) -> tuple[Measured, ...]:
    """Return the numbers of every structure of a visit; raises Missing without labels.

    With `sizes_only` without those of the image.
    """
    labels = labels_of(case, store, visit)
    volume: Volume = store.get(case.visit(visit).volume)
    across = SLICES_ALONG if case.visit(visit).origin else None
    image = None if sizes_only else volume
    return measured(labels, volume.geometry, watch, image=image, across=across, inset_mm=inset_mm)


def measured(
    labels: LabelMap,
    geometry: GeometryReport,
    watch: Watch,
    *,
    image: Volume | None = None,
    across: int | None = None,
    inset_mm: float = 0.0,
) -> tuple[Measured, ...]:
    """Return the numbers of every structure, in order of label.

    Args:
        geometry: of the images that the labels lie on.
        image: whose values are summed up; on another grid labels are taken from the nearest voxel.
        across: axis that slices were stacked along, None where nothing says so.
        inset_mm: how far from the border values are left out.
    """
    found = []
    structures = sorted(labels.structures, key=lambda s: s.label)
    for number, structure in enumerate(structures):
        watch.tell(number / len(structures), f"measuring {structure.name}")
        mask = labels.mask(structure.name)
        if not mask.any():
            found.append(Measured(structure.name, structure.kind, 0, geometry.grade,
                                  notes=("no voxels",)))  # fmt: skip
            continue
        values, notes = _values(mask, labels.affine, image, inset_mm)
        sizes = _sizes(structure, mask, labels, geometry, across=across)
        lines = (*sizes.pop("notes"), *notes)
        found.append(
            Measured(structure.name, structure.kind, int(np.count_nonzero(mask)), geometry.grade,
                     statistics=values, notes=lines, **sizes)
        )  # fmt: skip
    return tuple(found)


def _sizes(
    structure: Structure,
    mask: NDArray[np.bool_],
    labels: LabelMap,
    geometry: GeometryReport,
    *,
    across: int | None,
) -> dict[str, Any]:
    """Return volume, unsure_ml, diameters and notes of a structure."""
    if geometry.grade == "withheld":
        return {"notes": (WITHHELD,)}
    volume = volume_of(mask, labels.affine)
    diameters = diameters_of(mask, labels.affine, across=across)
    return {
        "volume": volume,
        "unsure_ml": labels.unsure_ml(structure.name, geometry),
        "diameters": diameters,
        "notes": tuple(_notes(volume, diameters, structure)),
    }


def _notes(volume: TwoVolumes, diameters: Diameters, structure: Structure) -> Iterator[str]:
    if volume.flag:
        yield volume.flag
    if volume.cut:
        yield CUT
    if diameters.pieces > 1 and structure.kind == "tumour":
        yield f"in {diameters.pieces} pieces in its longest slice: the longest of one is given"


def _values(
    mask: NDArray[np.bool_], affine: NDArray[np.float64], image: Volume | None, inset_mm: float
) -> tuple[Statistics | None, tuple[str, ...]]:
    if image is None:
        return None, ()
    here = on_grid(mask, affine, to=image.affine, shape=image.voxels.shape)
    try:
        return statistics_of(
            image.voxels, here, image.affine, unit=image.unit, inset_mm=inset_mm
        ), ()
    except EmptyLabel as error:
        return None, (f"no values: {error.what}",)


def lengths_of(one: Measured, labels_id: str) -> tuple[Quantity, ...]:
    """Return the diameters of a structure in mm with how they were found; none where withheld."""
    found = one.diameters
    if found is None:
        return ()
    rows = (
        ("longest diameter", found.long_axis, f"{IN_SLICE}; RECIST 1.1: {found.as_lesion}"),
        ("short axis", found.short_axis, ACROSS),
        ("longest diameter in 3D", found.longest, IN_SPACE),
    )
    return tuple(
        Quantity(name, one.structure, line.length_mm, "mm", basis=basis, inputs=(labels_id,))
        for name, line, basis in rows
    )


def as_json(one: Measured) -> dict[str, Any]:
    """Return the numbers of a structure as plain values; mm, mL, LPS mm, the image's unit."""
    volume, length = one.volume, one.diameters
    return {
        "structure": one.structure,
        "kind": one.kind,
        "geometry": one.grade,
        "voxels": one.voxels,
        "volume": None if volume is None else {
            "voxels_ml": volume.voxels_ml,
            "surface_ml": volume.surface_ml,
            "difference_percent": volume.difference_percent,
            "geometry_ml": one.unsure_ml,
            "flag": volume.flag,
        },
        "diameters": None if length is None else _lengths(length),
        "values": None if one.statistics is None else asdict(one.statistics),
        "notes": list(one.notes),
    }  # fmt: skip


def _lengths(found: Diameters) -> dict[str, Any]:
    return {
        "long_axis": _line(found.long_axis),
        "short_axis": _line(found.short_axis),
        "longest": _line(found.longest),
        "across": found.across,
        "slice": found.slice_number,
        "slice_mm": found.slice_mm,
        "pieces": found.pieces,
        "recist": {"measurable": found.measurable, "lesion": found.as_lesion,
                   "node": found.as_node},
    }  # fmt: skip


def _line(line: Line) -> dict[str, Any]:
    return {"mm": line.length_mm, "start_mm": list(line.start_mm), "end_mm": list(line.end_mm)}
