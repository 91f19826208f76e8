"""Cutting surfaces through lines drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.watch import Watch
from organtwin.meshing.cutting import cut
from organtwin.meshing.drawn import Drawing, drawn
from tests.meshing.cubes import cube

BODY = np.array([[0.0, 0.0, 0.0], [100.0, 100.0, 100.0]])
DOWN = (0.0, 0.0, -1.0)
STRAIGHT = [[10.0, 50.0, 40.0], [50.0, 50.0, 40.0], [90.0, 50.0, 40.0]]


def height(lines: list, places: list, along: tuple = DOWN, **looked: object) -> np.ndarray:
    knife = drawn(Drawing.of(lines, along, **looked), BODY).knife(BODY)
    return knife(np.array(places, dtype=float))


def test_that_a_straight_line_is_a_plane_with_the_specimen_to_its_right() -> None:
    """Seen from above, x to the right and y up: the specimen is where y is less than 50."""
    places = [[5.0, 20.0, 90.0], [50.0, 50.0, 3.0], [95.0, 99.0, 60.0]]
    assert height([STRAIGHT], places) == pytest.approx([-30.0, 0.0, 49.0], abs=1e-6)
    assert height([STRAIGHT], places, other_side=True) == pytest.approx([30, 0, -49], abs=1e-6)


def test_that_a_bent_line_is_followed_all_around() -> None:
    """Half a circle of radius 30 mm: heights are distances to the circle's wall."""
    angles = np.linspace(np.pi, 2.0 * np.pi, 13)
    line = [[50 + 30 * np.cos(a), 90 + 30 * np.sin(a), 50.0] for a in angles]
    turned = angles[2:-2:2]
    places = [[50 + r * np.cos(a), 90 + r * np.sin(a), 20.0] for r in (25, 30, 35) for a in turned]
    told = height([line], places).reshape(3, -1)
    assert told[0] == pytest.approx(5.0, abs=0.05)
    assert told[1] == pytest.approx(0.0, abs=0.05)
    assert told[2] == pytest.approx(-5.0, abs=0.05)


def test_that_the_surface_goes_through_lines_in_several_slices() -> None:
    lines = [
        [[10.0, 40.0 + z / 3, z], [50.0, 55.0 - z / 4, z], [90.0, 40.0 + z / 5, z]]
        for z in (20.0, 45.0, 80.0)
    ]
    lines[1].reverse()
    assert height(lines, [place for line in lines for place in line]) == pytest.approx(0, abs=0.05)


def test_that_a_line_drawn_in_perspective_hides_its_surface() -> None:
    eye = np.array([50.0, 50.0, 300.0])
    line = np.array([[30.0, 30.0, 50.0], [50.0, 40.0, 50.0], [70.0, 30.0, 50.0]])
    seen = [eye + far * (place - eye) for far in (0.85, 1.0, 1.15) for place in line]
    told = height([line.tolist()], seen, eye_mm=eye.tolist())
    assert told == pytest.approx(0.0, abs=0.05)


def test_that_both_parts_of_a_bent_cut_are_sound() -> None:
    mesh = cube(6, 10.0)
    line = [[10.0, 60.0, 30.0], [15.0, 25.0, 30.0], [45.0, 25.0, 30.0], [50.0, 60.0, 30.0]]
    found = cut(mesh, drawn(Drawing.of([line], DOWN), mesh.points).knife(mesh.points), Watch())
    assert found.keeps_promises
    assert abs(found.volume_error_percent) < 0.1
    assert (found.remnant_pieces, found.specimen_pieces) == (1, 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "1 to"),
        ([[[0, 0, 0]]], "two places"),
        ([[[0, 0, 0], [0, 0, np.nan]]], "finite"),
        ([[[0, 0], [1, 1]]], "three"),
        ([STRAIGHT, STRAIGHT], "same depth"),
        ([[[40, 90, 5], [70, 40, 5], [30, 40, 5], [60, 90, 5]]], "crosses itself"),
    ],
)
def test_that_what_is_no_surface_is_refused(lines: list, said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        height(lines, [[0.0, 0.0, 0.0]])
