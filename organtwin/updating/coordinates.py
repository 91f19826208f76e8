"""Parameters in coordinates without bounds: the logarithm of what must be positive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.parameter import Belief, Ensemble


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Maps an ensemble's parameters to (n, p) numbers without bounds and back.

    Args:
        logarithmic: (p,) bool: True where the prior is lognormal.
    """

    parameters: tuple[str, ...]
    units: tuple[str, ...]
    logarithmic: NDArray[np.bool_]

    @classmethod
    def of(cls, belief: Belief) -> Coordinates:
        """Return those of a belief; raises BadArgument when a parameter has no prior."""
        shapes = {prior.parameter: prior.shape for prior in belief.priors}
        missing = [name for name in belief.ensemble.parameters if name not in shapes]
        if missing:
            raise BadArgument(f"no prior for {', '.join(missing)}", where=belief.structure)
        names = belief.ensemble.parameters
        logarithmic = np.array([shapes[name] == "lognormal" for name in names])
        return cls(names, belief.ensemble.units, logarithmic)

    def free(self, ensemble: Ensemble) -> NDArray[np.float64]:
        """Return (n, p) without bounds."""
        members = ensemble.members
        positive = np.where(self.logarithmic, members, 1.0)
        if not (positive > 0.0).all():
            raise BadArgument("a lognormal parameter must be positive")
        result: NDArray[np.float64] = np.where(self.logarithmic, np.log(positive), members)
        return result

    def ensemble(self, free: NDArray[np.float64]) -> Ensemble:
        """Return the ensemble at (n, p) coordinates."""
        exponent = np.where(self.logarithmic, free, 0.0)
        members = np.where(self.logarithmic, np.exp(exponent), free)
        return Ensemble(self.parameters, self.units, members)
