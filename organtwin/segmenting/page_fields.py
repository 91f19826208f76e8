"""The fields of a model's page, each checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from organtwin.core.errors import BadInput
from organtwin.core.labelmap import CodedTerm
from organtwin.segmenting.seeds import BACKGROUND

MOST_LABELS: Final = 120
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
HASH: Final = re.compile(r"[0-9a-f]{64}")
MOST_CODE: Final = 64
"""Longest part of a code: LO (PS3.5 6.2)."""


@dataclass(frozen=True)
class Fields:
    """A page as it was read.

    Args:
        said: its JSON object.
        where: its file. What is missing or wrong raises BadInput, naming the field.
    """

    said: Mapping[str, Any]
    where: str

    def wrong(self, name: str, why: str) -> BadInput:
        """Return the error that says what is wrong with a field."""
        return BadInput(
            f"the model's page: {name} {why}", where=self.where, advice="correct the page"
        )

    def text(self, name: str, fits: Callable[[str], object] = bool) -> str:
        """Return a text of at most 1000 characters that fits."""
        value = self.said.get(name)
        if not isinstance(value, str) or not value.isprintable() or len(value) > 1000:
            raise self.wrong(name, "is missing or no such text")
        if not fits(value):
            raise self.wrong(name, "is missing or no such text")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """Return a finite number in [low, high]."""
        return self._bounded(self.said.get(name), name, low, high)

    def three(self, name: str, low: float, high: float) -> tuple[float, float, float]:
        """Return three finite numbers in [low, high]."""
        values = self.said.get(name)
        if not isinstance(values, list) or len(values) != 3:
            raise self.wrong(name, "has to be three numbers")
        i, j, k = (self._bounded(value, name, low, high) for value in values)
        return i, j, k

    def patch(self) -> tuple[int, int, int]:
        """Return voxels along three axes, at most 2^25 in all."""
        i, j, k = (int(n) for n in self.three("patch", 8, 512))
        if i * j * k > 2**25:
            raise self.wrong("patch", "is larger than 2^25 voxels")
        return i, j, k

    def window(self) -> tuple[float, float]:
        """Return the lower and the higher value."""
        values = self.said.get("window")
        if not isinstance(values, list) or len(values) != 2:
            raise self.wrong("window", "has to be two numbers")
        low, high = (self._bounded(value, "window", -1e6, 1e6) for value in values)
        if not low < high:
            raise self.wrong("window", "has to be the lower and the higher value")
        return low, high

    def labels(self, least: int = 2) -> tuple[tuple[str, CodedTerm | None], ...]:
        """Return structures with their coded terms, at least so many."""
        said = self.said.get("labels")
        if not isinstance(said, list) or not least <= len(said) <= MOST_LABELS:
            raise self.wrong("labels", f"has to list {least} to {MOST_LABELS} structures")
        found = [self._label(one) for one in said]
        names = [name for name, _ in found if name != BACKGROUND]
        if len(set(names)) != len(names) or not names:
            raise self.wrong("labels", "names a structure twice, or none")
        return tuple(found)

    def _label(self, said: Any) -> tuple[str, CodedTerm | None]:
        name = said.get("structure") if isinstance(said, dict) else None
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise self.wrong("labels", "has an entry without a structure's name")
        code = said.get("code")
        if code is None:
            return name, None
        if not isinstance(code, list) or [type(part) for part in code] != [str] * 3:
            raise self.wrong("labels", f"{name}: a code is [value, scheme, meaning]")
        if not all(part.isprintable() and 0 < len(part) <= MOST_CODE for part in code):
            raise self.wrong("labels", f"{name}: a code has 1 to {MOST_CODE} printable characters")
        return name, CodedTerm(*code)

    def _bounded(self, value: Any, name: str, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "has to be a number")
        if not (math.isfinite(value) and low <= value <= high):
            raise self.wrong(name, f"has to lie in [{low:g}, {high:g}]")
        return float(value)
