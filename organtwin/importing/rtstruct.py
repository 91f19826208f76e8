"""DICOM RT Structure Sets: contours to masks on the grid of any Volume with parallel slices.

Contours are placed by their own coordinates; the images they cite need not be here (PS3.3
C.8.8.6). Those of type CLOSEDPLANAR_XOR in one plane combine by the even-odd rule (C.8.8.6.3), of
CLOSED_PLANAR each stands for itself (`contours.united`); how thick they are says `slabs`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile, WrongGeometry
from organtwin.core.labelmap import CodedTerm
from organtwin.core.volume import Volume, to_index
from organtwin.core.watch import Watch
from organtwin.importing.contours import area_of, filled, united
from organtwin.importing.dicom_seg import CODE, term_of
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.formats import LabelFormat, Mask
from organtwin.importing.found import LabelSource
from organtwin.importing.opening import Opened, opened
from organtwin.importing.placing import planes_at, same_mm
from organtwin.importing.planes import IDENTITY, identity_of
from organtwin.importing.slabs import Filled, Slabs, said_of, slabs_of, slices_in

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
EXCLUSIVE: Final = "CLOSEDPLANAR_XOR"
CLOSED: Final = ("CLOSED_PLANAR", EXCLUSIVE)
OPEN: Final = ("POINT", "OPEN_PLANAR", "OPEN_NONPLANAR")
"""Types that enclose nothing (PS3.3 C.8.8.6.1)."""
FLAT_MM: Final = 0.1
FAR_MM: Final = 1e5
POINT_LIMIT: Final = 20_000_000
REACH: Final = 2
"""How many times the width of the images contours may reach beyond them and still be counted."""


@dataclass(frozen=True)
class Ring:
    """One closed contour.

    Args:
        height_mm: above slice 0 along the normal of the slices.
        polygon: (n, 2) indices (i, j).
        exclusive: it is of type CLOSEDPLANAR_XOR.
    """

    height_mm: float
    polygon: NDArray[np.float64]
    exclusive: bool


@dataclass(frozen=True)
class Region:
    """One region of interest with at least one contour.

    Args:
        open: how many contours of it enclose nothing, by what they are.
    """

    name: str
    code: CodedTerm | None
    rings: tuple[Ring, ...]
    open: Mapping[str, int]

    @property
    def heights_mm(self) -> NDArray[np.float64]:
        """(n,) of its contours."""
        return np.array([ring.height_mm for ring in self.rings])


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

    What lies beyond the images adds to ``source_ml`` only. A region of another frame of reference
    has no voxels and says so in its note, as one does whose contours enclose nothing.

    Raises:
        UnreadableFile: a contour is not made of points, or too long.
        WrongGeometry: all of another frame of reference, or contours not parallel to the slices.
    """
    said = opened(source.path, DRAWN).elements
    here: list[Elements] = []
    foreign: list[Elements] = []
    for one in said.items("StructureSetROISequence"):
        frame = one.text("ReferencedFrameOfReferenceUID") or source.frame_uid
        other = bool(frame and volume.frame_uid and frame != volume.frame_uid)
        (foreign if other else here).append(one)
    if not here:
        raise WrongGeometry(
            "the labels belong to another frame of reference than the images",
            where=str(source.path),
            advice="choose the series that the labels were drawn on",
        )
    regions = list(_regions(here, said, volume))
    found = _filled(regions, source, volume, watch) if regions else []
    return (*found, *(_left_out(one.text("ROIName"), volume) for one in foreign))


def _left_out(name: str, volume: Volume) -> Mask:
    nothing = np.zeros(volume.voxels.shape, dtype=bool, order="F")
    note = f"{name} belongs to another frame of reference than the images and is left out"
    return Mask(name, None, nothing, 0.0, note, foreign=True)


def _filled(
    regions: list[Region], source: LabelSource, volume: Volume, watch: Watch
) -> Iterator[Mask]:
    """Yield the masks of all regions, whose slabs all of them tell."""
    heights = np.concatenate([region.heights_mm for region in regions])
    planes, _ = _planes(heights, volume) if len(heights) else (heights, None)
    slabs = slabs_of(planes, volume, cited=source.referenced_series_uid)
    for n, region in enumerate(regions):
        watch.tell(n / len(regions), f"filling {region.name}")
        yield _mask(region, slabs, volume)


def _by_number(items: Sequence[Elements]) -> dict[int, list[Elements]]:
    """Return the items of each region of interest, however many there are of one."""
    grouped: dict[int, list[Elements]] = {}
    for one in items:
        grouped.setdefault(one.integer("ReferencedROINumber"), []).append(one)
    return grouped


def _regions(listed: list[Elements], said: Elements, volume: Volume) -> Iterator[Region]:
    """Yield those regions that have contours."""
    drawn = _by_number(said.items("ROIContourSequence"))
    observed = _by_number(said.items("RTROIObservationsSequence"))
    for one in listed:
        number = one.integer("ROINumber")
        codes = [
            term_of(o.first("RTROIIdentificationCodeSequence")) for o in observed.get(number, ())
        ]
        contours = [c for d in drawn.get(number, ()) for c in d.items("ContourSequence")]
        if contours:
            code = next(filter(None, codes), None)
            yield Region(one.text("ROIName"), code, *_sorted_out(contours, volume))


