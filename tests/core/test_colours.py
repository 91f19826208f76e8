"""Many lesions and other structures are told apart by their colours."""

from itertools import combinations

import numpy as np

from organtwin.core.colours import of_lesion
from organtwin.organs import organ, tumour
from organtwin.segmenting.naming import named


def lab(colour: tuple[float, float, float]) -> np.ndarray:
    """CIELAB of sRGB, D65 (IEC 61966-2-1, CIE 15:2004)."""
    c = np.array(colour)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ linear / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(colours: list[tuple[float, float, float]]) -> float:
    return min(float(np.linalg.norm(lab(a) - lab(b))) for a, b in combinations(colours, 2))


def test_that_twenty_lesions_differ_from_each_other_and_from_the_liver() -> None:
    own = [s.colour for s in organ("liver").structures]
    assert apart([*map(of_lesion, range(1, 21)), *own]) > 30.0


def test_that_no_two_of_99_lesions_share_a_colour() -> None:
    assert len({tumour(n, "liver").colour for n in range(1, 100)}) == 99


def test_that_sixteen_structures_of_other_names_differ() -> None:
    made = named([f"thing {n}" for n in range(16)], organ("liver"), None)
    assert apart([one.colour for one in made]) > 13.0
