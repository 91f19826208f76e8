"""Labels from one visit's grid to another's: to the baseline, or on to a later image.

To the baseline go a visit's own labels, its tumours under the baseline's names; on to a later image
that has none go those of an earlier one, as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from organtwin.core.boxes import Box
from organtwin.core.errors import MisplacedLabel
from organtwin.core.labelmap import Beneath, LabelMap, Structure, trimmed
from organtwin.core.registration import Registration
from organtwin.core.volume import Volume, spacing_of, to_index, to_lps
from organtwin.organs import tumour
from organtwin.updating.mapping import to_baseline, to_visit

MARGIN_MM: Final = 20.0
APART_MM: Final = 10.0
"""Tumours whose centres are farther apart than this and that do not overlap are not the same."""

Points = NDArray[np.float64]


def carried(labels: LabelMap, registration: Registration, baseline: LabelMap) -> LabelMap:
    """Return a visit's labels on the baseline grid, near the baseline's structures.

    Each structure's mask is interpolated linearly and the strongest wins at every voxel. Tumours
    are matched to the baseline's by place (least total distance of their centres, Kuhn 1955);
    those without a match are numbered after the baseline's.

    Raises:
        MisplacedLabel: nothing of the visit's labels falls on the baseline's structures.
    """
    way = _Way(partial(to_visit, registration), baseline.affine, _window(baseline))
    painted = np.zeros(baseline.labels.shape, np.uint8, order="F")
    painted[way.window] = _painted(labels, way)
    if not (painted.astype(bool) & baseline.labels.astype(bool)).any():
        raise MisplacedLabel(
            "the visit's labels do not fall on the baseline's",
            where="registration",
            advice="register the visit again",
        )
    moved = LabelMap(painted, baseline.affine, labels.structures)
    beneath = tuple(_beneath(labels, moved, way))
    return renamed(replace(moved, beneath=beneath), baseline)


def propagated(labels: LabelMap, registration: Registration, later: Volume) -> LabelMap:
    """Return the labels of one image on a later one's grid, names and values as they were.

    Each structure's mask is interpolated linearly and the strongest wins at every voxel. What comes
    to lie outside the later image is left out.

    Args:
        registration: from the image of the labels to the later one.

    Raises:
        MisplacedLabel: nothing falls in the later image.
        BadArgument: the registration cannot be inverted somewhere.
    """
    way = _Way(
        partial(to_baseline, registration), later.affine, _landing(labels, registration, later)
    )
    painted = np.zeros(later.voxels.shape, np.uint8, order="F")
    painted[way.window] = _painted(labels, way)
    moved = LabelMap(painted, later.affine, labels.structures)
    moved = replace(moved, beneath=tuple(_beneath(labels, moved, way)))
    kept = tuple(s for s in labels.structures if moved.mask(s.name).any())
    if not kept:
        raise MisplacedLabel("nothing that is labelled lies in the later image", where="propagate")
    return replace(moved, structures=kept)


def renamed(visit: LabelMap, baseline: LabelMap) -> LabelMap:
    """Return labels in the baseline frame with the baseline's names and labels for tumours."""
    pairs = _pairs(visit, baseline)
    number = max((s.label - 100 for s in baseline.of_kind("tumour")), default=0)
    structures: list[Structure] = []
    values = np.arange(256, dtype=np.uint8)
    for structure in visit.structures:
        new = structure
        if structure.kind == "tumour" and structure.name in pairs:
            new = baseline.structure(pairs[structure.name])
        elif structure.kind == "tumour":
            number += 1
            new = replace(tumour(number, structure.within), code=structure.code)
        values[structure.label] = new.label
        structures.append(new)
    structures.sort(key=lambda s: s.label)
    beneath = tuple(replace(b, label=int(values[b.label])) for b in visit.beneath)
    return LabelMap(values[visit.labels], visit.affine, tuple(structures), beneath)


@dataclass(frozen=True)
class _Way:
    """Where labels are painted, and where their places on that grid come from, LPS mm."""

    back: Callable[[Points], Points]
    affine: Points
    window: Box


def _beneath(labels: LabelMap, moved: LabelMap, way: _Way) -> Iterator[Beneath]:
    """Yield what of each structure does not show on the new grid, by half of its mask."""
    for label in (below.label for below in labels.beneath):
        name = next(s.name for s in labels.structures if s.label == label)
        alone = LabelMap(labels.own(name) * np.uint8(label), labels.affine, labels.structures)
        whole = _painted(alone, way) == label
        hidden = whole & (moved.labels[way.window] != label)
        found = trimmed(label, tuple(axis.start for axis in way.window), hidden)
        if found is not None:
            yield found


