"""Arrays as JSON values, for small pictures between two processes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """Return an array of any shape as JSON values; `unpacked` gives it back."""
    code = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "bytes": code}


def unpacked(said: Mapping[str, Any]) -> NDArray[Any]:
    """Return the array that was packed, read-only, C order."""
    content = base64.b64decode(said["bytes"])
    return np.frombuffer(content, dtype=said["dtype"]).reshape(said["shape"])
