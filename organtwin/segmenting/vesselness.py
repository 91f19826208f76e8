"""How tube-like the image is at each voxel, and which way the tube runs.

Eigenvalues of the Hessian at several widths: across a bright tube the image curves down twice,
along it hardly (Sato et al., Med Image Anal 1998; Frangi et al., MICCAI 1998). The response is
that of Sato in spirit: the geometric mean of the two curvatures across, less where it curves down
along the tube too (a blob), in the image's own unit by Lindeberg's normalization (sd² times).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.morphology import blurred

SCALES_MM = (1.2, 1.7, 2.4, 3.4)
"""sd of the blurs, each √2 times the last: tubes of about 2 to 7 mm, widest response at sd ≈ r."""


@dataclass(frozen=True)
class Tubes:
    """What was measured at the voxels asked for, in the order of np.nonzero.

    Args:
        response: (n,) float32 in the image's unit, 0 where nothing is tube-like.
        along: (n, 3) float32 unit vectors, array axes i, j, k in mm; the sign means nothing.
    """

    response: Floats
    along: Floats


def tubes(image: Floats, where: Flags, spacing_mm: Spacing) -> Tubes:
    """Measure bright tubes at the voxels `where` (ni, nj, nk) bool of an image, float32."""
    response = np.full(int(where.sum()), -1.0, np.float32)
    along = np.zeros((response.size, 3), np.float32)
    for scale in SCALES_MM:
        curvature, axes = np.linalg.eigh(_hessian(image, scale, where, spacing_mm))
        across = np.sqrt(np.maximum(curvature[:, 0] * curvature[:, 1], 0.0))
        across[curvature[:, 1] >= 0.0] = 0.0
        blob = np.clip(curvature[:, 2] / np.minimum(curvature[:, 1], -1e-6), 0.0, 1.0)
        found = (across * (1.0 - blob)).astype(np.float32)
        better = found > response
        response[better], along[better] = found[better], axes[better, :, 2]
    return Tubes(response, along)


def _hessian(
    image: Floats, scale_mm: float, where: Flags, spacing_mm: Spacing
) -> NDArray[np.float32]:
    """Second derivatives times scale², (n, 3, 3), at the voxels `where`."""
    smooth = blurred(image, scale_mm, spacing_mm)
    matrix = np.empty((int(where.sum()), 3, 3), np.float32)
    for a in range(3):
        slope = np.gradient(smooth, spacing_mm[a], axis=a)
        for b in range(a, 3):
            second = np.gradient(slope, spacing_mm[b], axis=b)[where] * scale_mm**2
            matrix[:, a, b] = matrix[:, b, a] = second
    return matrix
