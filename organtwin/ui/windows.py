"""Windows an image can be seen through: presets of its organ for CT, automatic for the rest."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.volume import Volume
from organtwin.organs import CT_WINDOWS, Organ, Window

AUTOMATIC: Final = "automatic"
LOOKED_AT: Final = 200_000
PERCENTILES: Final = (1.0, 99.0)


def windows_of(organ: Organ, volume: Volume) -> tuple[Window, ...]:
    """Return the windows of an image, the one to begin with first.

    Those of the organ and of CT in general are in Hounsfield units and so for CT only; any other
    unit gets the automatic window of this very image.
    """
    if volume.unit != "HU":
        return (automatic(volume.voxels), whole_range(volume.voxels))
    own = {window.name for window in organ.windows}
    return (*organ.windows, *(window for window in CT_WINDOWS if window.name not in own))


def automatic(voxels: NDArray[Any]) -> Window:
    """Return the window from the 1st to the 99th percentile of (ni, nj, nk) voxels.

    Looked at: a regular part of about 200 000 voxels.
    """
    low, high = np.percentile(_some(voxels), PERCENTILES)
    return _window(AUTOMATIC, float(low), float(high))


def whole_range(voxels: NDArray[Any]) -> Window:
    """Return the window over all values of the part looked at."""
    some = _some(voxels)
    return _window("whole range", float(some.min()), float(some.max()))


def _window(name: str, low: float, high: float) -> Window:
    width = high - low
    if width <= 0.0:
        width = max(abs(high), 1.0) * 1e-3
    return Window(name, (low + high) / 2.0, width, "percentiles of the image itself")


def _some(voxels: NDArray[Any]) -> NDArray[Any]:
    step = max(1, round((voxels.size / LOOKED_AT) ** (1.0 / 3.0)))
    some: NDArray[Any] = voxels[::step, ::step, ::step]
    return some[np.isfinite(some)] if some.dtype.kind == "f" else some
