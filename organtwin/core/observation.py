"""Observation: what one visit says of the organ, with its noise."""

from __future__ import annotations

from dataclasses import dataclass

from organtwin.core.content import noun


@noun
@dataclass(frozen=True)
class Observation:
    """The visible volume of one structure at one visit, in the baseline frame.

    Args:
        structure: which ("tumour-1").
        day: days since the baseline visit.
        volume_ml: measured visible volume.
        relative_sd: standard deviation of its natural logarithm (1): segmentation, registration.
        noise_source: where that comes from.
        labels: id of the LabelMap in the baseline frame it was measured on.
    """

    structure: str
    day: float
    volume_ml: float
    relative_sd: float
    noise_source: str
    labels: str = ""
