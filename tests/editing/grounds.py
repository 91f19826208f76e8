"""Labels to edit, on grids that are anisotropic, oblique or left-handed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from organtwin.core.canvas import Canvas
from organtwin.core.change import Change
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure
from organtwin.core.volume import GeometryReport, Volume, to_lps
from organtwin.editing import changed_by, edit

CODE = CodedTerm("", "99ORGANTWIN", "a thing")
GREY = (0.5, 0.5, 0.5)
LIVER = Structure("liver", 1, "organ", CODE, GREY)
VEIN = Structure("vein", 2, "vessel", CODE, GREY, "liver")
LESION = Structure("lesion", 101, "tumour", CODE, GREY, "liver")
KIDNEY = Structure("kidney", 11, "other", CODE, GREY)
SIZE = (48, 44, 40)
OBLIQUE = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()


def affine(
    spacing_mm: Sequence[float] = (1.0, 1.0, 1.0), turn: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Centred on the origin."""
    made = np.eye(4)
    made[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(spacing_mm)
    made[:3, 3] = -made[:3, :3] @ ((np.array(SIZE) - 1) / 2)
    return made


LEFT_HANDED = np.diag([1.0, 1.0, -1.0])
AFFINES = {
    "even": affine(),
    "anisotropic": affine((0.8, 1.1, 1.7)),
    "oblique": affine((0.9, 0.9, 1.5), OBLIQUE),
    "left-handed": affine((1.0, 0.9, 1.3), OBLIQUE @ LEFT_HANDED),
}


def places(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(ni, nj, nk, 3) LPS mm of every voxel centre."""
    return to_lps(at, np.stack(np.meshgrid(*map(np.arange, SIZE), indexing="ij"), axis=-1))


def ball_mask(at: NDArray[np.float64], centre_mm: Sequence[float], radius_mm: float) -> Any:
    return ((places(at) - np.array(centre_mm)) ** 2).sum(-1) <= radius_mm**2


def labelled(
    masks: dict[Structure, Any], at: NDArray[np.float64] = AFFINES["even"], **more: Any
) -> LabelMap:
    values = np.zeros(SIZE, np.uint8, order="F")
    for structure, mask in masks.items():
        values[mask] = structure.label
    return LabelMap(values, at, tuple(masks), **more)


def nothing(at: NDArray[np.float64] = AFFINES["even"]) -> LabelMap:
    """Structures without voxels."""
    return LabelMap(np.zeros(SIZE, np.uint8, order="F"), at, (LIVER, VEIN, LESION, KIDNEY))


def image(values: Any, at: NDArray[np.float64] = AFFINES["even"]) -> Volume:
    return Volume(
        np.asfortranarray(values, np.int16), at, "HU", "CT", GeometryReport((1.0, 1.0, 1.0), "LPS")
    )


def done(labels: LabelMap, tool: str, volume: Volume | None = None, **arguments: Any) -> LabelMap:
    """Labels after one gesture; they are those before where nothing changed."""
    canvas = Canvas(labels)
    change: Change | None = changed_by(edit(tool), canvas, volume, arguments)
    if change is not None:
        canvas.apply(change)
    return canvas.labels


def same(one: LabelMap, other: LabelMap) -> bool:
    def below(labels: LabelMap) -> list[Any]:
        return [(b.label, b.start, b.voxels.tolist()) for b in labels.beneath]

    return (
        np.array_equal(one.labels, other.labels)
        and one.structures == other.structures
        and below(one) == below(other)
    )