def _sorted_out(
    contours: list[Elements], volume: Volume
) -> tuple[tuple[Ring, ...], Mapping[str, int]]:
    """Return the rings among contours, and how many of the others there are by what they are."""
    rings: list[Ring] = []
    opens: Counter[str] = Counter()
    total = 0
    for contour in contours:
        kind = contour.text("ContourGeometricType")
        if kind not in CLOSED:
            opens[kind if kind in OPEN else "of no known type"] += 1
            continue
        numbers = contour.floats("ContourData")
        total += len(numbers)
        if len(numbers) % 3 or total > POINT_LIMIT or max(map(abs, numbers), default=0) > FAR_MM:
            raise UnreadableFile("a contour is not made of points in space")
        if len(numbers) < 9:
            opens[f"{kind} of less than 3 points"] += 1
            continue
        points = np.reshape(numbers, (-1, 3))
        rings.append(_ring(points, volume, exclusive=kind == EXCLUSIVE))
    return tuple(rings), opens


def _ring(points: NDArray[np.float64], volume: Volume, *, exclusive: bool) -> Ring:
    """Return a contour, (n, 3) LPS mm, in indices of the Volume's slices."""
    index = to_index(volume.affine, points)
    heights_mm = index[:, 2] * volume.spacing_mm[2]
    if float(np.ptp(heights_mm)) > FLAT_MM:
        raise WrongGeometry(
            "the contours do not lie in the planes of these images",
            advice="choose the series that the contours were drawn on",
        )
    return Ring(float(heights_mm.mean()), index[:, :2], exclusive)


def _planes(
    heights_mm: NDArray[np.float64], volume: Volume
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return `planes_at` of contours; planes nearly in a slice lie in it."""
    spacing, same = volume.spacing_mm[2], same_mm(volume)
    planes, number = planes_at(heights_mm, same)
    slices = np.round(planes / spacing) * spacing
    planes, merged_number = planes_at(np.where(np.abs(planes - slices) <= same, slices, planes), 0)
    return planes, merged_number[number]


def _mask(region: Region, slabs: Slabs, volume: Volume) -> Mask:
    ni, nj, nk = volume.voxels.shape
    planes, number = _planes(region.heights_mm, volume)
    extents_mm = slabs.extents_mm(planes)
    voxels, pixels = np.zeros((ni, nj, nk), dtype=bool, order="F"), np.zeros(len(planes))
    reached: set[int] = set()
    for n, extent_mm in enumerate(extents_mm):
        plane, within = _plane([region.rings[r] for r in np.flatnonzero(number == n)], (ni, nj))
        pixels[n] = within
        there = slices_in(planes[n], extent_mm, volume)
        first, last = max(there.start, 0), min(max(there.stop, 0), nk)
        reached.update(range(first, last))
        voxels[:, :, first:last] |= plane[:, :, None]
    pixel_mm2 = volume.voxel_ml / volume.spacing_mm[2] * 1000
    filled = Filled(planes, extents_mm, pixels * pixel_mm2, reached)
    lost_mm3 = sum(
        pixel_mm2 * area_of(ring.polygon) * float(extents_mm[n].sum())
        for ring, n in zip(region.rings, number, strict=True)
        if not pixels[n]
    )
    said = [*said_of(filled, slabs, volume), *_lost(region, pixels, lost_mm3 / 1000)]
    note = f"{region.name}: " + ", ".join(said) if said else ""
    return Mask(region.name, region.code, voxels, filled.ml, note)


def _lost(region: Region, pixels: NDArray[np.float64], lost_ml: float) -> Iterator[str]:
    """Yield what was drawn of a region and gives it no voxels."""
    if small := int(np.count_nonzero(pixels == 0)):
        where = f"in {small} of {len(pixels)} planes" if small < len(pixels) else "all"
        yield f"contours {where} enclose no pixel's centre and give no voxels ({lost_ml:.2g} mL)"
    if region.open:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(region.open.items()))
        yield f"contours that enclose nothing are left out ({kinds})"


def _plane(rings: list[Ring], size: tuple[int, int]) -> tuple[NDArray[np.bool_], int]:
    """Return (ni, nj) bool, and how many pixels are inside here and beyond the images."""
    polygons = [ring.polygon for ring in rings]
    ends, grid = np.concatenate(polygons), np.array(size)
    low = np.clip(np.floor(ends.min(axis=0)), -REACH * grid, grid).astype(int)
    high = np.clip(np.ceil(ends.max(axis=0)), -1, (1 + REACH) * grid).astype(int)
    ni, nj = (int(n) for n in np.maximum(high - low, 0) + 1)
    combined = filled if any(ring.exclusive for ring in rings) else united
    inside = combined([polygon - low for polygon in polygons], (ni, nj))
    plane = np.zeros(size, dtype=bool, order="F")
    (i, j), (a, b) = np.maximum(low, 0), np.maximum(-low, 0)
    here = inside[a:, b:][: max(size[0] - i, 0), : max(size[1] - j, 0)]
    plane[i : i + here.shape[0], j : j + here.shape[1]] = here
    return plane, int(np.count_nonzero(inside))


LABELS: Final = LabelFormat("RTSTRUCT", LISTED, claims, source, masks)
