"""What a de-identified object says of itself: that it is one, how it was made, how it is coded."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from organtwin import IMPLEMENTATION_UID, __version__
from organtwin.deidentifying.profile import Profile, codes_of

METHOD: Final = "OrganTwin, DICOM PS3.15 Annex E"
OF_PIXELS: Final = {
    "113101": "Clean Pixel Data Option",
    "113102": "Clean Recognizable Visual Features Option",
}
"""What somebody did to the pixels before still holds; other codes of theirs may not."""


def mark(made: Dataset, profile: Profile) -> None:
    """Say in the object what was done to it (PS3.15 E.1.1, PS3.3 C.7.1.1, C.12.1.1)."""
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = METHOD
    before = made.get("DeidentificationMethodCodeSequence") or ()
    said = {str(item.get("CodeValue", "")) for item in before}
    codes = []
    kept = ((value, meaning) for value, meaning in OF_PIXELS.items() if value in said)
    for value, meaning in (*kept, *codes_of(profile)):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    made.DeidentificationMethodCodeSequence = Sequence(codes)
    said_of_dates = {"full": "UNMODIFIED", "modified": "MODIFIED", "removed": "REMOVED"}
    made.LongitudinalTemporalInformationModified = said_of_dates[profile.dates]


def file_meta(before: Dataset, made: Dataset) -> FileMetaDataset:
    """Return new file meta information (PS3.10 section 7.1): nothing of the old but the coding."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = before.TransferSyntaxUID
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = f"ORGANTWIN_{__version__}"[:16]
    return meta
