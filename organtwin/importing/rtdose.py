"""DICOM RT Dose: a grid of absorbed dose in Gy, one plane a frame.

Planes follow GridFrameOffsetVector: offsets along the normal where its first element is 0,
patient z where it is the z of ImagePositionPatient (PS3.3 C.8.8.3.2). Dose in Gy is the stored
value times DoseGridScaling (C.8.8.3); relative dose has no unit and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, UnreadableFile, WrongGeometry
from organtwin.importing.assembling import series_of
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.formats import ImageFormat
from organtwin.importing.found import Found, Refused, Series, Slice
from organtwin.importing.opening import Opened
from organtwin.importing.planes import (
    CODING,
    IDENTITY,
    directions_of,
    pixels_of,
    position_of,
    spacing_of,
)
from organtwin.importing.values import STEEPEST
from organtwin.importing.voxels import read

MODALITY: Final = "RTDOSE"
WANTED: Final = merged(
    IDENTITY,
    CODING,
    wanted(
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "DoseUnits",
        "DoseType",
        "DoseSummationType",
        "DoseGridScaling",
        "GridFrameOffsetVector",
    ),
)
SAME_MM: Final = 1e-3
TRANSVERSE: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAME_DIRECTION: Final = 1e-4


def claims(file: Opened) -> bool:
    """Return whether a file is a DICOM RT Dose."""
    return file.elements.text("Modality") == MODALITY


def slices_of(file: Opened) -> tuple[Slice, ...]:
    """Return the planes of a dose grid.

    Raises:
        BadInput: there is no grid, or it is not in Gy.
        UnreadableFile: no scaling, or damaged pixels.
        WrongGeometry: the planes have no place.
    """
    said = file.elements
    if file.dataset and not file.dataset.damage and not file.dataset.pixel_tag:
        raise BadInput("a dose without a grid (histograms only)", where=str(file.path))
    pixels = pixels_of(file)
    if said.text("DoseUnits") != "GY":
        raise BadInput(
            f"the dose is {said.text('DoseUnits') or 'in no unit'}, not in Gy",
            where=str(file.path),
            advice="export it as absolute dose",
        )
    scaling = said.number("DoseGridScaling", 0.0)
    if not 0 < scaling <= STEEPEST:
        raise UnreadableFile("the dose has no DoseGridScaling", where=str(file.path))
    row, column = directions_of(said)
    return tuple(
        Slice(
            pixels,
            n,
            (float(place[0]), float(place[1]), float(place[2])),
            row,
            column,
            spacing_of(said),
            slope=scaling,
            thickness_mm=said.number("SliceThickness", 0.0),
            sop_uid=said.text("SOPInstanceUID"),
        )
        for n, place in enumerate(_places(said, pixels.frames))
    )


def _places(said: Elements, frames: int) -> NDArray[np.float64]:
    """Return (frames, 3) LPS mm of each plane's first pixel; raises WrongGeometry."""
    origin = np.array(position_of(said))
    offsets = np.array(said.floats("GridFrameOffsetVector"))
    if frames == 1 and not len(offsets):
        return origin[None]
    if len(offsets) != frames:
        raise WrongGeometry(f"{frames} dose planes, but {len(offsets)} offsets for them")
    steps = np.diff(offsets)
    if (steps > 0).any() and (steps < 0).any():
        raise WrongGeometry("the offsets of the dose planes go up and down")
    row, column = directions_of(said)
    if abs(offsets[0]) <= SAME_MM:
        return origin + np.outer(offsets, np.cross(row, column))
    transverse = np.abs(np.subtract([*row, *column], TRANSVERSE)).max() <= SAME_DIRECTION
    if transverse and abs(offsets[0] - origin[2]) <= SAME_MM:
        return np.column_stack([np.tile(origin[:2], (frames, 1)), offsets])
    raise WrongGeometry(
        "the offsets of the dose planes are neither relative to the first nor patient z",
        advice="export the dose again with relative offsets",
    )


def series(files: Sequence[Opened]) -> Found:
    """Return one Series a grid; planes in a file each make a grid together."""
    alone: dict[str, list[Opened]] = {}
    for n, file in enumerate(files):
        one_plane = file.elements.text("NumberOfFrames") in ("", "1")
        key = "planes of " + file.elements.text("SeriesInstanceUID") if one_plane else str(n)
        alone.setdefault(key, []).append(file)
    grids: list[Series] = []
    refused: list[Refused] = []
    for together in alone.values():
        found, problems = series_of("rtdose", together, slices_of)
        grids += [_dose(one, together[0].elements) for one in found]
        refused += problems
    parts = dict.fromkeys((s.uid for s in grids), -1)
    for n, one in enumerate(grids):
        parts[one.uid] += 1
        grids[n] = replace(one, part=parts[one.uid])
    return tuple(grids), tuple(refused)


def _dose(found: Series, said: Elements) -> Series:
    kind = f"{said.text('DoseType').lower()} dose, {said.text('DoseSummationType').lower()}"
    words = (found.description, kind.strip(" ,"))
    return replace(found, unit="Gy", description=", ".join(word for word in words if word))


IMAGES: Final = ImageFormat("rtdose", WANTED, claims, series, read)
