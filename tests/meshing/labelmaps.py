"""Label maps of known shape, and the real liver of the shared images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import to_lps
from organtwin.meshing import Sizes
from organtwin.organs import tumour
from organtwin.organs.liver import ORGAN

LIVER_MM = np.array([70.0, 50.0, 40.0])
TUMOURS = ((np.array([-30.0, -10.0, 0.0]), 10.0), (np.array([25.0, -15.0, 10.0]), 8.0))
TUBE_RADIUS_MM = 6.0
STRUCTURES = (*ORGAN.structures[:2], tumour(1, "liver"), tumour(2, "liver"))
ORGAN_SIZES = Sizes(vessel_radius_mm=4.0, smallest_edge_mm=1.5, organ_alone=True)
SHARED = Path(__file__).parents[3] / "shared" / "data"


def phantom(
    affine: np.ndarray | None = None,
    tube_radius_mm: float = TUBE_RADIUS_MM,
    tube_y_mm: float = 20.0,
) -> LabelMap:
    """Ellipsoid liver about LPS (0, 0, 0), two spherical tumours, a tube along x."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine.copy()
    span = np.abs(np.linalg.inv(affine[:3, :3])) @ (LIVER_MM + 6.0)
    size = np.ceil(2 * span).astype(int) + 2
    affine[:3, 3] = -affine[:3, :3] @ ((size - 1) / 2)
    at = to_lps(affine, np.stack(np.indices(size), axis=-1))
    labels = np.zeros(size, dtype=np.uint8, order="F")
    liver = ((at / LIVER_MM) ** 2).sum(-1) < 1
    labels[liver] = 1
    tube = np.hypot(at[..., 1] - tube_y_mm, at[..., 2]) < tube_radius_mm
    labels[liver & tube & (abs(at[..., 0]) < 40)] = 2
    for number, (centre, radius) in enumerate(TUMOURS):
        labels[((at - centre) ** 2).sum(-1) < radius**2] = 101 + number
    return LabelMap(labels, affine, STRUCTURES)


def with_tumour(voxels: slice | tuple[slice, ...], label: int = 101) -> LabelMap:
    """The phantom whose first tumour is exactly the given voxels."""
    whole = phantom()
    labels = np.where(np.isin(whole.labels, [101, 102]), 1, whole.labels).astype(np.uint8)
    labels[voxels] = label
    return LabelMap(np.asfortranarray(labels), whole.affine, STRUCTURES[:3])


def real_liver() -> LabelMap:
    """The liver of the abdomen CT at 3 mm."""
    path = SHARED / "totalseg-abdomen-3mm" / "organs_v1" / "liver.nii.gz"
    if not path.is_file():
        pytest.skip(f"the shared images are not at {SHARED}")
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    labels = np.asfortranarray((sitk.GetArrayFromImage(image) > 0).transpose(2, 1, 0))
    return LabelMap(labels.astype(np.uint8, order="F"), affine, ORGAN.structures[:1])
