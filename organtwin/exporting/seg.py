"""DICOM Segmentation (PS3.3 A.51, C.8.20): every structure a segment, nested ones overlapping.

Written here and not by a library, because only so every frame says what is true of it: it refers to
the image it lies on where the grid is the measured images, and to no single one where the grid was
resampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from organtwin.core.boxes import whole
from organtwin.core.errors import EmptyLabel
from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.core.origin import Instance, Origin
from organtwin.core.volume import to_lps
from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.header import MAKER, RESEARCH_USE, SCHEME, Kind, decimals, fresh_uid, text
from organtwin.exporting.material import Material, Piece, directions
from organtwin.exporting.terms import category_of, cielab, item, own_scheme, type_of

KIND: Final = Kind("1.2.840.10008.5.1.4.1.1.66.4", "SEG", "structures", 9101)
SEGMENTATION: Final = CodedTerm("113076", "DCM", "Segmentation")
SOURCE: Final = CodedTerm("121322", "DCM", "Source image for image processing operation")
POSITION_TAG: Final = 0x00200032
PLANE_POSITION_TAG: Final = 0x00209113
SEGMENT_TAG: Final = 0x0062000B
SEGMENT_SEQUENCE_TAG: Final = 0x0062000A
Frames = list[tuple[int, int]]
"""(segment number, slice k) of each frame; segment 0 where a frame holds all of them."""


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield the Segmentation; slices without voxels of a segment have no frame for it.

    Raises:
        WrongGeometry: the grid's axes are not at right angles.
        EmptyLabel: no structure has voxels.
    """
    made = begun(material, KIND, "BINARY")
    present = np.stack(
        [np.bincount(s.ravel(), minlength=256) > 0 for s in material.labels.labels.T]
    )
    frames: Frames = []
    for number, structure in enumerate(material.structures, start=1):
        inside = [s.label for s in material.labels.inside(structure.name)]
        there = present[:, inside].any(axis=1)
        for below in material.labels.beneath:
            if below.label in inside:
                there[below.box[2]] |= below.voxels.any(axis=(0, 1))
        frames += [(number, int(k)) for k in np.flatnonzero(there)]
    place_frames(made, material, frames)
    made.PixelData = _packed(material, frames, watch)
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = 0
    overlap = material.labels.beneath or any(s.within for s in material.structures)
    made.SegmentsOverlap = "YES" if overlap else "NO"
    yield Piece("seg.dcm", made)


def begun(material: Material, kind: Kind, segmentation_type: str) -> Dataset:
    """Return a Segmentation with all but its frames."""
    made = material.header.begun(kind, series_uid=material.seg_series_uid, sop_uid=material.seg_uid)
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.ContentLabel = "SEGMENTATION"
    made.ContentDescription = text(f"{RESEARCH_USE}. {material.note}", 64)
    made.ContentCreatorName = f"{MAKER}^"
    made.SegmentationType = segmentation_type
    made.Rows, made.Columns = material.labels.labels.shape[1], material.labels.labels.shape[0]
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelRepresentation = 0
    made.LossyImageCompression = "00"
    made.BurnedInAnnotation = "NO"
    made.PresentationLUTShape = "IDENTITY"
    made.SegmentSequence = [
        _segment(number, structure, material)
        for number, structure in enumerate(material.structures, start=1)
    ]
    if any(type_of(s).scheme == SCHEME for s in material.structures):
        made.CodingSchemeIdentificationSequence = [own_scheme()]
    if material.header.origin.instances:
        made.ReferencedSeriesSequence = [referenced_series(material.header.origin)]
        if not material.measured():  # derived from all images together, no frame from one
            made.SourceImageSequence = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    return made


def _segment(number: int, structure: Structure, material: Material) -> Dataset:
    made = Dataset()
    made.SegmentNumber = number
    made.SegmentLabel = text(structure.name, 64)
    made.SegmentedPropertyCategoryCodeSequence = [item(category_of(structure))]
    made.SegmentedPropertyTypeCodeSequence = [item(type_of(structure))]
    if structure.kind == "tumour":
        made.AnatomicRegionSequence = [item(material.organ.code)]
    made.SegmentAlgorithmType = material.made.kind
    if material.made.kind != "MANUAL":
        made.SegmentAlgorithmName = text(material.made.name, 64)
    made.RecommendedDisplayCIELabValue = cielab(structure.colour)
    made.TrackingID = text(structure.name, 64)
    made.TrackingUID = material.tracking_uid(structure.name)
    return made


