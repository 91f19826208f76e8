"""Pictures as DICOM Secondary Capture (PS3.3 A.8.1), RGB: for looking at, not for measuring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydicom.dataset import Dataset

from organtwin import __version__
from organtwin.core.watch import Watch
from organtwin.exporting import Export
from organtwin.exporting.header import MAKER, RESEARCH_USE, Kind, fresh_uid, text
from organtwin.exporting.material import Drawn, Material, Piece
from organtwin.exporting.seg import reference

KIND: Final = Kind("1.2.840.10008.5.1.4.1.1.7", "OT", "pictures", 9108, placed=False)


def pieces(material: Material, watch: Watch) -> Iterator[Piece]:
    """Yield an object for each picture, all in one series."""
    series_uid = fresh_uid()
    for number, drawn in enumerate(material.pictures(watch), start=1):
        made = _picture(material, drawn, series_uid)
        made.InstanceNumber = number
        yield Piece(f"picture-{number}.dcm", made)


def _picture(material: Material, drawn: Drawn, series_uid: str) -> Dataset:
    made = material.header.begun(KIND, series_uid=series_uid)
    made.BodyPartExamined = material.organ.name.upper()[:16]
    made.ConversionType = "WSD"
    made.SecondaryCaptureDeviceManufacturer = MAKER
    made.SecondaryCaptureDeviceSoftwareVersions = __version__
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.PatientOrientation = ""
    made.ImageComments = text(f"{RESEARCH_USE}. {drawn.title}. {material.note}", 1024)
    made.BurnedInAnnotation = "YES" if drawn.tells_who else "NO"
    origin = material.header.origin
    uids = dict.fromkeys(instance.sop_uid for instance in origin.instances)
    if uids:
        made.SourceImageSequence = [reference(uid, origin.sop_class_uid) for uid in uids]
    made.Rows, made.Columns = drawn.pixels.shape[:2]
    made.SamplesPerPixel = 3
    made.PhotometricInterpretation = "RGB"
    made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit = 7
    made.PixelRepresentation = 0
    content = drawn.pixels.tobytes()
    made.PixelData = content + b"\0" * (len(content) % 2)
    return made


EXPORT: Final = Export("sc", "Pictures in DICOM", pieces)
