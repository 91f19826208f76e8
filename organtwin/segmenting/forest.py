"""How sure a join between vessel pieces is, when every piece hangs on some vessel.

A faint join is hardly believed beside a good one, but must be right where there is no other. Of all
ways to hang pieces together without a circle (spanning forests), each as likely as the product of
its joins' odds, the share that has a join follows from Kirchhoff's theorem: its odds times the
resistance between its ends in a network of conductances that are these odds (Kirchhoff 1847; Lyons
and Peres, Probability on Trees and Networks, 2016, chapter 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
LEAK = 1e-6
"""Conductance to earth of each piece: what hangs on nothing is a tree of its own."""


def share_with(joins: NDArray[np.int64], log_odds: Numbers, count: int) -> Numbers:
    """Share (m,) of all spanning forests that have each join; 1 where nothing else holds a part.

    Args:
        joins: (m, 2) pairs of pieces below `count`; a pair may stand there more than once.
        log_odds: (m,) of each join beside the others, from -14 to 8 as used.
    """
    a, b = joins.T
    odds = np.exp(np.clip(log_odds, -14.0, 8.0))
    network = np.zeros((count, count))
    np.subtract.at(network, (a, b), odds)
    np.subtract.at(network, (b, a), odds)
    network[np.diag_indices(count)] = LEAK - network.sum(axis=1)
    potential = np.linalg.inv(network)
    resistance = potential[a, a] + potential[b, b] - 2.0 * potential[a, b]
    share: Numbers = np.clip(odds * resistance, 0.0, 1.0)
    return share
