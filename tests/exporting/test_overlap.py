"""Structures that overlap go to other systems whole, and come back whole."""

from pathlib import Path

import numpy as np
import pytest

from organtwin.core.labelmap import LabelMap, Structure, stacked
from organtwin.core.volume import to_lps
from organtwin.core.watch import Watch
from organtwin.importing import read_labels, scan
from organtwin.organs import tumour
from tests.exporting.test_seg import read
from tests.exporting.visits import complaints, material, turned, written
from tests.phantoms import HEPATIC, LIVER, PORTAL, ball, either, tube


def crossing() -> LabelMap:
    """Two veins that cross in a lesion that reaches beyond them, in a liver."""
    shapes = {
        LIVER: ball((0, 0, 0), 40.0),
        PORTAL: tube((-30, 0, 0), (30, 0, 0), 6.0),
        HEPATIC: either(tube((0, -30, 0), (0, 30, 0), 5.0), ball((0, 0, 12), 4.0)),
        tumour(1, "liver"): ball((4, 4, 0), 11.0),
    }
    at = np.diag([2.0, 2.0, 3.0, 1.0])
    at[:3, 3] = [-44, -44, -42]
    index = np.stack(np.meshgrid(*map(np.arange, (45, 45, 29)), indexing="ij"), axis=-1)
    masks = {s.name: shape(to_lps(at, index)) for s, shape in shapes.items()}
    made = stacked(masks, tuple(shapes), at, overlapping=True)
    assert all(np.array_equal(made.mask(name), masks[name]) for name in masks)
    assert {b.label for b in made.beneath} == {PORTAL.label, HEPATIC.label}
    return made


@pytest.mark.parametrize("name", ["seg", "rtstruct"])
def test_that_overlapping_structures_come_back_identical(name: str, tmp_path: Path) -> None:
    one = material(turned(crossing()))
    back = read(written(name, one, tmp_path)[0], one)
    assert np.array_equal(back.labels, one.labels.labels)
    assert back.structures == one.labels.structures
    assert len(back.beneath) == 2
    for mine, other in zip(one.labels.beneath, back.beneath, strict=True):
        assert (mine.label, mine.start) == (other.label, other.start)
        assert np.array_equal(mine.voxels, other.voxels)


def test_that_dciodvfy_finds_no_error_in_overlapping_segments(tmp_path: Path) -> None:
    assert complaints(written("seg", material(turned(crossing())), tmp_path)[0]) == []


def test_that_a_structure_without_voxels_is_no_segment(tmp_path: Path) -> None:
    whole = crossing()
    spare = Structure("spare", 11, "other", LIVER.code, (0.5, 0.5, 0.5))
    one = material(LabelMap(whole.labels, whole.affine, (*whole.structures, spare), whole.beneath))
    found = scan(written("seg", one, tmp_path)[0], Watch()).labels[0]
    back = read_labels(found, one.volume, one.organ, names=None, watch=Watch())
    assert back.structures == whole.structures
