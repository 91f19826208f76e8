"""A map of absorbed dose, read at the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from solvers.failures import BadInput
from solvers.meshfiles import real_array


def dose_at(
    arrays: Mapping[str, NDArray[Any]], where: str, points_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n,) Gy of the dose map `where` at `points_mm` (n, 3) LPS mm.

    ``<where>_gy`` is (i, j, k) with ``<where>_affine`` (4, 4) from index to LPS mm, as the grid of
    an RT Dose (PS3.3 C.8.8.3), read trilinearly between voxel centres and 0 beyond them; or (n,)
    at the nodes.

    Raises:
        BadInput: missing, of a wrong shape, not finite, negative, without an affine that is a map,
            or of a grid that no node lies in.
    """
    name = f"{where}_gy"
    if name in arrays and arrays[name].ndim == 1:
        return _positive(name, real_array(arrays, name, (len(points_mm),)))
    dose = _positive(name, real_array(arrays, name, (None, None, None)))
    affine = real_array(arrays, f"{where}_affine", (4, 4))
    if abs(np.linalg.det(affine[:3, :3])) < 1e-9 or (affine[3] != (0, 0, 0, 1)).any():
        raise BadInput(f"{where}_affine maps no grid to LPS mm")
    inverse = np.linalg.inv(affine)
    index = points_mm @ inverse[:3, :3].T + inverse[:3, 3]
    if not ((index >= 0.0) & (index <= np.array(dose.shape) - 1.0)).all(axis=1).any():
        raise BadInput(f"{name}: no node of the mesh lies in its grid; are both in the same frame?")
    return np.asarray(ndimage.map_coordinates(dose, index.T, order=1, mode="constant", cval=0.0))


def _positive(name: str, dose: NDArray[np.float64]) -> NDArray[np.float64]:
    if dose.min(initial=0.0) < 0.0:
        raise BadInput(f"{name}: a dose is negative")
    return dose
