"""Sparse labels through our own files and back: not one voxel may change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.exporting import export
from organtwin.importing import read_labels, scan
from organtwin.organs import organ, tumour
from tests.exporting.visits import material

WATCH = Watch()
LIVER = organ("liver")
SHAPE = (14, 12, 24)
AFFINE = np.diag([0.75, 0.75, 2.5, 1.0])
TURNED = np.array([[0, 0, 2.5, -3], [0.6, 0.48, 0, 7], [-0.45, 0.64, 0, 9.4], [0, 0, 0, 1.0]])
CHOICES = {
    "every other slice": range(3, 20, 2),
    "far apart": (4, 17),
    "two of one": (11,),
    "some": (1, 2, 5, 11, 12, 20),
    "regular and thick": (2, 6, 10, 14, 18),
}


def sparse(slices: list[int], *, seed: int) -> NDArray[np.uint8]:
    """Return (ni, nj, nk) uint8 with blobs of two tumours in these slices only."""
    random = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.uint8, order="F")
    for k in slices:
        labels[2:12, 2:10, k] = random.choice([0, 101, 102], size=(10, 8), p=[0.6, 0.2, 0.2])
    return labels


@pytest.mark.parametrize("what", ["seg", "labelmap", "rtstruct"])
@pytest.mark.parametrize("chosen", CHOICES)
@pytest.mark.parametrize("affine", [AFFINE, TURNED], ids=["upright", "turned"])
def test_that_sparse_labels_come_back_identical(
    tmp_path: Path, what: str, chosen: str, affine: NDArray[np.float64]
) -> None:
    labels = sparse(list(CHOICES[chosen]), seed=len(chosen))
    one = material(LabelMap(labels, affine, (tumour(1, ""), tumour(2, ""))))
    for piece in export(what).pieces(one, WATCH):
        piece.content.save_as(tmp_path / piece.name, enforce_file_format=True)
    (source,) = scan(tmp_path, WATCH).labels
    back = read_labels(source, one.volume, LIVER, names=None, watch=WATCH)
    assert np.array_equal(back.labels, labels)
