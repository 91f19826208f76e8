"""Registration: where each point of the baseline frame lies at a later visit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only
from organtwin.core.volume import checked_affine


@noun
@dataclass(frozen=True, eq=False)
class Registration:
    """Maps a baseline point x (LPS mm) to the visit: y = rigid·x + displacement(x).

    Args:
        rigid: (4, 4) float64, baseline LPS mm → visit LPS mm.
        displacement_mm: (ni, nj, nk, 3) float32, on a grid of the baseline frame, LPS mm, added
            after the rigid part; beyond the grid that of its nearest point.
        affine: (4, 4) float64, index of that grid → baseline LPS mm.
        method: how it was found, with its settings, one line.
        residual_mm: what the method could not explain (its own measure), mm.
    """

    rigid: NDArray[np.float64]
    displacement_mm: NDArray[np.float32]
    affine: NDArray[np.float64]
    method: str
    residual_mm: float

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        object.__setattr__(self, "rigid", checked_affine(self.rigid))
        object.__setattr__(self, "displacement_mm", read_only(self.displacement_mm, np.float32))
        object.__setattr__(self, "affine", checked_affine(self.affine))

    @classmethod
    def identity(cls) -> Registration:
        """Return the registration of the baseline to itself."""
        zero: NDArray[Any] = np.zeros((1, 1, 1, 3), dtype=np.float32)
        return cls(np.eye(4), zero, np.eye(4), "identity", 0.0)
