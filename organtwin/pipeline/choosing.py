"""Which series of a place become visits, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from organtwin.core.case import Case
from organtwin.core.errors import BadInput
from organtwin.organs import organ


def as_said(modality: str, volume: Any) -> Any:
    """Return a Volume whose file says no modality with the one that a person said."""
    if volume.modality or not modality:
        return volume
    return replace(volume, modality=modality, unit="HU" if modality == "CT" else volume.unit)


def notes_of(case: Case, wanted: Sequence[Any], taken_as: str) -> str:
    """Return what is said of series besides their number: whose modality, which part, withheld."""
    from organtwin.importing import part_of

    notes = []
    if taken_as and any(not s.modality for s in wanted):
        notes.append(f"taken as {taken_as}: the files say none")
    parts = {part_of(s)[0] for s in wanted} - {""}
    if parts and organ(case.organ).region not in parts:
        looks = " and ".join(sorted(parts))
        notes.append(f"this looks like a {looks} scan; this case's organ is {case.organ}")
    withheld = sum(s.geometry.grade == "withheld" for s in wanted)
    if withheld:
        notes.append(f"{withheld} with geometry that withholds volumes")
    return "".join(f", {note}" for note in notes)


def choices_of(scan: Any, modalities: set[str]) -> dict[int, Any]:
    """Return the series of some modalities that make a Volume, by number; raises NoImages."""
    scan.usable()
    return {
        number: s
        for number, s in enumerate(scan.series)
        if s.refusal is None and s.modality in modalities
    }


def one_a_date(choices: Mapping[int, Any], asked: Sequence[str], path: str) -> list[Any]:
    """Return one series for each date; raises BadInput where a person has to choose."""
    wanted = {
        n: s
        for n, s in choices.items()
        if not asked or {s.uid, f"{s.uid}#{s.part}", str(n)} & {*asked}
    }
    if not wanted:
        raise BadInput(
            "no series of the wanted modality and UID makes a volume",
            where=path,
            advice="where a file says no modality (NIfTI, NRRD), say it: --taken-as CT",
        )
    if not asked:
        _refuse_several_people(wanted, path)
    for acquired in {s.acquired for s in wanted.values()}:
        same = {n: s for n, s in wanted.items() if s.acquired == acquired}
        if len(same) > 1:
            listed = "; ".join(
                f"{n} ({s.uid}, {s.description}, {s.size[2]} slices)" for n, s in same.items()
            )
            raise BadInput(
                f"{len(same)} series of {acquired or 'unknown date'} could be the visit",
                where=path,
                advice=f"choose one with --series: {listed}",
            )
    return sorted(wanted.values(), key=lambda s: str(s.acquired))


def _refuse_several_people(series: Mapping[int, Any], path: str) -> None:
    """Raise BadInput when nobody chose and the images are clearly of several people."""
    people: list[list[int]] = []
    for number, one in series.items():
        for person in people:
            if not one.identity.is_clearly_not(series[person[0]].identity):
                person.append(number)
                break
        else:
            people.append([number])
    if len(people) > 1:
        listed = "; ".join("series " + ", ".join(map(str, person)) for person in people)
        raise BadInput(
            f"these images are of {len(people)} patients",
            where=path,
            advice=f"choose those of one with --series NUMBER: {listed}",
        )
