"""Three scenarios to begin with: resect, ablate, wait under chemotherapy."""

from __future__ import annotations

from organtwin.actions.infuse import ACTION as INFUSE
from organtwin.comparing.anatomy import Anatomy, anatomy_of
from organtwin.comparing.plane_search import resection_plane
from organtwin.comparing.probe_path import probe_to
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action, Scenario
from organtwin.core.volume import Volume

RESECT, ABLATE, WAIT = "resect along a plane", "ablate", "wait under chemotherapy"
DOSES, INTERVAL_DAYS = 12.0, 14.0
"""A half-year course, a dose every two weeks: set your own."""


def suggested(
    labels: LabelMap,
    day: float,
    *,
    organ: str = "liver",
    tumour: str = "tumour-1",
    volume: Volume | None = None,
    anatomy: Anatomy | None = None,
    resection_margin_mm: float = 10.0,
    ablation_margin_mm: float = 5.0,
) -> tuple[Scenario, ...]:
    """Return three scenarios that start on `day`, all aimed at one tumour.

    Args:
        labels: what they are planned on.
        volume: the CT of the labels' frame; with it the probe starts at the skin.
        anatomy: of those labels, when it is at hand.
        resection_margin_mm: least distance from the tumour to the cut (≥ 1 cm: hazard ratio of
            death 0.82, PubMed 26198997, read through a mirror).
        ablation_margin_mm: least distance from the tumour to the zone's border (over 5 mm: 16 to
            47 points less local progression, repository.ubn.ru.nl/handle/2066/301258).

    Raises:
        BadArgument: there is no such organ or tumour.
    """
    anatomy = anatomy or anatomy_of(labels, organ)
    plane = resection_plane(anatomy, tumour, margin_mm=resection_margin_mm)
    probe = probe_to(anatomy, tumour, margin_mm=ablation_margin_mm, volume=volume)
    resect = Action("resect", day, {"point_mm": plane.point_mm, "normal": plane.normal})
    ablate = Action(
        "ablate",
        day,
        {
            "probe": "microwave probe",
            "entry_mm": probe.entry_mm,
            "target_mm": probe.target_mm,
            "zone_along_mm": probe.along_mm,
            "zone_across_mm": probe.across_mm,
        },
    )
    infuse = INFUSE.checked(Action("infuse", day, {"doses": DOSES, "interval_days": INTERVAL_DAYS}))
    return (
        Scenario(RESECT, day, (resect,)),
        Scenario(ABLATE, day, (ablate,)),
        Scenario(WAIT, day, (Action("wait", day), infuse)),
    )