def _landing(labels: LabelMap, registration: Registration, later: Volume) -> Box:
    """Indices of the later image around where the labels come to lie, with a margin."""
    shown = labels.labels.astype(bool)
    for below in labels.beneath:
        shown[below.box] |= below.voxels
    inside = ndimage.binary_erosion(shown)
    border = np.argwhere(shown & ~inside)
    there = to_index(later.affine, to_visit(registration, to_lps(labels.affine, border)))
    margins = np.array([MARGIN_MM / 2.0 / s for s in later.spacing_mm])
    last = np.array(later.voxels.shape)
    low = np.clip(np.floor(there.min(axis=0) - margins).astype(int), 0, last)
    high = np.clip(np.ceil(there.max(axis=0) + margins).astype(int) + 1, 0, last)
    if not (low < high).all():
        raise MisplacedLabel("nothing that is labelled lies in the later image", where="propagate")
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k


def _window(baseline: LabelMap) -> Box:
    """Indices of the baseline's structures with a margin."""
    box = ndimage.find_objects(baseline.labels.astype(bool).astype(np.uint8))[0]
    margins = [int(np.ceil(MARGIN_MM / s)) for s in spacing_of(baseline.affine)]
    i, j, k = (
        slice(max(axis.start - m, 0), min(axis.stop + m, n))
        for axis, m, n in zip(box, margins, baseline.labels.shape, strict=True)
    )
    return i, j, k


def _painted(labels: LabelMap, way: _Way) -> NDArray[np.uint8]:
    """Label values on the window of a grid, a few slices at a time."""
    i, j, k = (np.arange(axis.start, axis.stop) for axis in way.window)
    boxes = ndimage.find_objects(labels.labels, 255)
    masks = [
        _alone(labels.labels, s.label, boxes[s.label - 1])
        for s in labels.structures
        if boxes[s.label - 1] is not None
    ]
    result = np.zeros((len(i), len(j), len(k)), np.uint8)
    for slices in np.array_split(np.arange(len(k)), max(1, len(k) // 8)):
        index = np.stack(np.meshgrid(i, j, k[slices], indexing="ij"), axis=-1)
        place = to_index(labels.affine, way.back(to_lps(way.affine, index)))
        result[:, :, slices] = _strongest(masks, np.moveaxis(place, -1, 0))
    return result


@dataclass(frozen=True)
class _Alone:
    """One structure's mask, its box only with a border of nothing; `start` is its first index."""

    label: int
    mask: NDArray[np.float32]
    start: NDArray[np.int64]


def _alone(labels: NDArray[np.uint8], label: int, box: Box) -> _Alone:
    mask = np.pad((labels[box] == label).astype(np.float32), 1)
    return _Alone(label, mask, np.array([axis.start - 1 for axis in box]))


def _strongest(masks: Sequence[_Alone], place: Points) -> NDArray[np.uint8]:
    shape = place.shape[1:]
    best = np.zeros(shape, np.uint8)
    rest, most = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    for alone in masks:
        local = place - alone.start.reshape(3, 1, 1, 1)
        last = np.array(alone.mask.shape).reshape(3, 1, 1, 1) - 1
        there = ((local > 0) & (local < last)).all(axis=0)
        part = np.zeros(shape, np.float32)
        part[there] = ndimage.map_coordinates(
            alone.mask, local[:, there], order=1, mode="constant", prefilter=False
        )
        best[part > most] = alone.label
        most = np.maximum(most, part)
        rest -= part
    best[rest > most] = 0
    return best


def _pairs(visit: LabelMap, baseline: LabelMap) -> dict[str, str]:
    """Visit tumour → baseline tumour."""
    new = [s for s in visit.of_kind("tumour") if (visit.labels == s.label).any()]
    old = [s for s in baseline.of_kind("tumour") if (baseline.labels == s.label).any()]
    if not new or not old:
        return {}
    first, second = _centres(visit, new), _centres(baseline, old)
    away = np.linalg.norm(first[:, None] - second[None, :], axis=-1)
    touch = np.array([[_meet(visit, n, baseline, o) for o in old] for n in new])
    same = touch | (away <= APART_MM)
    rows, columns = linear_sum_assignment(np.where(same, away, 1e6))
    return {new[r].name: old[c].name for r, c in zip(rows, columns, strict=True) if same[r, c]}


def _meet(visit: LabelMap, new: Structure, baseline: LabelMap, old: Structure) -> bool:
    return bool(((visit.labels == new.label) & (baseline.labels == old.label)).any())


def _centres(labels: LabelMap, structures: list[Structure]) -> NDArray[np.float64]:
    """(n, 3) LPS mm."""
    wanted = [s.label for s in structures]
    centres = ndimage.center_of_mass(labels.labels > 0, labels.labels, wanted)
    return to_lps(labels.affine, np.array(centres))
