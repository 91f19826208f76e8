"""Origin and Identity: the images a Volume was made from, and whose they say they are."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date

from organtwin.core.content import noun


@noun
@dataclass(frozen=True)
class Identity:
    """Whom images say they show; personal, so kept apart from everything else of a Visit.

    Args:
        name: as in PatientName, components separated by "^".
        sex: "M", "F", "O", or "" where the images say none.
        nonce: random text, so that the id of this object cannot be guessed from a name.
    """

    name: str = ""
    patient_id: str = ""
    birth_date: date | None = None
    sex: str = ""
    nonce: str = ""

    def disagreements(self, other: Identity) -> tuple[str, ...]:
        """Return what differs, by name of the field; what either does not say cannot differ."""
        pairs = {
            "name": (_plain(self.name), _plain(other.name)),
            "patient ID": (self.patient_id.strip(), other.patient_id.strip()),
            "birth date": (self.birth_date, other.birth_date),
            "sex": (self.sex, other.sex),
        }
        return tuple(what for what, (a, b) in pairs.items() if a and b and a != b)


def _plain(name: str) -> str:
    """Return a name without case, accents and punctuation, as it is compared."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    words = "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c))
    return " ".join(words.split())


@noun
@dataclass(frozen=True)
class Instance:
    """One image: its SOPInstanceUID, the frame in it (0…), LPS mm of its first pixel's centre."""

    sop_uid: str
    frame: int
    position_mm: tuple[float, float, float]


@noun
@dataclass(frozen=True)
class Origin:
    """The DICOM images a Volume was made from: what objects made later refer to.

    Args:
        frames: of each SOP instance (1 for single-frame images).
        study_date: YYYYMMDD, study_time: HHMMSS.FFFFFF, both as in the images, "" where absent.
        instances: in order along the slices' normal, as measured (before any resampling).
    """

    study_uid: str
    series_uid: str
    frame_uid: str
    sop_class_uid: str
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    frames: int = 1
    instances: tuple[Instance, ...] = ()
