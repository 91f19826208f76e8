"""Asks the solvers: what they offer, a job in its own process, a Simulation out of its answer.

::

    catalogue()             what the solvers offer
    growth_simulation()     a tumour, for an ensemble of parameters
    deformation_simulation() an organ under load
    unloaded_mesh()         the organ's shape without the loads it was scanned under
    supports_of()           the springs that hold an organ when nobody says otherwise
    run_job()               any job of the contract
    modelled()              displacements that were seen, by the model, for its stiffness
    distance_to()           signed distance to a labelled structure, finer than its voxels
    warped_image(), warped_labelmap(), moved_landmarks()   what a deformation does to them
    starting_density()      what a labelled tumour starts from; density_from_adc(): from an ADC map
    beyond_limits()         where tissue is strained beyond a limit that somebody states
"""

from organtwin.simulating.adc import AdcDensity, density_from_adc
from organtwin.simulating.catalogue import Catalogue, Model, Offer, catalogue
from organtwin.simulating.deformation import (
    Loads,
    deformation_simulation,
    turned_gravity,
    unloaded_mesh,
)
from organtwin.simulating.distance import DistanceGrid, distance_to
from organtwin.simulating.growth import Resolution, Treatment, growth_simulation
from organtwin.simulating.job import JobAnswer, job_for
from organtwin.simulating.loads import (
    BloodPressure,
    Plane,
    RigidSurface,
    Springs,
    Tool,
    blood_pressure,
)
from organtwin.simulating.prescribing import displacement_at, registered_mm
from organtwin.simulating.runner import Limits, run_job
from organtwin.simulating.safety import Marker, StrainLimit, beyond_limits
from organtwin.simulating.seen import Seen, modelled
from organtwin.simulating.starting_density import (
    StartingDensity,
    fisher_front,
    starting_density,
)
from organtwin.simulating.supports import supports_of
from organtwin.simulating.warped import Warped, warped_image, warped_labelmap, warped_labels
from organtwin.simulating.warping import Landmarks, moved_landmarks

__all__ = [
    "AdcDensity",
    "BloodPressure",
    "Catalogue",
    "DistanceGrid",
    "JobAnswer",
    "Landmarks",
    "Limits",
    "Loads",
    "Marker",
    "Model",
    "Offer",
    "Plane",
    "Resolution",
    "RigidSurface",
    "Seen",
    "Springs",
    "StartingDensity",
    "StrainLimit",
    "Tool",
    "Treatment",
    "Warped",
    "beyond_limits",
    "blood_pressure",
    "catalogue",
    "deformation_simulation",
    "density_from_adc",
    "displacement_at",
    "distance_to",
    "fisher_front",
    "growth_simulation",
    "job_for",
    "modelled",
    "moved_landmarks",
    "registered_mm",
    "run_job",
    "starting_density",
    "supports_of",
    "turned_gravity",
    "unloaded_mesh",
    "warped_image",
    "warped_labelmap",
    "warped_labels",
]
