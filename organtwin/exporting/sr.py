"""The numbers as a DICOM Structured Report (PS3.16 TID 1500, Comprehensive SR).

Volumes and diameters of a structure stand in a group on its segment when the same export holds the
Segmentation (TID 1411), else in a plain group (TID 1501). An interval is written as upper and lower
measurement uncertainty (TID 310): how far it reaches above and below the value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import highdicom.sr as hdsr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from organtwin import IMPLEMENTATION_UID, __version__
from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import CodedTerm, Structure
from organtwin.core.scenario import Quantity
from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.header import (
    MAKER,
    RESEARCH_USE,
    SCHEME,
    Kind,
    fresh_uid,
    text,
)
from organtwin.exporting.material import Finding, Material, Piece
from organtwin.exporting.seg import KIND as SEG
from organtwin.exporting.terms import own_scheme, type_of

KIND: Final = Kind(
    "1.2.840.10008.5.1.4.1.1.88.33", "SR", "measurements", 9103, placed=False, dated=True
)
COMMENT: Final = CodedTerm("121106", "DCM", "Comment")
NAMES: Final = {
    "volume": CodedTerm("118565006", "SCT", "Volume"),
    "longest diameter": CodedTerm("103339001", "SCT", "Long axis"),
    "short axis": CodedTerm("103340004", "SCT", "Short axis"),
    "longest diameter in 3D": CodedTerm("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh"),
}
"""Measurements that DICOM names (lengths: PS3.16 CID 7470); others get a code of our own scheme."""
METHODS: Final = {
    "volume": CodedTerm("126030", "DCM", "Sum of segmented voxel method for volume"),
}
UNITS: Final = {
    "mL": CodedTerm("mL", "UCUM", "mL"),
    "mm": CodedTerm("mm", "UCUM", "mm"),
    "%": CodedTerm("%", "UCUM", "%"),
    "1": CodedTerm("1", "UCUM", "no units"),
    "Gy": CodedTerm("Gy", "UCUM", "Gy"),
    "kPa": CodedTerm("kPa", "UCUM", "kPa"),
    "day": CodedTerm("d", "UCUM", "d"),
}
DIGITS: Final = 6


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield the report; numbers of a withheld geometry are not in it, only why.

    Raises:
        BadArgument: a number in a unit that has no UCUM code here.
    """
    watch.tell(0.0, "writing the measurements")
    findings = material.findings()
    groups = [_group(material, finding) for finding in findings]
    report = hdsr.MeasurementReport(
        observation_context=_observer(),
        procedure_reported=concept(CodedTerm("363679005", "SCT", "Imaging procedure")),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    report[0].ContentSequence.append(comment(f"{RESEARCH_USE}; not a medical device."))
    made = hdsr.ComprehensiveSR(
        evidence=_evidence(material),
        record_evidence=bool(material.header.origin.instances),
        content=report[0],
        series_instance_uid=fresh_uid(),
        series_number=KIND.series_number,
        sop_instance_uid=fresh_uid(),
        instance_number=1,
        manufacturer=MAKER,
        is_complete=True,
        series_description=f"{RESEARCH_USE}: {KIND.title}",
    )
    material.header.write_on(made)
    made.ContentDate, made.ContentTime = material.header.date, material.header.time
    terms = [name_of(q) for f in findings for q in f.quantities]
    if any(t.scheme == SCHEME for t in (*terms, *map(type_of, material.structures))):
        made.CodingSchemeIdentificationSequence = [own_scheme()]
    yield Piece("sr.dcm", made)


def concept(term: CodedTerm) -> Any:
    """Return a coded term as highdicom takes it."""
    return hdsr.CodedConcept(term.value, term.scheme, term.meaning[:64])


def comment(words: str) -> Any:
    """Return a text item named Comment."""
    return hdsr.TextContentItem(
        concept(COMMENT), words, relationship_type=hdsr.RelationshipTypeValues.CONTAINS
    )


def name_of(quantity: Quantity) -> CodedTerm:
    """Return the code of what was measured; of our own scheme where DICOM has none."""
    own = CodedTerm(quantity.name.replace(" ", "-"), SCHEME, quantity.name)
    return NAMES.get(quantity.name, own)


def _observer() -> Any:
    device = hdsr.DeviceObserverIdentifyingAttributes(
        uid=IMPLEMENTATION_UID,
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=f"{MAKER} {__version__}",
    )
    context = hdsr.ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=device
    )
    return hdsr.ObservationContext(observer_device_context=context)


