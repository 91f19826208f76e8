"""Words looked for in names of series, whole and in the languages people write them in.

A table gives, for each meaning, words by language, parted by commas. `*` ends a word of which only
the beginning is known, `#` is a digit; a space stands for a space, a dot, a slash, a hyphen or
nothing, so that "non contrast" is found in "noncontrast", "Non-Contrast" and "non contrast". What
is found is not looked at again, longer words first: "pulmonary arter*" hides the arteries in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

Table = Mapping[str, Mapping[str, str]]
"""Meaning → language → words."""
GAP: Final = r"[ ./-]*"


class Words:
    """The words of a table, to be found in a text."""

    def __init__(self, table: Table) -> None:
        self._meaning = {
            word.strip(): meaning
            for meaning, languages in table.items()
            for words in languages.values()
            for word in words.split(",")
        }
        self._words = sorted(self._meaning, key=len, reverse=True)
        self._pattern = re.compile("|".join(f"({_expression(word)})" for word in self._words))

    def found(self, text: str) -> dict[str, str]:
        """Return meaning → the first word for it, of a text as `plain` returns it."""
        found: dict[str, str] = {}
        for hit in self._pattern.finditer(text):
            meaning = self._meaning[self._words[(hit.lastindex or 1) - 1]]
            found.setdefault(meaning, hit[0])
        return found


def _expression(word: str) -> str:
    """Return the regular expression of a word: no letter or digit goes before or after it.

    Words without spaces between them (Chinese, Japanese) are found anywhere.
    """
    spelt = re.escape(word).replace(r"\*", "[a-z0-9]*").replace(r"\#", r"\d").replace(r"\ ", GAP)
    return f"(?<![a-z0-9]){spelt}(?![a-z0-9])" if word[0].isalnum() else f"{spelt}(?![a-z0-9])"


def plain(text: str) -> str:
    """Return text as it is searched: lower case, no accents, "and" for "&", "iv" for "i.v."."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    bare = bare.replace("&", " and ").replace("i.v.", "iv")
    return re.sub(r"[_;:,|()\[\]\s]+", " ", bare).strip()
