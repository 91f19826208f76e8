"""What tells a patient in a short text: names, IDs and dates of the object, however written.

Texts are compared in small letters without accents and, for all but single words, without spaces
and punctuation: for "Meier^Anna", 19300102 these are found: MEIERANNA, A.Meier 1930, 02.01.1930.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from organtwin.deidentifying.forms import walked
from organtwin.deidentifying.pseudonyms import StandIns
from organtwin.deidentifying.substitutes import REMOVED

BIRTH_DATE: Final = 0x00100030
IDS: Final = frozenset([0x00080050, 0x00100020, 0x00101000])
"""Accession number, patient ID, other patient IDs."""
WORD: Final = re.compile(r"[^\W\d_]+")
PIECE: Final = re.compile(r"[^\W_]+")
WHOLE: Final = 2
"""Letters from which on a name is looked for as a whole word."""
INSIDE: Final = 4
"""Letters from which on a name, or two names joined, is looked for inside of words."""
ID_CHARACTERS: Final = 3
LONG_ID: Final = 5
"""Characters from which on an ID is looked for inside of other words and numbers."""
_TITLES: Final = "mr mrs ms dr prof med md phd herr frau sir jr sr von van der de"
TITLES: Final = frozenset({*_TITLES.split()})
"""Parts of names that are nobody's."""
REMOVED_DAY: Final = "19000101"
MOST_NAMES: Final = 64
"""Different names in an object; a word of each is looked for, so this bounds the work."""
TRANSCRIBED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


@dataclass(frozen=True)
class Traces:
    """What to look for.

    Args:
        words: names, as whole words.
        inside: names and IDs of which nothing else consists, and dates, in letters and digits.
        ids: as letters and digits; short ones are looked for as whole words and numbers.
        days: dates as "19300102", looked for in UIDs with the IDs.
    """

    words: frozenset[str]
    inside: frozenset[str]
    ids: frozenset[str]
    days: frozenset[str]

    def tell(self, text: str) -> bool:
        """Return whether a text holds one of them."""
        for small in spellings(text):
            if self.words & {*WORD.findall(small)}:
                return True
            joined = _joined(small)
            if any(one in joined for one in self.inside):
                return True
            if self.ids & {joined, *PIECE.findall(small), *re.findall(r"\d+", small)}:
                return True
        return False

    def without_ids(self, text: str) -> str:
        """Return a text without IDs, whatever separates their characters."""
        for one in self.ids:
            text = re.sub(r"[\W_]*".join(map(re.escape, one)), " ", text, flags=re.IGNORECASE)
        return text

    def tell_uid(self, uid: str) -> bool:
        """Return whether a component of a UID is an ID, or holds the birth date."""
        parts = uid.split(".")
        numbers = {one for one in self.inside | self.ids if one.isdecimal()} - self.days
        return bool(numbers & {*parts}) or any(day in part for day in self.days for part in parts)

    def tell_bytes(self, content: bytes) -> bool:
        """Return whether numbers or bytes hold one in plain letters; chance is left out."""
        small = content.lower()
        return any(one.encode() in small for one in self.inside if len(one) >= LONG_ID)


def traces_of(
    names: Iterable[str], ids: Iterable[str], born: Iterable[str], dates: Iterable[str]
) -> Traces:
    """Return what tells the persons of an object.

    Args:
        names: of persons, as PN values.
        ids: of the patient.
        born: birth dates (DA); dates: others that may not stay.
    """
    words: set[str] = set()
    inside: set[str] = set()
    days = {day for day in map(_day, born) if day}
    for name in sorted({*names})[:MOST_NAMES]:
        for small in spellings(name):
            own = [word for word in WORD.findall(small) if word not in TITLES]
            words |= {word for word in own if len(word) >= WHOLE}
            inside |= {word for word in own if _long(word)}
            inside |= {one + other for one, other in permutations(own, 2) if _long(one + other)}
            inside |= {one + day[:4] for one in _initials(own) for day in days}
    plain = {_joined(small) for one in ids for small in spellings(one)}
    plain = {one for one in plain if len(one) >= ID_CHARACTERS}
    others = {day for day in map(_day, dates) if day}
    return Traces(
        frozenset(words),
        frozenset(
            inside
            | {one for one in plain if len(one) >= LONG_ID}
            | {form for day in days for form in _forms(day)}
            | {form for day in others for form in _forms(day) if len(form) == len(day)}
        ),
        frozenset(plain),
        frozenset(days),
    )


def spellings(text: str) -> frozenset[str]:
    """Return a text in small letters: as it is, without accents, and with "ue" for "ü"."""
    small = unicodedata.normalize("NFC", text).casefold()
    if small.isascii():
        return frozenset([small])
    parts = unicodedata.normalize("NFKD", small)
    bare = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return frozenset([small, bare, small.translate(TRANSCRIBED)])


def _joined(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())


def _long(word: str) -> bool:
    """Return whether a word is told from others inside a text; signs of Asia say more each."""
    return len(word) >= (INSIDE if word.isascii() else WHOLE)


def _initials(own: list[str]) -> Iterator[str]:
    letters = [word[0] for word in own]
    yield from ("".join(pair) for pair in permutations(letters, 2))


def _day(text: str) -> str:
    """Return a date as eight digits, "" for none and for the one that stands for removed ones."""
    digits = re.sub(r"\D", "", text)[:8]
    return digits if len(digits) == 8 and digits != REMOVED_DAY else ""


def _forms(day: str) -> tuple[str, ...]:
    """Return how a date is written, less what separates its parts: in full and shortened."""
    year, month, date = day[:4], day[4:6], day[6:]
    short = f"{int(date)}{int(month)}{year}"
    forms = (day, date + month + year, month + date + year, short, day[2:], date + month + year[2:])
    return tuple(form for form in forms if len(form) >= 6)


def traces_in(dataset: Dataset, stand_ins: StandIns, *, with_dates: bool) -> Traces:
    """Return what tells the persons in an object; stand-ins and dummies tell nobody.

    Raises:
        UnreadableFile: nested too deep, or more elements than allowed.
    """
    names: set[str] = set()
    ids: set[str] = set()
    born: set[str] = set()
    dates: set[str] = set()
    for inside, tag, vr in walked(dataset):
        if vr not in ("PN", "DA") and tag not in IDS:
            continue
        value = inside[tag].value
        for text in value if isinstance(value, MultiValue) else [value or ""]:
            text = str(text).strip()
            if vr == "PN":
                names.add(text)
            elif vr != "DA":
                ids.add(text)
            elif tag == BIRTH_DATE:
                born.add(text)
            elif with_dates:
                dates.add(text)
    names, ids = (
        {one for one in known - {REMOVED, ""} if not stand_ins.is_pseudonym(one)}
        for known in (names, ids)
    )
    return traces_of(names, ids, born, dates)
