"""Whole arrays of voxels from research files: their axes, their values, labels on other grids."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadInput, WrongGeometry
from organtwin.core.labelmap import CodedTerm
from organtwin.core.origin import Identity
from organtwin.core.volume import GeometryReport, Volume, voxel_ml_of
from organtwin.core.watch import Watch
from organtwin.importing.establishing import established_by_file
from organtwin.importing.finite import require_finite
from organtwin.importing.formats import LabelFormat, Mask
from organtwin.importing.found import LabelSource, Series
from organtwin.importing.geometry import orientation_of
from organtwin.importing.opening import Opened
from organtwin.importing.placing import TIE

RIGHT_ANGLE: Final = 1e-3
SMALLEST_MM: Final = 1e-6
FARTHEST_MM: Final = 1e6
NOTHING: Final = 1e-6
SAME_PLACE: Final = 0.01
"""Of a voxel: grids nearer than this at every corner are one grid."""
HIGHEST_LABEL: Final = 65535
LABEL_LIMIT: Final = 1000
COUNTED_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True)
class Segment:
    """One structure of a label file: the voxels of a layer that have one value."""

    name: str
    value: int
    code: CodedTerm | None = None
    layer: int = 0


@dataclass(frozen=True)
class LabelGrid:
    """Labels as a file holds them.

    Args:
        layers: each (ni, nj, nk) uint16; 0 is nothing.
        affine: (4, 4) float64, index → LPS mm.
    """

    layers: tuple[NDArray[np.uint16], ...]
    affine: NDArray[np.float64]
    segments: tuple[Segment, ...]

    def masks(self, volume: Volume, watch: Watch) -> tuple[Mask, ...]:
        """Return the segments on a Volume's grid, those without any voxel left out.

        Memory is touched only in the box around each of them.
        """
        from scipy.ndimage import find_objects

        placed, counts, boxes = [], [], []
        for n, layer in enumerate(self.layers):
            part = watch.part(n / len(self.layers), (n + 1) / len(self.layers))
            placed.append(onto(layer, self.affine, volume, part))
            boxes.append(find_objects(placed[-1]))
            counts.append(_counted(layer))
        ml = voxel_ml_of(self.affine)
        return tuple(
            Mask(
                s.name, s.code, _where(placed[s.layer], s.value, boxes[s.layer]), float(count) * ml
            )
            for s in self.segments
            if (count := counts[s.layer][s.value])
        )


def _where(
    labels: NDArray[np.uint16], value: int, boxes: Sequence[tuple[slice, ...] | None]
) -> NDArray[np.bool_]:
    """Return (ni, nj, nk) bool: where the labels have a value, whose box `boxes` may give."""
    found = np.zeros(labels.shape, dtype=bool, order="F")
    box = boxes[value - 1] if value <= len(boxes) else None
    if box is not None:
        found[box] = labels[box] == value
    return found


def onto(
    labels: NDArray[np.uint16], affine: NDArray[np.float64], volume: Volume, watch: Watch
) -> NDArray[np.uint16]:
    """Return (ni, nj, nk) on the Volume's grid: each voxel has the label that its centre lies in.

    0 where the labels do not reach; a centre midway between two labelled voxels takes the higher
    index, as in `placing.paste`.
    """
    steps = np.linalg.inv(affine) @ volume.affine
    last = np.array(volume.voxels.shape) - 1
    if (
        labels.shape == volume.voxels.shape
        and np.abs(steps[:3, 3]).max() < SAME_PLACE / 2
        and np.abs((steps[:3, :3] - np.eye(3)) * last).sum(axis=1).max() < SAME_PLACE / 2
    ):
        return labels
    ni, nj, nk = volume.voxels.shape
    i, j = np.arange(ni, dtype=np.float64)[:, None], np.arange(nj, dtype=np.float64)[None, :]
    result = np.zeros((ni, nj, nk), dtype=np.uint16, order="F")
    for k in range(nk):
        watch.tell(k / nk, "placing labels")
        inside, places = np.ones((ni, nj), dtype=bool), []
        for axis in range(3):
            start = steps[axis, 3] + steps[axis, 2] * k + 0.5 + TIE
            far = labels.shape[axis]
            there = np.floor(start + steps[axis, 0] * i + steps[axis, 1] * j)
            place = np.clip(there, -1, far).astype(np.int64)
            inside &= (place >= 0) & (place < far)
            places.append(place)
        u, v, w = (place[inside] for place in places)
        result[:, :, k][inside] = labels[u, v, w]
    return result


def as_labels(values: NDArray[Any], where: str) -> NDArray[np.uint16]:
    """Return values as labels; raises BadInput when they are those of an image."""
    result = np.empty(values.shape, dtype=np.uint16, order="F")
    with np.errstate(invalid="ignore"):
        if not 0 <= values.min() <= values.max() <= HIGHEST_LABEL:
            raise _no_labels(where)
        result[...] = values
    if values.dtype.kind == "f" and not np.array_equal(result, values):
        raise _no_labels(where)
    return result


def _no_labels(where: str) -> BadInput:
    return BadInput(
        f"its values are not labels (whole numbers of 0 to {HIGHEST_LABEL})",
        where=where,
        advice="choose a file of labels",
    )


def values_in(layer: NDArray[np.uint16], where: str) -> tuple[int, ...]:
    """Return the labels in use, ascending, without 0; raises BadInput for too many or none."""
    used = np.flatnonzero(_counted(layer))
    labels = tuple(int(value) for value in used if value)
    if not labels or len(labels) > LABEL_LIMIT:
        raise BadInput(
            f"{len(labels)} different labels in it",
            where=where,
            advice=f"choose a file of 1 to {LABEL_LIMIT} labels",
        )
    return labels


def _counted(layer: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return (65536,) int64: voxels of each label; bincount widens what it counts, so in parts."""
    line = layer.ravel(order="K")
    counts = np.zeros(HIGHEST_LABEL + 1, dtype=np.int64)
    for start in range(0, line.size, COUNTED_AT_ONCE):
        counts += np.bincount(line[start : start + COUNTED_AT_ONCE], minlength=len(counts))
    return counts