def _group(material: Material, finding: Finding) -> Any:
    structure = next((s for s in material.structures if s.name == finding.structure), None)
    itself = structure is not None and finding.title == structure.name
    how = f"{MAKER}: {material.made.name if itself else 'comparison of scenarios'}"
    common: dict[str, Any] = {
        "tracking_identifier": hdsr.TrackingIdentifier(
            material.tracking_uid(finding.structure) if itself else fresh_uid(), finding.title
        ),
        "finding_type": concept(type_of(structure)) if structure else None,
        "finding_sites": _sites(material, structure),
        "measurements": [_measurement(q, how) for q in finding.quantities],
    }
    numbers = [s.name for s in material.structures]
    if itself and _with_segments(material):
        group = hdsr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=hdsr.ReferencedSegment(
                SEG.sop_class_uid,
                material.seg_uid,
                numbers.index(finding.structure) + 1,
                source_series=hdsr.SourceSeriesForSegmentation(material.header.origin.series_uid),
            ),
            **common,
        )
    else:
        group = hdsr.MeasurementsAndQualitativeEvaluations(**common)
    for line in (*finding.comments, *filter(None, map(_basis, finding.quantities))):
        group[0].ContentSequence.append(comment(line))
    return group


def _basis(quantity: Quantity) -> str:
    """Return a line on how a number was found and what its interval is."""
    level = f"interval: {quantity.level:.0%}" if quantity.level else ""
    words = "; ".join(filter(None, (quantity.basis, level)))
    return words and f"{quantity.name}: {words}"


def _with_segments(material: Material) -> bool:
    """Return whether this export has a Segmentation, and that images it can be traced to."""
    return "seg" in material.chosen and bool(material.header.origin.series_uid)


def _sites(material: Material, structure: Structure | None) -> list[Any]:
    """Return where it was found: the structure itself, the organ for a tumour."""
    if structure is None or structure.kind in ("tumour", "other"):
        return [hdsr.FindingSite(concept(material.organ.code))]
    return [hdsr.FindingSite(concept(type_of(structure)))]


def _measurement(quantity: Quantity, how: str) -> Any:
    if quantity.unit not in UNITS:
        raise BadArgument(f"no UCUM code for {quantity.unit!r}", where=f"SR: {quantity.name}")
    unit = concept(UNITS[quantity.unit])
    properties = None
    low, high = quantity.low, quantity.high
    if low is not None and high is not None and low < high:
        properties = hdsr.MeasurementProperties(
            upper_measurement_uncertainty=_rounded(high - quantity.value),
            lower_measurement_uncertainty=_rounded(quantity.value - low),
        )
        for reach in properties:  # highdicom writes them without a unit
            reach.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [unit]
    method = METHODS.get(quantity.name)
    return hdsr.Measurement(
        name=concept(name_of(quantity)),
        value=_rounded(quantity.value),
        unit=unit,
        method=concept(method) if method else None,
        algorithm_id=hdsr.AlgorithmIdentification(text(how, 64), __version__),
        properties=properties,
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _evidence(material: Material) -> list[Dataset]:
    """Return the objects the report rests on: the Segmentation of this export, the images.

    Where there are none it is one that is not recorded, for highdicom needs one.
    """
    origin = material.header.origin
    images = dict.fromkeys(instance.sop_uid for instance in origin.instances)
    named = [(uid, origin.sop_class_uid, origin.series_uid) for uid in images]
    if _with_segments(material):
        named.append((material.seg_uid, SEG.sop_class_uid, material.seg_series_uid))
    found = [
        material.header.begun(Kind(kind, "OT", "", 1), series_uid=series, sop_uid=uid)
        for uid, kind, series in named
    ] or [material.header.begun(KIND)]
    for one in found:
        one.PatientName = "Unnamed^"  # highdicom prints names it dislikes; ours is set afterwards
    return found


EXPORT: Final = Export("sr", "DICOM Structured Report", pieces)
