"""How large, how long, how dense a structure is, and how two label maps agree."""

from organtwin.measuring.agreement import Agreement, agreement_of, compared
from organtwin.measuring.diameters import Diameters, Line, diameters_of, stacked_along
from organtwin.measuring.distances import Distances, distances_of
from organtwin.measuring.statistics import Statistics, statistics_of
from organtwin.measuring.surfaces import Shell, shell_of
from organtwin.measuring.volumes import TwoVolumes, volume_of

__all__ = [
    "Agreement",
    "Diameters",
    "Distances",
    "Line",
    "Shell",
    "Statistics",
    "TwoVolumes",
    "agreement_of",
    "compared",
    "diameters_of",
    "distances_of",
    "shell_of",
    "stacked_along",
    "statistics_of",
    "volume_of",
]
