"""Borders of structures in a slice as smooth vector paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QDataStream, Qt
from PySide6.QtGui import QPainterPath

from organtwin.core.labelmap import Structure

_ELEMENT = np.dtype([("kind", ">i4"), ("x", ">f8"), ("y", ">f8")])
_ODD_EVEN = (0).to_bytes(8, "big")
"""Where the last subpath starts and the fill rule, as Qt streams them."""


def outlines(
    plate: NDArray[np.uint8], structures: Sequence[Structure], *, coarse: bool = False
) -> list[tuple[str, QPainterPath]]:
    """Return (structure, border in pixels) of the structures in a slice of labels (rows, columns).

    A structure's border goes around everything that lies within it. `coarse`: outermost ones are
    followed on every second pixel, for slices drawn so small that nobody sees the difference.
    """
    solid = np.ascontiguousarray(plate)
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if len(rows) == 0:
        return []
    top, left = int(rows[0]), int(columns[0])
    crop = solid[top : rows[-1] + 1, left : columns[-1] + 1]
    there = np.bincount(crop.ravel(), minlength=256) > 0
    found = []
    for structure, wanted in _with_inner(structures):
        if (wanted & there).any():
            every = 2 if coarse and not structure.within else 1
            mask = wanted[crop[::every, ::every]]
            found.append((structure.name, outline(mask, (left, top), every)))
    return found


def outline(mask: NDArray[Any], corner: tuple[int, int] = (0, 0), every: int = 1) -> QPainterPath:
    """Return the border of a mask (rows, columns) bool, in pixels, pixel centres at half numbers.

    The mask is softened by a 3 by 3 binomial filter first, so that the 0.5 level runs smoothly;
    the border moves by less than half a pixel. `corner` (column, row) is where the mask begins,
    `every` how many pixels apart its own are.
    """
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return path
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box = np.zeros((inner.shape[0] + 4, inner.shape[1] + 4), np.float32)
    box[2:-2, 2:-2] = inner
    soft = box if np.count_nonzero(inner) < 40 else _softened(box)
    lines = contourpy.contour_generator(z=soft, name="serial").lines(0.5)
    first = np.array(corner) + 0.5 + every * (np.array([columns[0], rows[0]]) - 2.0)
    return _path([np.asarray(line) * every + first for line in lines], path)


def _with_inner(structures: Sequence[Structure]) -> list[tuple[Structure, NDArray[np.bool_]]]:
    """Return each structure with (256,) bool: its label and those of all that lies within it."""
    container = {s.name: s.within for s in structures}
    found = []
    for structure in structures:
        wanted = np.zeros(256, dtype=bool)
        for inner in structures:
            wanted[inner.label] |= _contains(structure.name, inner.name, container)
        found.append((structure, wanted))
    return found


def _contains(outer: str, inner: str, container: dict[str, str]) -> bool:
    for _ in range(16):
        if inner == outer:
            return True
        inner = container.get(inner, "")
    return False


def _softened(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Filter by 1 2 1 along both axes; the rim of two pixels is empty."""
    down = box.copy()
    down[1:-1] += 0.5 * (box[:-2] + box[2:])
    both = down.copy()
    both[:, 1:-1] += 0.5 * (down[:, :-2] + down[:, 2:])
    both *= 0.25
    return both


def _path(lines: Sequence[NDArray[np.float64]], empty: QPainterPath) -> QPainterPath:
    """Return closed lines as one path, read by Qt from its own stream format in one go."""
    if not lines:
        return empty
    elements = np.zeros(sum(map(len, lines)), _ELEMENT)
    points = np.concatenate(lines)
    elements["x"], elements["y"], elements["kind"] = points[:, 0], points[:, 1], 1
    starts = np.cumsum([0, *(len(line) for line in lines[:-1])])
    elements["kind"][starts] = 0
    content = len(elements).to_bytes(4, "big") + elements.tobytes() + _ODD_EVEN
    path = QPainterPath()
    stream = QDataStream(QByteArray(content))
    stream >> path
    return path
