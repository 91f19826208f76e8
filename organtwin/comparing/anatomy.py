"""What planning needs of a LabelMap, worked out once for all scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.comparing.surfaces import (
    Box,
    border_density_per_mm,
    box_affine,
    box_around,
    surface_points_mm,
)
from organtwin.comparing.trees import Tree, tree_of
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import spacing_of, voxel_ml_of

BOUNDARY_SD_VOXELS = 0.5
"""Standard deviation of where a segmentation puts a border, in voxels: half a voxel, the whole
border shifted together (an assumption stated beside every interval that rests on it)."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One organ cut out of a LabelMap.

    Args:
        organ: name of the organ's structure.
        box: the part of the LabelMap's grid that all arrays here cover.
        affine: (4, 4) float64, index in the box → LPS mm.
        mask: (ni, nj, nk) bool, the organ with everything inside it.
        border_per_mm: (ni, nj, nk) float32, area of the organ's border per volume (mm²/mm³).
        tumours: name → (ni, nj, nk) bool.
        surfaces_mm: tumour's name → (n, 3) float64 LPS mm points of its border.
        trees: the vessel trees.
    """

    organ: str
    box: Box
    affine: NDArray[np.float64]
    mask: NDArray[np.bool_]
    border_per_mm: NDArray[np.float32]
    tumours: Mapping[str, NDArray[np.bool_]]
    surfaces_mm: Mapping[str, NDArray[np.float64]]
    trees: tuple[Tree, ...]

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return voxel_ml_of(self.affine)

    @property
    def voxel_mm(self) -> float:
        """Edge in mm of a cube of one voxel's volume."""
        return float(np.cbrt(np.prod(spacing_of(self.affine))))

    @property
    def boundary_sd_mm(self) -> float:
        """Standard deviation in mm of a segmented border's place."""
        return BOUNDARY_SD_VOXELS * self.voxel_mm

    def tumour_mask(self) -> NDArray[np.bool_]:
        """Return (ni, nj, nk) bool: all tumours."""
        return np.any([np.zeros_like(self.mask), *self.tumours.values()], axis=0)


def anatomy_of(labels: LabelMap, organ: str) -> Anatomy:
    """Cut one organ out of a LabelMap.

    Raises:
        BadArgument: the LabelMap has no structure of that name.
        EmptyLabel: the organ or one of its tumours has no voxels.
    """
    whole = labels.require(organ)
    box = box_around(whole, 4)
    affine = box_affine(labels.affine, box)
    inside = {s.name for s in labels.inside(organ)}
    tumours = {
        s.name: labels.require(s.name)[box] for s in labels.of_kind("tumour") if s.name in inside
    }
    vessels = {
        s.name: labels.mask(s.name)[box] for s in labels.of_kind("vessel") if s.name in inside
    }
    return Anatomy(
        organ=organ,
        box=box,
        affine=affine,
        mask=whole[box],
        border_per_mm=border_density_per_mm(whole[box], affine),
        tumours=tumours,
        surfaces_mm={name: surface_points_mm(mask, affine) for name, mask in tumours.items()},
        trees=tuple(tree_of(name, mask, affine) for name, mask in vessels.items() if mask.any()),
    )
