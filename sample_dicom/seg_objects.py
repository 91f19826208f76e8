"""The true masks of one visit as one DICOM SEG with coded terms."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from sample_dicom.ct_objects import Identity
from sample_dicom.grid import Flags

ORGAN = Code("123037004", "SCT", "Anatomical Structure")
ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
TERMS: dict[str, tuple[Code, Code, tuple[int, int, int]]] = {
    "liver": (ORGAN, Code("10200004", "SCT", "Liver"), (46000, 40000, 42000)),
    "portal vein": (ORGAN, Code("32764006", "SCT", "Portal vein"), (40000, 26000, 47000)),
    "hepatic vein": (ORGAN, Code("8993003", "SCT", "Hepatic vein"), (32000, 24000, 20000)),
    "tumour-1": (ABNORMAL, Code("4147007", "SCT", "Mass"), (47000, 44000, 46000)),
    "tumour-2": (ABNORMAL, Code("4147007", "SCT", "Mass"), (47000, 41000, 43000)),
    "spleen": (ORGAN, Code("78961009", "SCT", "Spleen"), (34000, 40000, 30000)),
    "kidneys": (ORGAN, Code("64033007", "SCT", "Kidney"), (42000, 42000, 38000)),
}
"""Segment label to (category, type, CIELab colour), in the order of segment numbers."""


def write_masks(masks: dict[str, Flags], slices: list[Dataset], who: Identity, path: Path) -> None:
    """Write masks (name to bool (ni, nj, nk), k upward) that refer to slices (head first)."""
    stack = np.stack([masks[name].transpose(2, 1, 0)[::-1] for name in TERMS], axis=-1)
    seg = hd.seg.Segmentation(
        source_images=slices,
        pixel_array=stack.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=_segments(who),
        series_instance_uid=who.uid("SEG series"),
        series_number=100,
        sop_instance_uid=who.uid("SEG"),
        instance_number=1,
        manufacturer="OrganTwin",
        manufacturer_model_name="Synthetic CT",
        software_versions="1",
        device_serial_number="OT-1",
        content_label="TRUTH",
        content_description="True masks of the sample patient",
        series_description="Truth",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=True,
    )
    _fix_what_varies(seg, who)
    path.parent.mkdir(parents=True, exist_ok=True)
    seg.save_as(path, enforce_file_format=True)


def _segments(who: Identity) -> list[hd.seg.SegmentDescription]:
    found = []
    for number, (name, (category, kind, colour)) in enumerate(TERMS.items(), start=1):
        lesion = category == ABNORMAL
        segment = hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=category,
            segmented_property_type=kind,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
            tracking_id=f"OT-SAMPLE-1 {name}" if lesion else None,
            tracking_uid=Identity(0, who.seed).uid("tracking", name) if lesion else None,
            anatomic_regions=[codes.SCT.Liver] if lesion else None,
        )
        segment.RecommendedDisplayCIELabValue = list(colour)
        found.append(segment)
    return found


def _fix_what_varies(seg: Dataset, who: Identity) -> None:
    """Replace the clock and the random UIDs that the library writes, so that runs agree."""
    seg.ContentDate = seg.SeriesDate = seg.InstanceCreationDate = who.date
    seg.ContentTime = seg.SeriesTime = seg.InstanceCreationTime = "100000"
    organisation = who.uid("dimensions")
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = organisation
    for item in seg.ContributingEquipmentSequence:
        item.ContributionDateTime = f"{who.date}100000"
