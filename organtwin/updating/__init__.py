"""A visit enters the twin: registered to the baseline, observed, assimilated, scored.

::

    register()          where each baseline point lies at the visit
    follow()            where an earlier visit's labels lie at one that has none; propagated() them
    carried()           the visit's labels in the baseline frame, tumours under the baseline's names
    observe()           one Observation for each tumour
    prior_beliefs()     what is believed before any follow-up
    predicted_volumes() a simulation's volumes as true volumes of the patient's tumour
    forecast()          what a measurement will be; score() how that did; shape_overlap() its shape
    update()            prior to posterior, by one of rules() (one file each)
    recover_stiffness() stiffness from displacements that were seen, with its posterior
"""

from organtwin.updating.bending import Fineness
from organtwin.updating.carrying import carried, propagated, renamed
from organtwin.updating.following import Followed, follow
from organtwin.updating.forecasting import forecast, predicted_volumes
from organtwin.updating.mapping import jacobians, to_baseline, to_visit
from organtwin.updating.observing import observe
from organtwin.updating.priors import BASELINE_RATIO, prior_beliefs
from organtwin.updating.registration import register
from organtwin.updating.rule import (
    DEFAULT_RULE,
    MODEL_RELATIVE_SD,
    BayesRule,
    Evidence,
    Forward,
    rules,
    update,
)
from organtwin.updating.scoring import score, shape_overlap
from organtwin.updating.stiffness import Recovered, recover_stiffness

__all__ = [
    "BASELINE_RATIO",
    "DEFAULT_RULE",
    "MODEL_RELATIVE_SD",
    "BayesRule",
    "Evidence",
    "Fineness",
    "Followed",
    "Forward",
    "Recovered",
    "carried",
    "follow",
    "forecast",
    "jacobians",
    "observe",
    "predicted_volumes",
    "prior_beliefs",
    "propagated",
    "recover_stiffness",
    "register",
    "renamed",
    "rules",
    "score",
    "shape_overlap",
    "to_baseline",
    "to_visit",
    "update",
]
