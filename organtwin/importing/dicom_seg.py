"""DICOM Segmentation objects (binary, fractional, label map) on the grid of any Volume.

Frames are placed by their position in the patient, never by their index (PS3.3 A.51, C.8.20).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile, WrongGeometry
from organtwin.core.labelmap import CodedTerm
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.elements import Elements, merged, wanted
from organtwin.importing.formats import LabelFormat, Mask
from organtwin.importing.found import LabelSource
from organtwin.importing.opening import Opened, opened
from organtwin.importing.pixels import FrameReader
from organtwin.importing.placing import Frame, check_frame_of_reference, paste, thickness_mm
from organtwin.importing.planes import (
    CODING,
    IDENTITY,
    directions_of,
    frames_of,
    functional_groups,
    identity_of,
    padding_of,
    pixels_of,
    position_of,
    spacing_of,
)

CODE: Final = wanted("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
SEGMENTS: Final = wanted(
    "SegmentationType",
    "MaximumFractionalValue",
    "PixelPaddingValue",
    SegmentSequence=wanted("SegmentNumber", "SegmentLabel", SegmentedPropertyTypeCodeSequence=CODE),
    ReferencedSeriesSequence=wanted("SeriesInstanceUID"),
)
WANTED: Final = merged(
    IDENTITY,
    CODING,
    SEGMENTS,
    functional_groups(wanted(SegmentIdentificationSequence=wanted("ReferencedSegmentNumber"))),
)
BACKGROUND: Final = CodedTerm("125040", "DCM", "Background")
TYPES: Final = ("BINARY", "FRACTIONAL", "LABELMAP")


@dataclass(frozen=True)
class Segment:
    """One segment as the file lists it."""

    number: int
    name: str
    code: CodedTerm | None


def claims(file: Opened) -> bool:
    """Return whether a file is a DICOM Segmentation."""
    return "SegmentSequence" in file.elements


def segments_of(said: Elements) -> tuple[Segment, ...]:
    """Return the segments in the order of the file; the background of a label map is none."""
    return tuple(s for s in _listed(said) if s.number and s.code != BACKGROUND)


def _listed(said: Elements) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            s.integer("SegmentNumber"),
            s.text("SegmentLabel"),
            term_of(s.first("SegmentedPropertyTypeCodeSequence")),
        )
        for s in said.items("SegmentSequence")
    )


def term_of(code: Elements) -> CodedTerm | None:
    """Return the coded term that the item of a code sequence is, None where it is empty."""
    if "CodeValue" not in code:
        return None
    return CodedTerm(
        code.text("CodeValue"), code.text("CodingSchemeDesignator"), code.text("CodeMeaning")
    )


def source(file: Opened) -> LabelSource:
    """Describe a Segmentation."""
    said = file.elements
    return LabelSource(
        file.path,
        "SEG",
        said.first("ReferencedSeriesSequence").text("SeriesInstanceUID"),
        said.text("FrameOfReferenceUID"),
        tuple(s.name for s in segments_of(said)),
        identity_of(said),
    )


def masks(source: LabelSource, volume: Volume, watch: Watch) -> tuple[Mask, ...]:
    """Put every segment on the grid of a Volume; a fraction of one half or more counts.

    Raises:
        UnreadableFile: the file is damaged or its frames do not fit its segments.
        WrongGeometry: another frame of reference, or frames that are no even stack.
    """
    check_frame_of_reference(source, volume)
    file = opened(source.path, WANTED)
    said, reader = file.elements, FrameReader(pixels_of(file))
    segments, places = segments_of(said), _places(file, volume)
    grids = {s.number: np.zeros(volume.voxels.shape, bool, order="F") for s in segments}
    counts = dict.fromkeys(grids, 0)
    nothing = {s.number for s in _listed(said)} - {*grids} | {0, padding_of(said, signed=False)}
    for n, (frame, number) in enumerate(places):
        watch.tell(n / len(places), f"reading {source.path.name}")
        samples = reader.frame(frame.number)
        for label, mask in _parts(said, samples, number):
            if label not in grids and label in nothing:
                continue
            if label not in grids:
                raise UnreadableFile(f"no segment {label} is described", where=str(source.path))
            counts[label] += int(np.count_nonzero(mask))
            paste(mask, frame, volume, grids[label])
    voxel_ml = places[0][0].voxel_ml
    return tuple(
        Mask(s.name, s.code, grids[s.number], counts[s.number] * voxel_ml) for s in segments
    )


def _places(file: Opened, volume: Volume) -> list[tuple[Frame, int]]:
    """Return each frame's place and the number of its segment (0 in a label map)."""
    said = file.elements
    groups = frames_of(said)
    if len(groups) != max(said.integer("NumberOfFrames", 1), 1) or not groups:
        raise UnreadableFile("frames without a place each", where=str(file.path))
    planes = [
        (
            position_of(group("PlanePositionSequence")),
            directions_of(group("PlaneOrientationSequence")),
            spacing_of(group("PixelMeasuresSequence")),
        )
        for group in groups
    ]
    if any(np.abs(np.subtract(planes[0][1], plane[1])).max() > 1e-3 for plane in planes):
        raise WrongGeometry("the frames face in different directions", where=str(file.path))
    (row, column), spacing = planes[0][1], planes[0][2]
    normal = np.cross(row, column)
    stated = groups[0]("PixelMeasuresSequence").number("SliceThickness", 0.0)
    step = thickness_mm(
        np.array([plane[0] for plane in planes]) @ normal, stated or volume.spacing_mm[2]
    )
    axes = np.column_stack(
        [np.multiply(row, spacing[0]), np.multiply(column, spacing[1]), normal * step]
    )
    return [
        (
            Frame(n, axes, np.array(plane[0])),
            group("SegmentIdentificationSequence").integer("ReferencedSegmentNumber"),
        )
        for n, (plane, group) in enumerate(zip(planes, groups, strict=True))
    ]


def _parts(
    said: Elements, samples: NDArray[Any], number: int
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield segment number and (rows, columns) mask of what one frame holds."""
    kind = said.text("SegmentationType")
    if kind not in TYPES:
        raise UnreadableFile(f"unknown kind of segmentation {kind!r}")
    if kind == "LABELMAP":
        for label in np.unique(samples):
            if label:
                yield int(label), samples == label
    elif kind == "FRACTIONAL":
        yield number, samples >= 0.5 * said.number("MaximumFractionalValue", 255.0)
    else:
        yield number, samples > 0


LABELS: Final = LabelFormat("SEG", WANTED, claims, source, masks)
