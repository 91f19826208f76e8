"""DICOM RT Structure Sets: contours to masks on the grid of any Volume with parallel slices.

Contours are placed by their own coordinates; the images they cite need not be here (PS3.3
C.8.8.6). Several contours in one plane combine by the even-odd rule, which is what both holes,
keyholes and CLOSEDPLANAR_XOR mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile, WrongGeometry
from organtwin.core.volume import Volume, to_index
from organtwin.core.watch import Watch
from organtwin.importing.contours import filled
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
        )
    ),
)
CLOSED: Final = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
FLAT_MM: Final = 0.1
POINT_LIMIT: Final = 20_000_000
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

    A contour fills the slab half-way to its neighbours; planes without a slice here add to
    ``source_ml`` only.

    Raises:
        UnreadableFile: a contour is not made of points.
        WrongGeometry: another frame of reference, or contours not parallel to the slices.
    """
    check_frame_of_reference(source, volume)
    said = opened(source.path, DRAWN).elements
    drawn = {c.integer("ReferencedROINumber"): c for c in said.items("ROIContourSequence")}
    regions = said.items("StructureSetROISequence")
    found = []
    for n, region in enumerate(regions):
        watch.tell(n / len(regions), f"filling {region.text('ROIName')}")
        planes = _planes(drawn.get(region.integer("ROINumber"), Elements({})), volume)
        if planes:
            found.append(_mask(region.text("ROIName"), planes, volume))
    return tuple(found)


def _contours(drawn: Elements) -> Iterator[NDArray[np.float64]]:
    """Yield the closed contours of one region, (n, 3) LPS mm."""
    total = 0
    for contour in drawn.items("ContourSequence"):
        if contour.text("ContourGeometricType") not in CLOSED:
            continue
        numbers = contour.floats("ContourData")
        total += len(numbers)
        if len(numbers) % 3 or total > POINT_LIMIT:
            raise UnreadableFile("a contour is not made of points in space")
        if len(numbers) >= 9:
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
        planes.setdefault(round(float(index[:, 2].mean()), 2), []).append(index[:, :2])
    return planes


def _mask(name: str, planes: Planes, volume: Volume) -> Mask:
    ni, nj, nk = volume.voxels.shape
    heights = np.array(sorted(planes))
    step = thickness_mm(heights * volume.spacing_mm[2], volume.spacing_mm[2])
    half = 0.5 * step / volume.spacing_mm[2]
    voxels, count = np.zeros((ni, nj, nk), dtype=bool, order="F"), 0
    for height in heights:
        plane = filled(planes[float(height)], (ni, nj))
        count += int(np.count_nonzero(plane))
        first, last = (
            min(max(int(np.ceil(end - TIE)), 0), nk) for end in (height - half, height + half)
        )
        voxels[:, :, first:last] |= plane[:, :, None]
    pixel_ml = volume.voxel_ml / volume.spacing_mm[2]
    return Mask(name, None, voxels, count * pixel_ml * step)


LABELS: Final = LabelFormat("RTSTRUCT", LISTED, claims, source, masks)
