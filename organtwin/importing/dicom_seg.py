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
from organtwin.importing.placing import (
    WHOLE,
    Frame,
    check_frame_of_reference,
    grid_step_mm,
    is_even,
    paste,
    planes_at,
    same_mm,
    typical_gap,
)
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
    segments, places = segments_of(said), _places(file, source, volume)
    grids = {s.number: np.zeros(volume.voxels.shape, bool, order="F") for s in segments}
    ml = dict.fromkeys(grids, 0.0)
    nothing = {s.number for s in _listed(said)} - {*grids} | {0, padding_of(said, signed=False)}
    for n, (frame, number) in enumerate(places):
        watch.tell(n / len(places), f"reading {source.path.name}")
        samples = reader.frame(frame.number)
        for label, mask in _parts(said, samples, number):
            if label not in grids and label in nothing:
                continue
            if label not in grids:
                raise UnreadableFile(f"no segment {label} is described", where=str(source.path))
            ml[label] += int(np.count_nonzero(mask)) * frame.voxel_ml
            paste(mask, frame, volume, grids[label])
    return tuple(Mask(s.name, s.code, grids[s.number], ml[s.number]) for s in segments)


def _places(file: Opened, source: LabelSource, volume: Volume) -> list[tuple[Frame, int]]:
    """Return each frame's place and the number of its segment (0 in a label map).

    Pixel Measures are those of each frame (PS3.3 C.7.6.16.2.1, C.8.20.3).
    """
    groups = frames_of(file.elements)
    if len(groups) != max(file.elements.integer("NumberOfFrames", 1), 1) or not groups:
        raise UnreadableFile("frames without a place each", where=str(file.path))
    places = np.array([position_of(group("PlanePositionSequence")) for group in groups])
    facing = [directions_of(group("PlaneOrientationSequence")) for group in groups]
    if any(np.abs(np.subtract(facing[0], one)).max() > 1e-3 for one in facing):
        raise WrongGeometry("the frames face in different directions", where=str(file.path))
    row, column = facing[0]
    normal = np.cross(row, column)
    planes, _ = planes_at(places @ normal, same_mm(volume))
    grid_mm = grid_step_mm(normal, places, volume)
    here = bool(volume.series_uid) and source.referenced_series_uid == volume.series_uid
    result = []
    for n, (group, place) in enumerate(zip(groups, places, strict=True)):
        measures = group("PixelMeasuresSequence")
        across, down = spacing_of(measures)
        step = _slab_mm(measures, planes, grid_mm, drawn_here=here)
        axes = np.column_stack([np.multiply(row, across), np.multiply(column, down), normal * step])
        number = group("SegmentIdentificationSequence").integer("ReferencedSegmentNumber")
        result.append((Frame(n, axes, place), number))
    return result


def _slab_mm(
    measures: Elements, planes: NDArray[np.float64], grid_mm: float | None, *, drawn_here: bool
) -> float:
    """Return how thick in mm the slab is that a frame stands for, never more than their distance.

    SpacingBetweenSlices where it is stated; else, where all frames lie in planes of the images,
    their distance; else the distance of all frames together, SliceThickness at most. Frames exactly
    one SliceThickness apart that do not cite these images were drawn on thicker slices.

    Args:
        planes: (n,) mm, heights of all frames of all segments.
        grid_mm: between the planes of the images, None where frames lie elsewhere.
        drawn_here: the file cites these images.

    Raises:
        WrongGeometry: nothing is stated and the frames are unevenly spaced.
    """
    between, thickness = (
        max(measures.number(name, 0.0), 0.0) for name in ("SpacingBetweenSlices", "SliceThickness")
    )
    gap = typical_gap(planes)
    if between:
        return gap if gap < (1 - WHOLE) * between else between
    thick = abs(gap - thickness) <= WHOLE * thickness and not drawn_here
    if grid_mm is not None and not thick:
        return min(gap, grid_mm)
    if thickness:
        return min(gap, thickness)
    if not np.isfinite(gap) or not is_even(planes, gap):
        raise WrongGeometry(
            "the planes of the labels are unevenly spaced and state no thickness",
            advice="import labels drawn on evenly spaced images",
        )
    return gap


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
