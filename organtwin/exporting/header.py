"""Patient, study, series, equipment and frame of reference: what every DICOM object begins with.

PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.4.1, C.7.5.1, C.7.5.2, C.12.1. Every object says in words and
in ContentQualification that it is for research.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from organtwin import IMPLEMENTATION_UID, __version__
from organtwin.core.origin import Identity, Origin
from organtwin.core.volume import Volume

RESEARCH_USE: Final = "RESEARCH USE ONLY"
MAKER: Final = "OrganTwin"
SCHEME: Final = "99ORGANTWIN"
DAY: Final = re.compile(r"\d{8}")
TIME: Final = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
SEXES: Final = ("M", "F", "O")


@dataclass(frozen=True)
class Header:
    """Whose images, of which study, and when the objects are made.

    Args:
        origin: the images of the visit; its instances may be missing, its UIDs may not.
        when: local time of the export, the same in all of its objects.
    """

    identity: Identity
    origin: Origin
    when: datetime = field(default_factory=datetime.now)

    def begun(self, kind: Kind, *, series_uid: str = "", sop_uid: str = "") -> Dataset:
        """Return a new object of a kind with all the modules of this file; UIDs fresh if not said.

        Raises nothing: names and ids are as in the images, cut to what DICOM allows.
        """
        made = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = kind.sop_class_uid
        made.SOPInstanceUID = sop_uid or fresh_uid()
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        made.SeriesInstanceUID = series_uid or fresh_uid()
        made.Modality = kind.modality
        made.SeriesNumber = kind.series_number
        made.SeriesDescription = f"{RESEARCH_USE}: {kind.title}"[:64]
        made.InstanceNumber = 1
        self.write_on(made)
        if kind.placed:
            made.FrameOfReferenceUID = self.origin.frame_uid
            made.PositionReferenceIndicator = ""
        if kind.dated:
            made.ContentDate, made.ContentTime = self.date, self.time
        return made

    def write_on(self, made: Dataset) -> None:
        """Set patient, study, equipment and SOP common of an object."""
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
        made.file_meta.ImplementationVersionName = f"ORGANTWIN_{__version__}"[:16]
        for keyword, value in {**self._patient(), **self._study(), **self._equipment()}.items():
            setattr(made, keyword, value)
        made.SpecificCharacterSet = "ISO_IR 192"
        made.ContentQualification = "RESEARCH"
        made.InstanceCreationDate, made.InstanceCreationTime = self.date, self.time
        made.SeriesDate, made.SeriesTime = self.date, self.time

    @property
    def date(self) -> str:
        """Day of the export as YYYYMMDD."""
        return self.when.strftime("%Y%m%d")

    @property
    def time(self) -> str:
        """Time of the export as HHMMSS."""
        return self.when.strftime("%H%M%S")

    def _patient(self) -> Mapping[str, Any]:
        who = self.identity
        issuer = {"IssuerOfPatientID": text(who.issuer, 64)} if who.issuer else {}
        return {
            **issuer,
            "PatientName": person_name(who.name),
            "PatientID": text(who.patient_id, 64),
            "PatientBirthDate": who.birth_date.strftime("%Y%m%d") if who.birth_date else "",
            "PatientSex": who.sex if who.sex in SEXES else "",
        }

    def _study(self) -> Mapping[str, Any]:
        return {
            "StudyInstanceUID": self.origin.study_uid,
            "StudyID": text(self.origin.study_id, 16),
            "StudyDate": only(DAY, self.origin.study_date),
            "StudyTime": only(TIME, self.origin.study_time),
            "AccessionNumber": text(self.origin.accession_number, 16),
            "ReferringPhysicianName": "",
        }

    def _equipment(self) -> Mapping[str, Any]:
        return {
            "Manufacturer": MAKER,
            "ManufacturerModelName": MAKER,
            "DeviceSerialNumber": __version__,  # a program has none; enhanced equipment wants one
            "SoftwareVersions": __version__,
        }


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Args:
        title: in the series' description, after the words on research use.
        placed: whether it has a frame of reference.
        dated: whether it has a content date.
    """

    sop_class_uid: str
    modality: str
    title: str
    series_number: int
    placed: bool = True
    dated: bool = True


def fresh_uid() -> str:
    """Return a new UID, a random UUID under 2.25 (PS3.5 B.2)."""
    return str(generate_uid(prefix=None))


def whose(identity: Identity | None, pseudonym: str) -> Identity:
    """Return the identity to write: the images' own, else the case's pseudonym."""
    if identity and (identity.name or identity.patient_id):
        return identity
    return Identity(pseudonym.replace("^", " ").replace("=", " "), pseudonym)


def origin_for(volume: Volume, origin: Origin | None) -> Origin:
    """Return the origin of a Volume with the UIDs that every object needs; fresh ones if missing.

    Without one on record it is what the Volume knows: no images, and the series only where its uid
    is a DICOM UID (that of a NIfTI file is its hash).
    """
    series = volume.series_uid if volume.study_uid else ""
    known = origin or Origin(volume.study_uid, series, volume.frame_uid, "")
    return replace(
        known,
        study_uid=known.study_uid or fresh_uid(),
        frame_uid=known.frame_uid or fresh_uid(),
    )


def only(pattern: re.Pattern[str], value: str) -> str:
    """Return a value that has the form DICOM asks for, else ""."""
    return value if pattern.fullmatch(value) else ""


def text(value: str, limit: int) -> str:
    """Return text that fits a DICOM value: one line, no backslash, at most `limit` signs."""
    return "".join(c if c.isprintable() and c != "\\" else " " for c in value).strip()[:limit]


def decimals(values: Iterable[float]) -> list[str]:
    """Return numbers as DS, as exact as its 16 signs allow (PS3.5 6.2)."""
    return [format_number_as_ds(float(value)) for value in values]


def person_name(value: str) -> str:
    """Return a PN value: each of at most three groups ("=") cut to 64 signs (PS3.5 6.2)."""
    return "=".join(text(group, 64) for group in value.split("=")[:3])
