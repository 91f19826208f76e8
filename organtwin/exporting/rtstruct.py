"""DICOM RT Structure Set (PS3.3 A.19, C.8.8.5, C.8.8.6, C.8.8.8): outlines in the slices.

Every contour is CLOSED_PLANAR and stands for itself: a hole is joined to the outline around it by a
keyhole (PS3.3 C.8.8.6.3), so that readers that unite contours and readers that combine them by the
even-odd rule fill the same pixels. CLOSEDPLANAR_XOR would say holes more plainly, but systems that
do not know it leave the contour out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from organtwin.core.labelmap import Structure
from organtwin.core.origin import Instance, Origin
from organtwin.core.volume import to_lps
from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.header import RESEARCH_USE, SCHEME, Kind, text
from organtwin.exporting.material import Material, Piece, directions
from organtwin.exporting.outlines import outlines
from organtwin.exporting.seg import image_reference
from organtwin.exporting.terms import item, own_scheme, type_of

KIND: Final = Kind("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "outlines", 9104, dated=False)
STUDY_CLASS: Final = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, retired; RT Referenced Study Sequence still asks for a class."""
PLACES: Final = 4
"""Decimals of a contour's mm: 0.1 µm, far from the nearest voxel's centre."""


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield the Structure Set; what lies within a structure belongs to it.

    Raises:
        WrongGeometry: the grid's axes are not at right angles.
    """
    directions(material.labels.affine)
    header = material.header
    made = header.begun(KIND)
    made.OperatorsName = ""
    made.StructureSetLabel = "OrganTwin"
    made.StructureSetName = text(f"{RESEARCH_USE}: {material.organ.name}", 64)
    made.StructureSetDescription = text(f"{RESEARCH_USE}. {material.note}", 1024)
    made.StructureSetDate, made.StructureSetTime = header.date, header.time
    made.ReferencedFrameOfReferenceSequence = [_frame_of_reference(header.origin)]
    structures = material.structures
    made.StructureSetROISequence = [_region(n, s, material) for n, s in _numbered(structures)]
    made.RTROIObservationsSequence = [_observation(n, s) for n, s in _numbered(structures)]
    drawn = []
    for number, structure in _numbered(structures):
        watch.tell((number - 1) / len(structures), f"outlining {structure.name}")
        drawn.append(_contours(number, structure, material))
    made.ROIContourSequence = drawn
    if any(type_of(s).scheme == SCHEME for s in structures):
        made.CodingSchemeIdentificationSequence = [own_scheme()]
    yield Piece("rtstruct.dcm", made)


def _numbered(structures: Sequence[Structure]) -> Iterator[tuple[int, Structure]]:
    return enumerate(structures, start=1)


def _frame_of_reference(origin: Origin) -> Dataset:
    """Return the frame of reference, with study, series and images where they are known."""
    made = Dataset()
    made.FrameOfReferenceUID = origin.frame_uid
    if origin.instances:
        series, study = Dataset(), Dataset()
        series.SeriesInstanceUID = origin.series_uid
        series.ContourImageSequence = [image_reference(i, origin) for i in origin.instances]
        study.ReferencedSOPClassUID = STUDY_CLASS
        study.ReferencedSOPInstanceUID = origin.study_uid
        study.RTReferencedSeriesSequence = [series]
        made.RTReferencedStudySequence = [study]
    return made


def _region(number: int, structure: Structure, material: Material) -> Dataset:
    made = Dataset()
    made.ROINumber = number
    made.ReferencedFrameOfReferenceUID = material.header.origin.frame_uid
    made.ROIName = text(structure.name, 64)
    made.ROIGenerationAlgorithm = material.made.kind if material.made.known else ""
    made.ROIGenerationDescription = text(material.made.name, 64)
    return made


def _observation(number: int, structure: Structure) -> Dataset:
    """Return what a region is; a tumour is given no role in a treatment, nobody decided one."""
    made = Dataset()
    made.ObservationNumber = made.ReferencedROINumber = number
    made.RTROIIdentificationCodeSequence = [item(type_of(structure))]
    made.RTROIInterpretedType = "ORGAN" if structure.kind == "organ" else ""
    made.ROIInterpreter = ""
    return made


def _contours(number: int, structure: Structure, material: Material) -> Dataset:
    labels, images = material.labels, material.measured()
    contours: list[Dataset] = []
    for k, polygons in outlines(labels.mask(structure.name)):
        for polygon in polygons:
            index = np.column_stack([polygon, np.full(len(polygon), float(k))])
            points = np.round(to_lps(labels.affine, index), PLACES) + 0.0
            contours.append(_contour(points.ravel().tolist(), images[k : k + 1], material))
            contours[-1].ContourNumber = len(contours)
    made = Dataset()
    made.ReferencedROINumber = number
    made.ROIDisplayColor = [round(255 * c) for c in structure.colour]
    made.ContourSequence = contours
    return made


def _contour(numbers: list[float], image: Sequence[Instance], material: Material) -> Dataset:
    made = Dataset()
    if image:
        made.ContourImageSequence = [image_reference(image[0], material.header.origin)]
    made.ContourGeometricType = "CLOSED_PLANAR"
    made.NumberOfContourPoints = len(numbers) // 3
    made.ContourData = [f"{n:.10g}" for n in numbers]
    return made


EXPORT: Final = Export("rtstruct", "DICOM RT Structure Set", pieces)
