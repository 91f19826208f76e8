"""A slice of a visit's image with the outlines of its structures and of what is removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.volume import Volume, spacing_of, to_index
from organtwin.organs import Window
from organtwin.reporting import look
from organtwin.reporting.images import pixels
from organtwin.reporting.scene import Grid
from organtwin.reporting.solids import distances_mm

Plane = Literal["axial", "coronal", "sagittal"]
AXES: dict[str, tuple[NDArray[np.float64], NDArray[np.float64], str]] = {
    "axial": (np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), "RLAP"),
    "coronal": (np.array([1.0, 0, 0]), np.array([0, 0, -1.0]), "RLSI"),
    "sagittal": (np.array([0, 1.0, 0]), np.array([0, 0, -1.0]), "APSI"),
}
"""LPS directions to the right and down of each plane's picture, and the letters of its left,
right, upper and lower edge: the patient's right is on the left, as radiologists look."""


def slice_picture(
    volume: Volume,
    labels: LabelMap,
    point_mm: Sequence[float],
    *,
    window: Window,
    plane: Plane = "axial",
    removed: Grid | None = None,
    title: str = "",
    field_mm: float = 0.0,
    size_px: int = 900,
) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8: the slice through a point, drawn in LPS directions.

    Args:
        point_mm: LPS mm, a point of the slice.
        window: grey levels, in the volume's unit.
        removed: as in `Scene`; its border is dashed.
        field_mm: edge of the square shown about the point; 0 shows all but the black around
            the patient.

    Raises:
        BadArgument: the point lies outside the image.
    """
    centre = np.array(point_mm, dtype=np.float64)
    inside = to_index(volume.affine, centre)
    if (inside < -0.5).any() or (inside > np.array(volume.voxels.shape) - 0.5).any():
        raise BadArgument(f"the point {tuple(point_mm)} lies outside the image", where=plane)
    right, down, letters = AXES[plane]
    points, extent = _lattice(volume, centre, (right, down), field_mm)
    grey = _sample(volume.voxels, volume.affine, points, order=1)
    if field_mm <= 0.0:
        points, extent, grey = _trimmed(points, extent, grey, window)
    figure = look.new_figure(size_px / 150, size_px / 150 * _aspect(extent) + 0.75)
    height = float(figure.get_figheight())
    axes = figure.add_axes((0, 0.42 / height, 1, 1 - 0.75 / height))
    low, high = window.centre - window.width / 2, window.centre + window.width / 2
    greys = "gray_r" if volume.inverted else "gray"
    axes.imshow(grey, cmap=greys, vmin=low, vmax=high, extent=extent, interpolation="bilinear")
    shown = _outlines(axes, labels, points, extent)
    if removed is not None:
        distance = distances_mm(removed, points.reshape(-1, 3), beyond=np.nan).reshape(
            points.shape[:2]
        )
        axes.contour(
            distance.reshape(points.shape[:2]), [0.0], extent=extent, origin="upper",
            colors=["#ff5a4d"],
            linewidths=1.8, linestyles="--",
        )  # fmt: skip
    _marks(axes, letters, extent, str(window.name))
    axes.set_axis_off()
    figure.text(0.01, 1 - 0.16 / height, title, fontsize=10, fontweight="bold", color=look.INK,
                va="center", parse_math=False)  # fmt: skip
    handles = [Patch(facecolor=s.colour, label=s.name) for s in shown]
    if removed is not None:
        handles.append(Patch(facecolor="#ff5a4d", label="border of what is removed"))
    figure.legend(
        handles=handles, loc="lower center", ncols=min(len(handles), 6), frameon=False,
        fontsize=7.5, handlelength=1.0, columnspacing=1.2, labelcolor=look.INK,
    )  # fmt: skip
    return pixels(figure)


def _lattice(
    volume: Volume,
    centre: NDArray[np.float64],
    directions: tuple[NDArray[np.float64], NDArray[np.float64]],
    field_mm: float,
) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Return points (rows, columns, 3) LPS mm of the picture and its extent in mm."""
    counts = np.array(volume.voxels.shape) - 1
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * counts
    box = corners @ volume.affine[:3, :3].T + volume.affine[:3, 3] - centre
    step = max(min(spacing_of(volume.affine)), 0.5)
    lines = []
    for direction in directions:
        along = box @ direction
        low, high = float(along.min()), float(along.max())
        if field_mm > 0.0:
            low, high = max(low, -field_mm / 2), min(high, field_mm / 2)
        lines.append(np.arange(low, high + 0.5 * step, step))
    x, y = lines
    points = centre + x[None, :, None] * directions[0] + y[:, None, None] * directions[1]
    return points, (float(x[0]), float(x[-1]), float(y[-1]), float(y[0]))


