"""The door for voxels that hold no number: they are refused, none is filled in by guess."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import UnreadableFile


def require_finite(voxels: NDArray[Any], where: str = "") -> None:
    """Raise UnreadableFile where voxels (ni, nj, nk) hold no number (NaN) or infinity."""
    if voxels.dtype.kind != "f":
        return
    count, first = 0, ""
    for k in range(voxels.shape[2]):
        wrong = ~np.isfinite(voxels[:, :, k])
        if wrong.any():
            i, j = (int(n) for n in np.argwhere(wrong)[0])
            first = first or f"({i}, {j}, {k})"
            count += int(np.count_nonzero(wrong))
    if count:
        raise UnreadableFile(
            f"{count} voxels ({count / voxels.size:.2%}) hold no number (NaN or infinite), "
            f"the first at index {first}",
            where=where,
            advice="write the image with a number everywhere, such as that of air",
        )