def referenced_series(origin: Origin) -> Dataset:
    """Return the item that names every source image of a series (PS3.3 C.12.2)."""
    made = Dataset()
    made.SeriesInstanceUID = origin.series_uid
    uids = dict.fromkeys(instance.sop_uid for instance in origin.instances)
    made.ReferencedInstanceSequence = [reference(uid, origin.sop_class_uid) for uid in uids]
    return made


def reference(sop_uid: str, sop_class_uid: str) -> Dataset:
    """Return the item that names one object."""
    made = Dataset()
    made.ReferencedSOPClassUID = sop_class_uid
    made.ReferencedSOPInstanceUID = sop_uid
    return made


def image_reference(instance: Instance, origin: Origin) -> Dataset:
    """Return the item that names one image, with its frame where it has several."""
    made = reference(instance.sop_uid, origin.sop_class_uid)
    if origin.frames > 1:
        made.ReferencedFrameNumber = instance.frame + 1
    return made


def _packed(material: Material, frames: Frames, watch: Watch) -> bytes:
    """Return the frames as bits, the first pixel lowest, without gaps (PS3.5 8.1.1, annex D)."""
    i, j, _ = whole(material.labels.labels.shape)
    names = [s.name for s in material.structures]
    parts = []
    for n, eight in enumerate(batched(frames, 8)):
        watch.tell(8 * n / len(frames), "writing segments")
        bits = np.stack(
            [
                material.labels.mask(names[number - 1], (i, j, slice(k, k + 1)))[:, :, 0].T
                for number, k in eight
            ]
        )
        parts.append(np.packbits(bits, axis=None, bitorder="little").tobytes())
    packed = b"".join(parts)
    return packed + b"\0" * (len(packed) % 2)


def place_frames(made: Dataset, material: Material, frames: Frames) -> None:
    """Set dimensions and functional groups: where each frame lies and what it shows."""
    if not frames:
        raise EmptyLabel("no structure has voxels", where="labels", advice="segment it again")
    images, origin = material.measured(), material.header.origin
    count = material.labels.labels.shape[2]
    places = to_lps(material.labels.affine, np.array([[0, 0, k] for k in range(count)]))
    if images:
        places = np.array([image.position_mm for image in images])
    made.NumberOfFrames = len(frames)
    _set_dimensions(made, by_segment=frames[0][0] > 0)
    made.SharedFunctionalGroupsSequence = [_shared(material)]
    derived = [_derivation(image, origin) for image in images]
    rank = {k: n for n, k in enumerate(sorted({k for _, k in frames}), start=1)}
    groups = []
    for number, k in frames:
        group = Dataset()
        content, position = Dataset(), Dataset()
        content.DimensionIndexValues = [number, rank[k]] if number else [rank[k]]
        position.ImagePositionPatient = decimals(places[k])
        group.FrameContentSequence = [content]
        group.PlanePositionSequence = [position]
        if derived:
            group.DerivationImageSequence = [derived[k]]
        if number:
            segment = Dataset()
            segment.ReferencedSegmentNumber = number
            group.SegmentIdentificationSequence = [segment]
        groups.append(group)
    made.PerFrameFunctionalGroupsSequence = groups


def _set_dimensions(made: Dataset, *, by_segment: bool) -> None:
    uid = fresh_uid()
    organisation = Dataset()
    organisation.DimensionOrganizationUID = uid
    made.DimensionOrganizationSequence = [organisation]
    pointers = [(SEGMENT_TAG, SEGMENT_SEQUENCE_TAG)] * by_segment
    pointers.append((POSITION_TAG, PLANE_POSITION_TAG))
    indices = []
    for pointer, group in pointers:
        index = Dataset()
        index.DimensionOrganizationUID = uid
        index.DimensionIndexPointer = pointer
        index.FunctionalGroupPointer = group
        indices.append(index)
    made.DimensionIndexSequence = indices


def _shared(material: Material) -> Dataset:
    affine = material.labels.affine
    i, j, k = material.volume.spacing_mm
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = decimals([j, i])
    measures.SliceThickness = measures.SpacingBetweenSlices = decimals([k])[0]
    orientation.ImageOrientationPatient = decimals(directions(affine).ravel())
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    return shared


def _derivation(image: Instance, origin: Origin) -> Dataset:
    made, source = Dataset(), image_reference(image, origin)
    source.PurposeOfReferenceCodeSequence = [item(SOURCE)]
    source.SpatialLocationsPreserved = "YES"
    made.DerivationCodeSequence = [item(SEGMENTATION)]
    made.SourceImageSequence = [source]
    return made


EXPORT: Final = Export("seg", "DICOM Segmentation", pieces)