def _trimmed(
    points: NDArray[np.float64],
    extent: tuple[float, float, float, float],
    grey: NDArray[np.float32],
    window: Window,
) -> tuple[NDArray[np.float64], tuple[float, float, float, float], NDArray[np.float32]]:
    """Cut off the rows and columns around the patient that would be all but black."""
    seen = grey > window.centre - 0.45 * window.width
    rows = np.flatnonzero(seen.mean(axis=1) > 0.02)
    columns = np.flatnonzero(seen.mean(axis=0) > 0.02)
    if len(rows) < 2 or len(columns) < 2:
        return points, extent, grey
    pad = 8
    r = slice(max(int(rows[0]) - pad, 0), int(rows[-1]) + pad + 1)
    c = slice(max(int(columns[0]) - pad, 0), int(columns[-1]) + pad + 1)
    x = np.linspace(extent[0], extent[1], grey.shape[1])[c]
    y = np.linspace(extent[3], extent[2], grey.shape[0])[r]
    return points[r, c], (float(x[0]), float(x[-1]), float(y[-1]), float(y[0])), grey[r, c]


def _aspect(extent: tuple[float, float, float, float]) -> float:
    return abs(extent[3] - extent[2]) / max(abs(extent[1] - extent[0]), 1e-6)


def _sample(
    array: NDArray[Any], affine: NDArray[np.float64], points: NDArray[np.float64], *, order: int
) -> NDArray[np.float32]:
    index = np.moveaxis(to_index(affine, points), -1, 0)
    low = np.floor(index.reshape(3, -1).min(axis=1)).astype(int) - 1
    high = np.ceil(index.reshape(3, -1).max(axis=1)).astype(int) + 2
    cuts = tuple(
        slice(max(a, 0), max(min(b, n), max(a, 0) + 1))
        for a, b, n in zip(low, high, array.shape, strict=True)
    )
    start = np.array([cut.start for cut in cuts])[:, None, None]
    part = np.asarray(array[cuts], dtype=np.float32)
    result: NDArray[np.float32] = ndimage.map_coordinates(
        part, index - start, order=order, mode="nearest"
    )
    return result


def _outlines(
    axes: Any,
    labels: LabelMap,
    points: NDArray[np.float64],
    extent: tuple[float, float, float, float],
) -> list[Structure]:
    """Draw each structure's outline, softened by half a voxel; return those that were met."""
    met = []
    for structure in sorted(labels.structures, key=lambda s: s.label):
        share = _sample(labels.mask(structure.name), labels.affine, points, order=1)
        if float(share.max()) < 0.5:
            continue
        axes.contour(
            ndimage.gaussian_filter(share, 0.7), [0.5], extent=extent, origin="upper",
            colors=[structure.colour], linewidths=1.5,
        )  # fmt: skip
        met.append(structure)
    return met


def _marks(axes: Any, letters: str, extent: tuple[float, float, float, float], window: str) -> None:
    places = ((0.02, 0.5), (0.98, 0.5), (0.5, 0.97), (0.5, 0.03))
    for letter, (x, y) in zip(letters, places, strict=True):
        axes.text(
            x, y, letter, transform=axes.transAxes, color="#ffe680", fontsize=10,
            fontweight="bold", ha="center", va="center",
        )  # fmt: skip
    left, right, bottom, top = extent
    x0, y0 = left + 0.04 * (right - left), bottom + 0.05 * (top - bottom)
    axes.plot([x0, x0 + 50.0], [y0, y0], color="white", lw=2.5, solid_capstyle="butt")
    axes.text(x0, y0 + 0.018 * (top - bottom), "50 mm", color="white", fontsize=7, va="bottom")
    axes.text(
        0.98, 0.03, f"window: {window}", transform=axes.transAxes, color="white", fontsize=7,
        ha="right",
    )  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
