"""The day of a visit, from everything that the images of a series say of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from organtwin.importing.elements import Elements
from organtwin.importing.planes import day_in

DATES: Final = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
SAME_DAYS: Final = 1
"""A study may go on past midnight."""

NO_DAY: Final = date(1900, 1, 1)
"""Until then are days that programs write where one was removed."""


def visit_of(headers: Iterable[Elements]) -> tuple[date | None, str, tuple[str, ...]]:
    """Return the day of the visit, how it was established, and what disagrees.

    It is StudyDate, which a hospital files images by, where the images were acquired within a day
    of it or do not say when; AcquisitionDate where that is another day, since growth is computed
    from when images were taken. Without either it is SeriesDate, else ContentDate (PS3.3 C.7.2.1,
    C.7.3.1, C.7.6.1: the latter two also change when images are made anew).
    """
    told = list(headers)
    days = {keyword: _days(told, keyword) for keyword in DATES}
    found = [keyword for keyword in DATES if days[keyword]]
    if not found:
        return None, "the images say no date", ()
    study, taken = days["StudyDate"], days["AcquisitionDate"]
    apart = bool(study and taken) and max(_apart(study[0], d) for d in taken) > SAME_DAYS
    used = "AcquisitionDate" if apart else found[0]
    day = days[used][0]
    findings = [
        f"{keyword} is {days[keyword][0]} to {days[keyword][-1]} within one series"
        for keyword in DATES[:2]
        if days[keyword] and _apart(days[keyword][0], days[keyword][-1]) > SAME_DAYS
    ]
    others = [
        keyword
        for keyword in found
        if keyword != used and max(_apart(day, d) for d in days[keyword]) > SAME_DAYS
    ]
    findings += [
        f"{keyword} is {days[keyword][0]}, {used} {day}: {used} is used" for keyword in others[:1]
    ]
    how = f"{used}; {others[0]} disagrees" if others else used
    return day, how, tuple(findings)


def _days(headers: Iterable[Elements], keyword: str) -> list[date]:
    texts = {said.text(keyword) for said in headers}
    return sorted(day for day in map(day_in, texts) if day is not None and day > NO_DAY)


def _apart(a: date, b: date) -> int:
    return abs((a - b).days)
