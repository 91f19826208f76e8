"""Where a piece of one image lies in another: every shift is tried, the best are refined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage, signal

from organtwin.core.errors import MisplacedLabel
from organtwin.core.watch import Watch
from organtwin.updating.bending import Compared

COARSE_MM: Final = 6.0
CONTEXT_MM: Final = 25.0
"""How far around the organ the images are compared: ribs, spine and lung tell where it lies."""
LEAST_SHARE: Final = 0.6
"""Of the piece that has to lie inside the other image."""
STARTS: Final = 3
APART_MM: Final = 30.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """A rigid motion from one image to the other, and the correlation of the images there."""

    rigid: sitk.Euler3DTransform
    likeness: float


def shifts(
    piece: Floats, mask: NDArray[np.bool_], image: Floats, there: NDArray[np.bool_]
) -> Floats:
    """Return the correlation of a piece with an image at every shift in voxels.

    Masked normalised cross-correlation by Fourier transforms (Padfield 2012,
    10.1109/TIP.2011.2181402), -1 where less than `LEAST_SHARE` of the piece is in the image.

    Args:
        piece: (a, b, c), compared where `mask` is.
        image: (i, j, k), known where `there` is.

    Returns:
        (i + a - 1, …): index n is a shift of the piece by n - (a - 1).
    """
    piece, image = piece - piece[mask].mean(), image - image[there].mean()
    f, m, g, w = piece * mask, mask.astype(float), image * there, there.astype(float)

    def along(first: Floats, second: Floats) -> Floats:
        found: Floats = signal.correlate(first, second, mode="full", method="fft")
        return found

    count = np.maximum(along(w, m), 1.0)
    sum_f, sum_g = along(w, f), along(g, m)
    spread_f = along(w, f * f) - sum_f**2 / count
    spread_g = along(g * g, m) - sum_g**2 / count
    both = along(g, f) - sum_f * sum_g / count
    least = 1e-3 * count * max(float(piece[mask].var()), 1e-9)
    sure = (count >= LEAST_SHARE * mask.sum()) & (spread_f > least) & (spread_g > least)
    result = np.full(both.shape, -1.0)
    result[sure] = both[sure] / np.sqrt(spread_f[sure] * spread_g[sure])
    return result


def find(pair: Compared, watch: Watch) -> Found:
    """Return the rigid motion that brings what is masked in one image to its like in another.

    Every shift over the whole of the other image is a start, so that another table position or
    field of view does not matter; the best few, well apart, are refined by gradient descent on the
    correlation, turns too.

    Args:
        pair: on isotropic grids of one spacing along the LPS axes, mm.

    Raises:
        MisplacedLabel: no place where enough of the piece is in the image.
        Stopped: asked to.
    """
    watch.tell(0.0, "looking for the organ")
    fixed, mask = _array(pair.fixed), _array(pair.fixed_mask) > 0
    alike = shifts(fixed, mask, _array(pair.moving), _array(pair.moving_mask) > 0)
    spacing = float(pair.fixed.GetSpacing()[0])
    offset = np.array(pair.moving.GetOrigin()) - np.array(pair.fixed.GetOrigin())
    found: list[Found] = []
    for number, index in enumerate(_peaks(alike, APART_MM / spacing)):
        watch.tell(0.3 + 0.7 * number / STARTS, f"place {number + 1} of {STARTS}")
        shift = (np.array(index) - (np.array(fixed.shape) - 1)) * spacing + offset
        rigid = sitk.Euler3DTransform()
        rigid.SetCenter(_centre(pair.fixed_mask))
        rigid.SetTranslation([float(x) for x in shift])
        found.append(refined(pair, rigid))
    if not found:
        raise MisplacedLabel(
            "the labelled structures are nowhere in the other image",
            where="propagate",
            advice="choose images of the same part of the same patient",
        )
    return max(found, key=lambda f: f.likeness)


def refined(pair: Compared, rigid: sitk.Euler3DTransform) -> Found:
    """Return a rigid motion after gradient descent on the correlation where the masks are."""
    method = sitk.ImageRegistrationMethod()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(pair.fixed_mask)
    method.SetMetricMovingMask(pair.moving_mask)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.02, 60)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(rigid, inPlace=True)
    method.Execute(pair.fixed, pair.moving)
    return Found(rigid, -float(method.GetMetricValue()))


def _peaks(likeness: Floats, apart: float) -> list[tuple[int, int, int]]:
    """Return the indices of the highest few values that lie `apart` voxels from each other."""
    left, reach = likeness.copy(), int(np.ceil(apart))
    found = []
    for _ in range(STARTS):
        i, j, k = map(int, np.unravel_index(int(np.argmax(left)), left.shape))
        if left[i, j, k] <= 0.0:
            break
        found.append((i, j, k))
        left[tuple(slice(max(n - reach, 0), n + reach + 1) for n in (i, j, k))] = -1.0
    return found


def _centre(mask: sitk.Image) -> list[float]:
    index = ndimage.center_of_mass(sitk.GetArrayViewFromImage(mask) > 0)[::-1]
    return [
        float(o + n * s) for o, n, s in zip(mask.GetOrigin(), index, mask.GetSpacing(), strict=True)
    ]


def _array(image: sitk.Image) -> Floats:
    """(i, j, k) float64."""
    return np.asarray(sitk.GetArrayFromImage(image), np.float64).T
