"""A plain abdomen of balls and tubes, in HU, for tests: 3 mm voxels, any orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.volume import GeometryReport, Volume

SPACING_MM = 3.0
SHAPE = (104, 76, 56)
LIVER_MM = (-60.0, -5.0, 5.0)
TUMOUR_MM = (-75.0, -5.0, 15.0)


@dataclass(frozen=True)
class Abdomen:
    """The image and the true masks, on the same grid."""

    volume: Volume
    liver: NDArray[np.bool_]
    tumour: NDArray[np.bool_]


def abdomen(
    *, tumour_radius_mm: float = 12.0, seed: int = 1, flipped: bool = False, modality: str = "CT"
) -> Abdomen:
    """Body, wall, spine, lungs, spleen, liver with one dark tumour; noise of 8 HU."""
    half = 0.5 * SPACING_MM * np.array(SHAPE)
    x, y, z = np.meshgrid(
        *(np.arange(n) * SPACING_MM - h for n, h in zip(SHAPE, half, strict=True)), indexing="ij"
    )

    def ball(centre: tuple[float, ...], radii: tuple[float, float, float]) -> NDArray[np.float64]:
        parts = zip((x, y, z), centre, radii, strict=True)
        return np.sqrt(sum(((a - c) / r) ** 2 for a, c, r in parts))

    hu = np.full(SHAPE, -1000.0)
    trunk = np.hypot(x / 145.0, y / 105.0)
    hu[trunk < 1.0] = -100.0
    hu[(trunk < 0.95) & (trunk > 0.87)] = 55.0
    hu[np.hypot(x, y - 60.0) < 20.0] = 300.0
    hu[(z > 62.0) & (trunk < 0.87)] = -800.0
    hu[ball((85.0, 20.0, 10.0), (28.0, 38.0, 38.0)) < 1.0] = 122.0
    liver = (ball(LIVER_MM, (55.0, 62.0, 55.0)) < 1.0) & (trunk < 0.84)
    hu[liver] = 106.0
    tumour = ball(TUMOUR_MM, (tumour_radius_mm,) * 3) < 1.0
    hu[tumour & liver] = 60.0
    random = np.random.default_rng(seed)
    seen = ndimage.gaussian_filter(hu, 0.4) + random.normal(0.0, 8.0, SHAPE)
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = -half
    arrays = [np.rint(seen).astype(np.int16), liver, tumour & liver]
    if flipped:
        arrays = [a[::-1].transpose(2, 0, 1) for a in arrays]
        turn = np.zeros((4, 4))
        turn[2, 0], turn[0, 1], turn[1, 2], turn[3, 3] = 1.0, -1.0, 1.0, 1.0
        turn[0, 3] = SHAPE[0] - 1
        affine = affine @ turn
    report = GeometryReport((SPACING_MM,) * 3, "LPS")
    volume = Volume(np.asfortranarray(arrays[0]), affine, "HU", modality, report)
    return Abdomen(volume, arrays[1], arrays[2])


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Overlap of two masks: 2 |A ∩ B| / (|A| + |B|) (Dice 1945)."""
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())
