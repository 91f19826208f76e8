"""Documents inside DICOM objects: what PDF, STL and OBJ share (PS3.3 A.45, A.85, C.24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset

from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.exporting.header import RESEARCH_USE, Kind, text
from organtwin.exporting.material import Material
from organtwin.exporting.seg import reference, referenced_series
from organtwin.exporting.terms import MILLIMETRE, cielab, item

MODELS: Final = {
    "CT": CodedTerm("85040-4", "LN", "CT 3D CAM model"),
    "MR": CodedTerm("85041-2", "LN", "MR 3D CAM model"),
}
"""Titles of a model by the modality of its images (CID 7061); none for other modalities."""
SOURCE: Final = CodedTerm("121324", "DCM", "Source image")


def document(
    material: Material, kind: Kind, content: bytes, *, mime: str, title: str, number: int = 1
) -> Dataset:
    """Return an object that holds a document.

    Args:
        mime: its MIME type.
        title: in words, for a person.
        number: of the instance within its series.
    """
    made = material.header.begun(kind)
    made.InstanceNumber = number
    made.AcquisitionDateTime = ""
    made.DocumentTitle = text(f"{RESEARCH_USE}: {title}", 1024)
    made.ConceptNameCodeSequence = []
    made.BurnedInAnnotation = "NO"
    made.MIMETypeOfEncapsulatedDocument = mime
    made.EncapsulatedDocumentLength = len(content)
    made.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    origin = material.header.origin
    uids = dict.fromkeys(instance.sop_uid for instance in origin.instances)
    if uids:
        made.SourceInstanceSequence = [reference(uid, origin.sop_class_uid) for uid in uids]
        for source in made.SourceInstanceSequence:
            source.PurposeOfReferenceCodeSequence = [item(SOURCE)]
    return made


def model(
    material: Material, kind: Kind, structures: Sequence[Structure], content: bytes, *, mime: str,
    number: int = 1,
) -> Dataset:  # fmt: skip
    """Return an object that holds a mesh, in LPS mm of the visit's frame of reference."""
    names = ", ".join(s.name for s in structures)
    made = document(material, kind, content, mime=mime, title=names, number=number)
    made.ConceptNameCodeSequence = [
        item(term) for modality, term in MODELS.items() if modality == material.volume.modality
    ]
    made.MeasurementUnitsCodeSequence = [item(MILLIMETRE)]
    made.ModelModification = "NO"
    made.ModelMirroring = "NO"
    made.ContentDescription = text(names, 64)
    if material.header.origin.instances:
        made.ReferencedSeriesSequence = [referenced_series(material.header.origin)]
    if len(structures) == 1:
        made.RecommendedDisplayCIELabValue = cielab(structures[0].colour)
    return made
