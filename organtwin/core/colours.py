"""Colours of structures of which there may be many: told apart in the pictures, and from the organ.

Each was chosen as far as could be (CIELAB, CIE 15:2004) from those before it, from white and from
the liver and its veins: lesions at least 31 apart, other structures at least 13.
"""

from __future__ import annotations

from typing import Final

Colour = tuple[float, float, float]
"""Red, green, blue, each 0..1."""

LESIONS: Final[tuple[Colour, ...]] = (
    (0.93, 0.76, 0.18), (0.93, 0.50, 0.15), (0.80, 0.36, 0.62), (0.45, 0.75, 0.40),
    (0.26, 1.00, 0.20), (0.12, 0.60, 0.60), (1.00, 0.20, 0.97), (0.70, 0.62, 0.42),
    (0.20, 1.00, 0.90), (1.00, 0.20, 0.20), (0.52, 0.30, 1.00), (0.67, 0.90, 0.18),
    (0.90, 0.63, 0.66), (1.00, 0.20, 0.49), (0.90, 0.70, 1.00), (0.52, 0.42, 0.60),
    (0.20, 1.00, 0.62), (0.20, 0.81, 1.00), (0.56, 0.60, 0.12), (0.87, 0.90, 0.54),
)  # fmt: skip
OTHERS: Final[tuple[Colour, ...]] = (
    (0.62, 0.62, 0.58), (0.55, 0.68, 0.60), (0.70, 0.60, 0.50), (0.56, 0.60, 0.72),
    (0.72, 0.66, 0.44), (0.54, 0.85, 0.51), (0.85, 0.51, 0.67), (0.43, 0.33, 0.55),
    (0.28, 0.45, 0.27), (0.55, 0.33, 0.36), (0.27, 0.43, 0.45), (0.74, 0.59, 0.85),
    (0.85, 0.68, 0.74), (0.45, 0.38, 0.27), (0.85, 0.51, 0.51), (0.51, 0.81, 0.85),
)  # fmt: skip
DARKER: Final = 0.8
"""Each further round of the same colours is by so much darker; after ROUNDS they begin again."""
ROUNDS: Final = 5


def of_lesion(number: int) -> Colour:
    """Return the colour of the `number`-th lesion of a patient, from 1."""
    return _of(LESIONS, number - 1)


def of_other(number: int) -> Colour:
    """Return the colour of the `number`-th structure that no page of an organ names, from 0."""
    return _of(OTHERS, number)


def _of(colours: tuple[Colour, ...], number: int) -> Colour:
    turn, place = divmod(number, len(colours))
    red, green, blue = (round(part * DARKER ** (turn % ROUNDS), 3) for part in colours[place])
    return red, green, blue
