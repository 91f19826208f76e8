"""Origin and Identity: the images a Volume was made from, and whom they say they show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from organtwin.core.content import noun
from organtwin.core.spelling import DIFFERS, ids_differ, names_differ, words

NOTHING_IN_COMMON: Final = "no name or patient ID in common"
PERSONAL: Final = frozenset(["Identity", "Origin", "Private"])
"""Nouns that lead to a person: they stay in the case folder unless somebody asks otherwise."""


@noun
@dataclass(frozen=True)
class Identity:
    """Whom images say they show; personal, so kept apart from everything else of a Visit.

    Args:
        name: as in PatientName, components separated by "^", groups by "=".
        sex: "M", "F", "O", or "" where the images say none.
        nonce: random text, so that the id of this object cannot be guessed from a name.
        issuer: who gave out the patient ID, "" where the images do not say.
    """

    name: str = ""
    patient_id: str = ""
    birth_date: date | None = None
    sex: str = ""
    nonce: str = ""
    issuer: str = ""

    def disagreements(self, other: Identity) -> tuple[str, ...]:
        """Return what a person has to look at, in words that hold none of the values.

        What either does not say cannot differ. But where a person is named and the two have
        neither name nor ID in common, nothing ties them together, and that is said.
        """
        said = {
            "name": names_differ(self.name, other.name),
            "patient ID": ids_differ(self.patient_id, other.patient_id),
            "issuer of the patient ID": _differ(self.issuer.strip(), other.issuer.strip()),
            "birth date": _differ(self.birth_date, other.birth_date),
            "sex": _differ(_sex(self.sex), _sex(other.sex)),
        }
        found = [f"{field} {how}" for field, how in said.items() if how]
        names = [bool(words(one.name)) for one in (self, other)]
        numbers = [bool(one.patient_id.strip()) for one in (self, other)]
        if any(names + numbers) and not (all(names) or all(numbers)):
            found.append(NOTHING_IN_COMMON)
        return tuple(found)

    def is_clearly_not(self, other: Identity) -> bool:
        """Return whether another name or another ID says that these are two people."""
        return bool({f"name {DIFFERS}", f"patient ID {DIFFERS}"} & {*self.disagreements(other)})


def _differ(one: object, other: object) -> str:
    return DIFFERS if one and other and one != other else ""


def _sex(text: str) -> str:
    letter = text.strip().upper()[:1]
    return letter if letter in ("M", "F", "O") else ""


@noun
@dataclass(frozen=True)
class Private:
    """A value that may name a person (a path): the journal holds only the id of this object.

    Args:
        value: as JSON.
        nonce: random text, so that the id cannot be guessed from the value.
    """

    value: str
    nonce: str


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