def named(values: Sequence[int], names: dict[int, str], stem: str) -> tuple[Segment, ...]:
    """Return segments: by the file's own names, "label-7" without, the file's for a single one."""
    alone = len(values) == 1 and not names
    titles = [stem if alone else names.get(v) or f"label-{v}" for v in values]
    double = {title for title in titles if titles.count(title) > 1}
    return tuple(
        Segment(f"{title} ({value})" if title in double else title, value)
        for title, value in zip(titles, values, strict=True)
    )


def right_angled(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the affine of a grid; raises WrongGeometry when it is degenerate or skewed."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    usable = np.isfinite(affine).all() and np.abs(affine).max() <= FARTHEST_MM
    if not usable or lengths.min() < SMALLEST_MM:
        raise WrongGeometry("the file has no usable orientation")
    angles = (affine[:3, :3] / lengths).T @ (affine[:3, :3] / lengths) - np.eye(3)
    if np.abs(angles).max() > RIGHT_ANGLE:
        raise WrongGeometry("the axes of the file are not at right angles")
    return affine


def says_nothing(affine: NDArray[np.float64]) -> tuple[str, ...]:
    """Return the doubt that a matrix is what tools write which know of no geometry.

    That is voxels of 1 × 1 × 1 mm along the axes of the patient, of either sign, the first at 0.
    """
    if np.abs(np.abs(affine) - np.eye(4)).max() > NOTHING:
        return ()
    return (
        "the header says nothing of where and how large: voxels of 1 × 1 × 1 mm from 0, as tools "
        "write that lost the geometry",
    )


def as_voxels(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Return int16 where the values fit it unscaled, else float32; raises UnreadableFile."""
    unscaled = slope == 1.0 and intercept == 0.0
    if unscaled and stored.dtype.kind != "f" and stored.min() >= -32768 and stored.max() <= 32767:
        return stored.astype(np.int16, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        exact = stored if unscaled else stored.astype(np.float64) * slope + intercept
        values = exact.astype(np.float32, copy=False)
    require_finite(values)
    return values


def series_of_file(
    format_name: str,
    path: Path,
    size: tuple[int, int, int],
    affine: NDArray[np.float64],
    *,
    findings: tuple[str, ...],
    doubts: tuple[str, ...],
    content: Path,
) -> Series:
    """Return the Series of a file without patient, date, modality or unit.

    Args:
        doubts: findings for which volumes must be withheld.
        content: the file whose SHA-256 is the series' UID.
    """
    i, j, k = (float(n) for n in np.linalg.norm(affine[:3, :3], axis=0))
    report = GeometryReport(
        spacing_mm=(i, j, k),
        orientation=orientation_of(affine),
        gap_min_mm=k,
        gap_max_mm=k,
        grade="withheld" if doubts else "good",
        findings=(*doubts, *findings),
        established=established_by_file(format_name),
    )
    with content.open("rb") as file:
        uid = hashlib.file_digest(file, "sha256").hexdigest()
    files = tuple(dict.fromkeys([path, content]))
    return Series(
        uid, "", "", "", path.name, None, Identity(), files, report, size, affine,
        format=format_name,
    )  # fmt: skip


def label_format(
    kind: str,
    grid_of: Callable[[Path, Watch], LabelGrid],
    *,
    says: Callable[[Opened], bool],
    may_be: Callable[[Opened], bool],
) -> LabelFormat:
    """Return the format of label files that are read whole.

    Args:
        grid_of: reads one; raises UnreadableFile, WrongGeometry, or BadInput for no labels.
        says: whether a file says that it is labels; may_be: whether a person may say so.
    """

    def source(file: Opened) -> LabelSource:
        grid = grid_of(file.path, Watch())
        i, j, k = grid.layers[0].shape
        return LabelSource(
            file.path, kind, "", "", tuple(s.name for s in grid.segments),
            size=(i, j, k), affine=tuple(grid.affine.ravel().tolist()),
            values=tuple(s.value for s in grid.segments),
        )  # fmt: skip

    def masks(source: LabelSource, volume: Volume, watch: Watch) -> tuple[Mask, ...]:
        return grid_of(source.path, watch.part(0.0, 0.3)).masks(volume, watch.part(0.3, 1.0))

    return LabelFormat(kind, {}, says, source, masks, may_be=may_be)
