"""What a person may keep when images lose their patient: the options of PS3.15 Annex E."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from organtwin.core.errors import BadArgument

Dates = Literal["removed", "modified", "full"]


@dataclass(frozen=True)
class Profile:
    """The basic profile and the options a person chose (PS3.15 E.3.3 to E.3.11).

    Cleaning pixels (E.3.1) and recognisable visual features (E.3.2) is not offered.

    Args:
        private: keep the safe private attributes of Table E.3.10-1.
        uids: keep UIDs.
        device: keep what identifies the scanner.
        institution: keep what identifies the institution.
        patient: keep sex, age (at most 90 years), size, weight and other characteristics.
        dates: removed (the basic profile), modified (shifted by days of the patient's own) or full.
        descriptors: keep words of descriptions that are in a vocabulary.
        content: keep structured content, cleaned the same way.
        graphics: keep graphic annotations without their texts; overlay bitmaps go all the same.
        pixels_checked: a person looked at the pixels: they show no names and no face.
    """

    private: bool = False
    uids: bool = False
    device: bool = False
    institution: bool = False
    patient: bool = False
    dates: Dates = "removed"
    descriptors: bool = False
    content: bool = False
    graphics: bool = False
    pixels_checked: bool = False


CODES: Final[Mapping[str, tuple[str, str]]] = {
    "graphics": ("113103", "Clean Graphics Option"),
    "content": ("113104", "Clean Structured Content Option"),
    "descriptors": ("113105", "Clean Descriptors Option"),
    "full": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "modified": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient": ("113108", "Retain Patient Characteristics Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "private": ("113111", "Retain Safe Private Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
}
"""Option → code and meaning of PS3.16 CID 7050, scheme DCM."""
BASIC: Final = ("113100", "Basic Application Confidentiality Profile")
DATES: Final[Mapping[str, Dates]] = {
    "no-dates": "removed",
    "shifted-dates": "modified",
    "full-dates": "full",
}
CHOICES: Final = (
    *DATES,
    *(name for name in CODES if name not in ("full", "modified")),
    "pixels-checked",
)


def profile_of(names: Sequence[str]) -> Profile:
    """Return the Profile of options as a person names them; dates are shifted unless said.

    Args:
        names: of CHOICES.

    Raises:
        BadArgument: no such option, or two that say something else of dates.
    """
    for name in names:
        if name not in CHOICES:
            raise BadArgument(
                f"no de-identification option {name!r}", advice="there are: " + ", ".join(CHOICES)
            )
    dates = {DATES[name] for name in names if name in DATES} or {DATES["shifted-dates"]}
    if len(dates) > 1:
        raise BadArgument("choose one of " + ", ".join(DATES), where="de-identification")
    others = {name.replace("-", "_"): True for name in names if name not in DATES}
    return Profile(dates=dates.pop(), **others)


def codes_of(profile: Profile) -> tuple[tuple[str, str], ...]:
    """Return (code value, meaning) of a profile and its options for DeidentificationMethod…"""
    chosen = {name for name in CODES if getattr(profile, name, False) is True} | {profile.dates}
    return (BASIC, *(code for name, code in CODES.items() if name in chosen))
