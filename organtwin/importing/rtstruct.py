"""DICOM RT Structure Sets: contours to masks on the grid of any Volume with parallel slices.

Contours are placed by their own coordinates; the images they cite need not be here (PS3.3
C.8.8.6). Several contours in one plane combine by the even-odd rule, which is what both holes,
keyholes and CLOSEDPLANAR_XOR mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile, WrongGeometry
from organtwin.core.volume import Volume, to_index
from organtwin.core.watch import Watch
from organtwin.importing.contours import filled
from organtwin.importing.dicom_seg import CODE, term_of
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.formats import LabelFormat, Mask
from organtwin.importing.found import LabelSource
from organtwin.importing.opening import Opened, opened
from organtwin.importing.placing import TIE, check_frame_of_reference, thickness_mm
from organtwin.importing.planes import IDENTITY, identity_of

LISTED: Final = merged(
    IDENTITY,
    wanted(
        StructureSetROISequence=wanted("ROINumber", "ROIName", "ReferencedFrameOfReferenceUID"),
        ReferencedFrameOfReferenceSequence=wanted(
            "FrameOfReferenceUID",
            RTReferencedStudySequence=wanted(
                RTReferencedSeriesSequence=wanted("SeriesInstanceUID")
            ),
        ),
    ),
)
DRAWN: Final = merged(
    LISTED,
    wanted(
        ROIContourSequence=wanted(
            "ReferencedROINumber",
            ContourSequence=wanted("ContourGeometricType", "ContourData"),
        ),
        RTROIObservationsSequence=wanted(
            "ReferencedROINumber", RTROIIdentificationCodeSequence=CODE
        ),
    ),
)
CLOSED: Final = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
FLAT_MM: Final = 0.1
ROUNDED_MM: Final = 0.06
"""A contour this near to a slice lies on it: coordinates are often written with one decimal."""
FAR_MM: Final = 1e5
POINT_LIMIT: Final = 20_000_000
REACH: Final = 2
"""How many times the width of the images contours may reach beyond them and still be counted."""
Planes = dict[float, list[NDArray[np.float64]]]
"""Height (index k) → polygons (n, 2) in indices (i, j)."""


def claims(file: Opened) -> bool:
    """Return whether a file is a DICOM RT Structure Set."""
    return "StructureSetROISequence" in file.elements


def source(file: Opened) -> LabelSource:
    """Describe a Structure Set."""
    said = file.elements
    regions = said.items("StructureSetROISequence")
    referenced = said.first("ReferencedFrameOfReferenceSequence")
    series = referenced.first("RTReferencedStudySequence", "RTReferencedSeriesSequence")
    frame = referenced.text("FrameOfReferenceUID")
    return LabelSource(
        file.path,
        "RTSTRUCT",
        series.text("SeriesInstanceUID"),
        frame or regions[0].text("ReferencedFrameOfReferenceUID"),
        tuple(region.text("ROIName") for region in regions),
        identity_of(said),
    )


def masks(source: LabelSource, volume: Volume, watch: Watch) -> tuple[Mask, ...]:
    """Put every region of interest on the grid of a Volume; those never drawn are left out.

    A contour fills the slab half-way to its neighbours; what lies beyond the images adds to
    ``source_ml`` only. The same contour given twice in a plane counts once.

    Raises:
        UnreadableFile: a contour is not made of points, or too long.
        WrongGeometry: another frame of reference, or contours not parallel to the slices.
    """
    check_frame_of_reference(source, volume)
    said = opened(source.path, DRAWN).elements
    drawn = {c.integer("ReferencedROINumber"): c for c in said.items("ROIContourSequence")}
    codes = {
        o.integer("ReferencedROINumber"): term_of(o.first("RTROIIdentificationCodeSequence"))
        for o in said.items("RTROIObservationsSequence")
    }
    regions = said.items("StructureSetROISequence")
    found = []
    for n, region in enumerate(regions):
        watch.tell(n / len(regions), f"filling {region.text('ROIName')}")
        number = region.integer("ROINumber")
        planes = _planes(drawn.get(number, Elements({})), volume)
        if planes:
            mask = _mask(region.text("ROIName"), planes, volume)
            found.append(replace(mask, code=codes.get(number)))
    return tuple(found)


def _contours(drawn: Elements) -> Iterator[NDArray[np.float64]]:
    """Yield the closed contours of one region, (n, 3) LPS mm."""
    total, seen = 0, set()
    for contour in drawn.items("ContourSequence"):
        kind = contour.text("ContourGeometricType")
        if kind not in CLOSED:
            continue
        numbers = contour.floats("ContourData")
        total += len(numbers)
        if len(numbers) % 3 or total > POINT_LIMIT or max(map(abs, numbers), default=0) > FAR_MM:
            raise UnreadableFile("a contour is not made of points in space")
        if len(numbers) >= 9 and (kind == CLOSED[1] or numbers not in seen):
            seen.add(numbers)
            yield np.reshape(numbers, (-1, 3))


def _planes(drawn: Elements, volume: Volume) -> Planes:
    planes: Planes = {}
    for points in _contours(drawn):
        index = to_index(volume.affine, points)
        if float(np.ptp(index[:, 2])) * volume.spacing_mm[2] > FLAT_MM:
            raise WrongGeometry(
                "the contours do not lie in the planes of these images",
                advice="choose the series that the contours were drawn on",
            )
        height = float(index[:, 2].mean())
        if abs(height - round(height)) * volume.spacing_mm[2] <= ROUNDED_MM:
            height = round(height)
        planes.setdefault(round(height, 2), []).append(index[:, :2])
    return planes


def _mask(name: str, planes: Planes, volume: Volume) -> Mask:
    ni, nj, nk = volume.voxels.shape
    heights = np.array(sorted(planes))
    step = thickness_mm(heights * volume.spacing_mm[2], volume.spacing_mm[2])
    half = 0.5 * step / volume.spacing_mm[2]
    voxels, count = np.zeros((ni, nj, nk), dtype=bool, order="F"), 0
    for height in heights:
        plane, within = _plane(planes[float(height)], (ni, nj))
        count += within
        first, last = (
            min(max(int(np.ceil(end - TIE)), 0), nk) for end in (height - half, height + half)
        )
        voxels[:, :, first:last] |= plane[:, :, None]
    pixel_ml = volume.voxel_ml / volume.spacing_mm[2]
    return Mask(name, None, voxels, count * pixel_ml * step)


def _plane(
    polygons: list[NDArray[np.float64]], size: tuple[int, int]
) -> tuple[NDArray[np.bool_], int]:
    """Return (ni, nj) bool, and how many pixels are inside here and beyond the images."""
    ends, grid = np.concatenate(polygons), np.array(size)
    low = np.clip(np.floor(ends.min(axis=0)), -REACH * grid, grid).astype(int)
    high = np.clip(np.ceil(ends.max(axis=0)), -1, (1 + REACH) * grid).astype(int)
    ni, nj = (int(n) for n in np.maximum(high - low, 0) + 1)
    inside = filled([polygon - low for polygon in polygons], (ni, nj))
    plane = np.zeros(size, dtype=bool, order="F")
    (i, j), (a, b) = np.maximum(low, 0), np.maximum(-low, 0)
    here = inside[a:, b:][: max(size[0] - i, 0), : max(size[1] - j, 0)]
    plane[i : i + here.shape[0], j : j + here.shape[1]] = here
    return plane, int(np.count_nonzero(inside))


LABELS: Final = LabelFormat("RTSTRUCT", LISTED, claims, source, masks)
