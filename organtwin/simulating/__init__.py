"""Asks the solvers: what they offer, a job in its own process, a Simulation out of its answer.

::

    catalogue()             what the solvers offer
    growth_simulation()     a tumour, for an ensemble of parameters
    deformation_simulation() an organ under load
    run_job()               any job of the contract
    distance_to()           signed distance to a labelled structure, finer than its voxels
"""

from organtwin.simulating.catalogue import Catalogue, Model, Offer, catalogue
from organtwin.simulating.deformation import (
    Loads,
    attached_nodes,
    deformation_simulation,
    turned_gravity,
)
from organtwin.simulating.distance import DistanceGrid, distance_to
from organtwin.simulating.growth import Resolution, Treatment, growth_simulation
from organtwin.simulating.job import JobAnswer, job_for
from organtwin.simulating.runner import Limits, run_job

__all__ = [
    "Catalogue",
    "DistanceGrid",
    "JobAnswer",
    "Limits",
    "Loads",
    "Model",
    "Offer",
    "Resolution",
    "Treatment",
    "attached_nodes",
    "catalogue",
    "deformation_simulation",
    "distance_to",
    "growth_simulation",
    "job_for",
    "run_job",
    "turned_gravity",
]
