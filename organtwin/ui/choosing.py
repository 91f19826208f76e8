"""Which of the series found become visits: the rule of the first choice, and what a change does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from organtwin.organs import organs

MODALITY: Final = "CT"
PHASE: Final = "portal"
"""Of the liver: its tumours and veins stand out most in the portal venous phase."""
VOLUMES: Final = ("CT", "MR")
"""Modalities a visit can be made of; others can be looked at."""
RULE: Final = (
    "Chosen first, one series a date: CT with good geometry that is no localizer, the portal "
    "venous phase before others, then the thinnest slices, then the most."
)
PHASES: Final[Mapping[str, str]] = {
    "native": "no contrast",
    "arterial": "arterial phase",
    "portal": "portal venous phase",
    "late": "late phase",
}


@dataclass(frozen=True)
class Listed:
    """One series as the browser lists it.

    Args:
        key: what the step "import" is told.
        person: number of the patient: images that agree in name or ID have the same.
        patient: name, ID, birth date and sex, as these images say.
        part: number of the part where a series had to be split, None for a whole one.
        refusal: why it makes no volume, "" when it does; `advice`: what to do about it.
        inverted: low values are shown bright.
        geometry: GeometryReport as JSON values, with its consequence.
        body_part: (part, why) where it is clearly not of the trunk, else two empty texts.
        stated: the modality was said by a person: the file says none.
    """

    key: str
    uid: str
    part: int | None
    person: int
    patient: tuple[str, str, str, str]
    study_uid: str
    study: str
    modality: str
    description: str
    acquired: str
    size: tuple[int, int, int]
    images: int
    unit: str
    inverted: bool
    guess: str
    reason: str
    refusal: str
    advice: str
    geometry: Mapping[str, Any]
    body_part: tuple[str, str] = ("", "")
    stated: bool = False

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Listed:
        """Make one of what the process that looks said (see `looking.described`)."""
        whom, refusal = said["patient"], said["refusal"] or {}
        i, j, k = said["size"]
        return cls(
            key=said["key"],
            uid=said["uid"],
            part=said["part"],
            person=said["person"],
            patient=(whom["name"], whom["id"], whom["birth"], whom["sex"]),
            study_uid=said["study_uid"],
            study=said["study"] or said["folder"],
            modality=said["modality"],
            description=said["description"],
            acquired=said["acquired"],
            size=(i, j, k),
            images=said["images"],
            unit=said["unit"],
            inverted=said["inverted"],
            guess=said["guess"]["name"],
            reason=said["guess"]["reason"],
            refusal=refusal.get("reason", ""),
            advice=refusal.get("advice", ""),
            geometry=said["geometry"],
            body_part=tuple(said["body_part"]),
        )

    def taken_as(self, modality: str) -> Listed:
        """Return it with the modality that a person said of a file that says none."""
        return replace(self, modality=modality, unit="HU" if modality == "CT" else "1", stated=True)

    @property
    def grade(self) -> str:
        """The grade of its geometry, "refused" when it makes no volume."""
        return "refused" if self.refusal else str(self.geometry["grade"])

    @property
    def title(self) -> str:
        """What it is called: its description, the part of it where it was split."""
        name = self.description.strip() or f"{self.modality or 'Images'} without a description"
        return name if self.part is None else f"{name} (part {self.part + 1})"

    @property
    def phase(self) -> str:
        """The guess in words, "" for none."""
        return PHASES.get(self.guess, self.guess)

    @property
    def may_be_chosen(self) -> bool:
        """Whether a visit can be made of it."""
        return not self.refusal and self.modality in VOLUMES


def first_choice(listed: Sequence[Listed], taken: Collection[str] = ()) -> tuple[str, ...]:
    """Return the keys preselected by RULE: nothing where there are several patients.

    Args:
        taken: dates that the case has a visit of.
    """
    able = [s for s in listed if s.may_be_chosen and s.grade != "withheld"]
    able = [s for s in able if s.modality == MODALITY and s.acquired not in taken]
    if len({s.person for s in able}) != 1:
        return ()
    dates = sorted({s.acquired for s in able})
    return tuple(min((s for s in able if s.acquired == d), key=_order).key for d in dates)


def choice_of(
    person: int, listed: Sequence[Listed], taken: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the keys preselected by RULE of one patient."""
    return first_choice([s for s in listed if s.person == person], taken)


def _order(series: Listed) -> tuple[bool, float, int, str]:
    thickness_mm = float(series.geometry["spacing_mm"][2])
    return series.guess != PHASE, thickness_mm, -series.size[2], series.key


def toggled(
    listed: Sequence[Listed], chosen: Sequence[str], key: str
) -> tuple[tuple[str, ...], str]:
    """Return the choice after a person chose (or gave up) one series, and what else that did.

    A visit is one series, and a case is of one patient and modality: the series chosen last
    stays, what cannot go with it is given up.
    """
    if key in chosen:
        return tuple(k for k in chosen if k != key), ""
    by_key = {s.key: s for s in listed}
    new, said = by_key[key], ""
    kept = []
    for other in (by_key[k] for k in chosen):
        if other.person != new.person:
            said = "Another patient: the series chosen before are given up."
        elif other.modality != new.modality:
            said = f"One modality at a time: now {new.modality}, the others are given up."
        elif other.acquired == new.acquired:
            said = f"A visit is one series: it takes the place of “{other.title}”."
        else:
            kept.append(other.key)
    return (*kept, key), said


def misfit(series: Listed, organ: str) -> str:
    """Return that a series shows another part of the body than an organ, "" for nothing known."""
    part, why = series.body_part
    about = organs()[organ]
    if not part or part == about.region:
        return ""
    return f"This looks like a {part} scan ({why}); this case's organ is {about.name}."


def problem(listed: Sequence[Listed], chosen: Sequence[str], dates: Sequence[str] = ()) -> str:
    """Return why the chosen series cannot be imported, "" when they can.

    Args:
        dates: of the visits of the case, in order, "" for a visit without one.
    """
    wanted = [s for s in listed if s.key in chosen]
    if not wanted:
        return "Choose the series that become visits: one for each date."
    for series in wanted:
        if series.acquired in dates:
            return f"The case has a visit of {series.acquired or 'no date'} already."
        if dates and series.acquired and series.acquired < dates[0]:
            return f"{series.acquired} is before the case's first visit: make a new case with it."
    if len(wanted) + len(dates) > 1 and not all((*dates, *(s.acquired for s in wanted))):
        whose = "a series" if all(dates) else "a case whose visit is"
        return f"Visits are placed in time by their dates: nothing goes beside {whose} without one."
    return ""
