"""A visit's labels in the baseline frame, its tumours under the baseline's names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from organtwin.core.boxes import Box
from organtwin.core.errors import MisplacedLabel
from organtwin.core.labelmap import Beneath, LabelMap, Structure, trimmed
from organtwin.core.registration import Registration
from organtwin.core.volume import spacing_of, to_index, to_lps
from organtwin.organs import tumour
from organtwin.updating.mapping import to_visit

MARGIN_MM: Final = 20.0
APART_MM: Final = 10.0
"""Tumours whose centres are farther apart than this and that do not overlap are not the same."""


def carried(labels: LabelMap, registration: Registration, baseline: LabelMap) -> LabelMap:
    """Return a visit's labels on the baseline grid, near the baseline's structures.

    Each structure's mask is interpolated linearly and the strongest wins at every voxel. Tumours
    are matched to the baseline's by place (least total distance of their centres, Kuhn 1955);
    those without a match are numbered after the baseline's.

    Raises:
        MisplacedLabel: nothing of the visit's labels falls on the baseline's structures.
    """
    window = _window(baseline)
    painted = np.zeros(baseline.labels.shape, np.uint8, order="F")
    painted[window] = _painted(labels, registration, baseline, window)
    if not (painted.astype(bool) & baseline.labels.astype(bool)).any():
        raise MisplacedLabel(
            "the visit's labels do not fall on the baseline's",
            where="registration",
            advice="register the visit again",
        )
    moved = LabelMap(painted, baseline.affine, labels.structures)
    beneath = tuple(_beneath(labels, registration, moved, window))
    return renamed(replace(moved, beneath=beneath), baseline)


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


def _beneath(
    labels: LabelMap, registration: Registration, moved: LabelMap, window: Box
) -> Iterator[Beneath]:
    """Yield what of each structure does not show in the baseline frame, by half of its mask."""
    for label in (below.label for below in labels.beneath):
        name = next(s.name for s in labels.structures if s.label == label)
        alone = LabelMap(labels.own(name) * np.uint8(label), labels.affine, labels.structures)
        whole = _painted(alone, registration, moved, window) == label
        hidden = whole & (moved.labels[window] != label)
        found = trimmed(label, tuple(axis.start for axis in window), hidden)
        if found is not None:
            yield found


def _window(baseline: LabelMap) -> Box:
    """Indices of the baseline's structures with a margin."""
    box = ndimage.find_objects(baseline.labels.astype(bool).astype(np.uint8))[0]
    margins = [int(np.ceil(MARGIN_MM / s)) for s in spacing_of(baseline.affine)]
    i, j, k = (
        slice(max(axis.start - m, 0), min(axis.stop + m, n))
        for axis, m, n in zip(box, margins, baseline.labels.shape, strict=True)
    )
    return i, j, k


def _painted(
    labels: LabelMap,
    registration: Registration,
    baseline: LabelMap,
    window: Box,
) -> NDArray[np.uint8]:
    """Label values on the window of the baseline grid, a few slices at a time."""
    i, j, k = (np.arange(axis.start, axis.stop) for axis in window)
    masks = [(s.label, (labels.labels == s.label).astype(np.float32)) for s in labels.structures]
    result = np.zeros((len(i), len(j), len(k)), np.uint8)
    for slices in np.array_split(np.arange(len(k)), max(1, len(k) // 8)):
        index = np.stack(np.meshgrid(i, j, k[slices], indexing="ij"), axis=-1)
        place = to_index(labels.affine, to_visit(registration, to_lps(baseline.affine, index)))
        result[:, :, slices] = _strongest(masks, np.moveaxis(place, -1, 0))
    return result


def _strongest(
    masks: list[tuple[int, NDArray[np.float32]]], place: NDArray[np.float64]
) -> NDArray[np.uint8]:
    best = np.zeros(place.shape[1:], np.uint8)
    rest, most = np.ones(place.shape[1:], np.float32), np.zeros(place.shape[1:], np.float32)
    for label, mask in masks:
        part = ndimage.map_coordinates(mask, place, order=1, mode="constant", prefilter=False)
        best[part > most] = label
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
