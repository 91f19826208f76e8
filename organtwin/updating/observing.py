"""What a visit says of each tumour: its volume in the baseline frame, with its noise."""

from __future__ import annotations

from organtwin.core.content import encode, identity
from organtwin.core.labelmap import LabelMap
from organtwin.core.observation import Observation
from organtwin.organs import Organ


def observe(labels: LabelMap, *, day: float, organ: Organ) -> tuple[Observation, ...]:
    """Return one Observation for each tumour that has voxels, in order of label.

    Args:
        labels: the visit's labels in the baseline frame (`carried`).
        day: days since the baseline visit.
        organ: says how noisy a measured volume is, and where that is from.
    """
    labels_id = identity(encode(labels))
    return tuple(
        Observation(
            structure.name,
            float(day),
            labels.volume_ml(structure.name),
            organ.volume_relative_sd,
            organ.noise_source,
            labels_id,
        )
        for structure in labels.of_kind("tumour")
        if labels.mask(structure.name).any()
    )
