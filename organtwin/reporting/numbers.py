"""How a number is written: value, unit, interval, as many digits as its interval bears."""

from __future__ import annotations

import math
from dataclasses import replace

from organtwin.core.scenario import Quantity

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def decimals(value: float, half_width: float | None = None) -> int:
    """Return how many decimals a number bears: two digits of its interval's half width, else
    three significant digits; never more than 4 nor below 0.
    """
    scale = half_width if half_width else abs(value)
    if not math.isfinite(scale) or scale <= 0.0:
        return 1
    wanted = 1 if half_width else 2
    return min(max(wanted - math.floor(math.log10(scale)), 0), 4)


def fixed(value: float, places: int) -> str:
    """Return a number with so many decimals and a true minus sign; no negative zero."""
    text = f"{value:.{places}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def significant(value: float) -> str:
    """Return a number with three significant digits, at most two of them decimals."""
    return fixed(value, min(decimals(value), 2))


def formatted(quantity: Quantity) -> str:
    """Return "23.4 mL (90 %: 19.8 to 28.1)"; a count without decimals, a unit of 1 left out.

    An interval of no width is not written; a visible volume of nothing is said in words.
    """
    unit = "" if quantity.unit == "1" else THIN + quantity.unit
    if quantity.unit == "1" and float(quantity.value).is_integer() and quantity.low is None:
        return fixed(quantity.value, 0)
    value = quantity.nothing_seen
    if quantity.low is None or quantity.high is None or quantity.level is None:
        return value or fixed(quantity.value, min(decimals(quantity.value), 2)) + unit
    if quantity.low == quantity.high:
        return formatted(replace(quantity, low=None, high=None, level=None))
    places = min(decimals(quantity.value, 0.5 * (quantity.high - quantity.low)), 2)
    low, high = fixed(quantity.low, places), fixed(quantity.high, places)
    level = f"{100 * quantity.level:g}{THIN}%"
    if value:
        return f"{value} ({level}: up to {high}{unit})"
    return f"{fixed(quantity.value, places)}{unit} ({level}: {low} to {high})"


def short_id(object_id: str) -> str:
    """Return the first 8 signs of an id, enough for a person to find it in the journal."""
    return object_id[:8]
