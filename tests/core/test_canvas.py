"""Changes upon labels: packed and unpacked, made and taken back, and what is damaged refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from organtwin.core.canvas import Canvas, follow, resolved
from organtwin.core.change import DRAWN, Change, Patch
from organtwin.core.content import decode, encode
from organtwin.core.errors import BadArgument, CaseDamaged
from organtwin.core.labelmap import Beneath, CodedTerm, LabelMap, Structure, stacked

CODE = CodedTerm("1", "99T", "a thing")
ONE = Structure("one", 1, "organ", CODE, (0.5, 0.5, 0.5))
TWO = Structure("two", 2, "organ", CODE, (0.5, 0.5, 0.5))
SHAPE = (6, 5, 4)


def empty() -> LabelMap:
    return LabelMap(np.zeros(SHAPE, np.uint8, order="F"), np.eye(4), (ONE, TWO))


def voxels(*where: int, new: int = 1, old: int = 0) -> Any:
    full = np.ones(len(where), np.uint8)
    return np.array(where, np.int64), full * np.uint8(old), full * np.uint8(new)


def change(before: str, *patches: Patch, depth: int = 1) -> Change:
    return Change(before, (ONE, TWO), (ONE, TWO), patches, depth=depth)


def test_that_voxels_come_out_as_they_were_packed() -> None:
    rng = np.random.default_rng(1)
    where = np.flatnonzero(rng.random(120) < 0.6)
    old, new = rng.integers(0, 3, (2, where.size)).astype(np.uint8)
    found = Patch.of(DRAWN, (where, old, new)).voxels(120)
    assert all(np.array_equal(a, b) for a, b in zip(found, (where, old, new), strict=True))


def test_that_a_change_is_stored_and_read() -> None:
    made = change("a" * 64, Patch.of(DRAWN, voxels(1, 2, 3)))
    back = decode(encode(made))
    assert (back.before, back.structures) == (made.before, made.structures)
    assert np.array_equal(back.patches[0].voxels(120)[0], [1, 2, 3])


@pytest.mark.parametrize(
    "damage",
    [
        {"runs": 2},
        {"runs": 10**9},
        {"packed": np.zeros(9, np.uint8)},
        {"packed": np.frombuffer(b"", np.uint8)},
    ],
)
def test_that_a_damaged_change_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(CaseDamaged):
        replace(Patch.of(DRAWN, voxels(5)), **damage).voxels(120)


@pytest.mark.parametrize("where", [(120,), (5, 121), (10**12,)])
def test_that_a_change_off_the_grid_is_refused(where: tuple[int, ...]) -> None:
    with pytest.raises(CaseDamaged, match="off the grid"):
        Patch.of(DRAWN, voxels(*where)).voxels(120)


def test_that_a_change_that_unpacks_to_too_much_is_refused() -> None:
    """A million runs on a grid of 120 voxels: nothing of that size is ever unpacked."""
    bomb = Patch.of(DRAWN, voxels(*range(0, 2_000_000, 2)))
    with pytest.raises(CaseDamaged, match="as long as it says"):
        bomb.voxels(120)


def chain() -> tuple[dict[str, Any], list[LabelMap]]:
    """Whole labels w, then a, b on them and c beside b; and what each is."""
    objects: dict[str, Any] = {"w": empty()}
    objects["a"] = change("w", Patch.of(DRAWN, voxels(7, 8, 9)))
    both = np.array([8, 40]), np.array([1, 0], np.uint8), np.array([2, 2], np.uint8)
    objects["b"] = change("a", Patch.of(DRAWN, both), Patch.of(1, voxels(8)), depth=2)
    objects["c"] = change("a", Patch.of(DRAWN, voxels(50)), depth=2)
    return objects, [resolved(objects.__getitem__, one) for one in objects]


def test_that_what_is_drawn_over_lies_beneath() -> None:
    _, (_, a, b, _) = chain()
    assert b.labels.ravel(order="F")[8] == 2
    assert np.array_equal(b.mask("one"), a.mask("one"))
    assert b.volume_ml("one") == pytest.approx(0.003)


@pytest.mark.parametrize("way", ["wabc", "bacw", "cbcb", "wbwc"])
def test_that_a_canvas_goes_from_any_labels_to_any(way: str) -> None:
    objects, found = chain()
    canvas = Canvas(objects["w"], "w")
    for one in way:
        assert follow(canvas, objects.__getitem__, one) is not None
        now, wanted = canvas.labels, found["wabc".index(one)]
        assert np.array_equal(now.labels, wanted.labels)
        assert np.array_equal(now.mask("one"), wanted.mask("one"))
        assert now.volume_ml("one") == wanted.volume_ml("one")


def test_that_a_canvas_does_not_go_where_no_change_leads() -> None:
    objects, _ = chain()
    canvas = Canvas(objects["w"], "w")
    assert follow(canvas, (objects | {"x": empty()}).__getitem__, "x") is None
    assert canvas.at == "w"


def test_that_labels_kept_before_they_could_overlap_are_read() -> None:
    """The header as it was then; arrays follow it in the order of their names, 64-byte steps."""
    now = encode(empty())
    header = now[16 : 16 + int.from_bytes(now[8:16], "little")]
    then = header.replace(b'"beneath":[],', b"")
    assert len(then) < len(header)
    content = now[:8] + len(then).to_bytes(8, "little") + then
    for array in (np.eye(4), empty().labels):
        content += b"\0" * (-len(content) % 64) + array.tobytes(order="F")
    back = decode(content)
    assert (back.structures, back.beneath) == ((ONE, TWO), ())


@pytest.mark.parametrize(
    "below",
    [
        Beneath(3, (0, 0, 0), np.ones((1, 1, 1), bool)),
        Beneath(1, (5, 0, 0), np.ones((2, 1, 1), bool)),
    ],
)
def test_that_what_lies_beneath_is_a_structure_on_the_grid(below: Beneath) -> None:
    with pytest.raises(BadArgument, match="beneath"):
        replace(empty(), beneath=(below,))


def test_that_stacked_structures_keep_what_is_painted_over_when_told() -> None:
    first, second = np.zeros((2, *SHAPE), dtype=bool)
    first[:4], second[2:] = True, True
    masks = {"one": first, "two": second}
    both = stacked(masks, (ONE, TWO), np.eye(4), overlapping=True)
    assert all(np.array_equal(both.mask(name), mask) for name, mask in masks.items())
    assert both.ends_mm2("one") == 2 * 4 * 5  # the whole of it, above and below
    alone = stacked(masks, (ONE, TWO), np.eye(4))
    assert np.count_nonzero(alone.mask("one")) == 2 * 5 * 4
