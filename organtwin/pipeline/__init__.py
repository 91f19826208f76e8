"""The river, written down once: DICOM → Volume → LabelMap → OrganMesh → Simulation → TwinState →
Comparison → Report.

Each step takes a Case and returns a new Case and one line that says what it did; `run_step` makes
the journal's entry of it. The keyword arguments of a step are its form: JSON values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from organtwin.core.case import Case, ObjectStore
from organtwin.core.journal import Done
from organtwin.core.registry import chosen
from organtwin.core.watch import Watch
from organtwin.pipeline import (
    cutting,
    editing,
    identifying,
    imaging,
    planning,
    posing,
    propagating,
    recist,
    scoring,
    twin,
)
from organtwin.pipeline.running import Step, run

SOLVER = ("dolfinx-solver-real",)

STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step(
            "import",
            "Import images",
            imaging.import_images,
            ("pydicom",),
            decides_identity=True,
            private=("path",),
        ),
        Step(
            "identify",
            "Decide whose a visit is",
            identifying.identify,
            quick=True,
            decides_identity=True,
        ),
        Step("acknowledge", "Acknowledge a geometry", imaging.acknowledge, quick=True),
        Step(
            "label",
            "Take labels from a file",
            imaging.read_label_file,
            ("pydicom", "highdicom"),
            private=("path",),
        ),
        Step("segment", "Segment", imaging.segment, ("SimpleITK", "scipy", "scikit-image")),
        Step("propagate", "Carry labels to a visit", propagating.propagate, ("SimpleITK", "scipy")),
        Step("edit", "Edit labels", editing.edit, ("numpy", "scipy"), quick=True),
        Step("structure", "Change the list of structures", editing.structure, quick=True),
        Step("mark", "Mark how far a structure is", editing.mark, quick=True),
        Step("targets", "Choose target lesions", recist.choose_targets, quick=True),
        Step("mesh", "Mesh", imaging.mesh, ("scipy", "vtk", "mmgpy")),
        Step("cut", "Cut the mesh", cutting.cut, ("scipy",)),
        Step("believe", "Draw the prior belief", twin.believe, SOLVER),
        Step("register", "Register a visit", twin.register, ("SimpleITK",)),
        Step("score", "Score the forecasts of a visit", scoring.score),
        Step("update", "Update the belief", twin.update, ("scipy", *SOLVER)),
        Step("deform", "Deform the organ", planning.deform, SOLVER),
        Step("pose", "Turn the patient, insufflate the abdomen", posing.pose, SOLVER),
        Step("grow", "Grow the tumours", planning.grow, SOLVER),
        Step("plan", "Draw up scenarios", planning.plan, ("scipy",)),
        Step("compare", "Compare scenarios", planning.compare, ("scipy", *SOLVER)),
        Step("decide", "Record a decision", planning.decide, quick=True),
    )
}


def is_quick(step: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a step takes milliseconds, so that the window may run it itself."""
    if step not in STEPS or not STEPS[step].quick:
        return False
    return step != "edit" or editing.is_quick(arguments)


def run_step(
    name: str, case: Case, store: ObjectStore, *, arguments: Mapping[str, Any], watch: Watch
) -> tuple[Case, Done]:
    """Run a step by name; returns the new Case and what the journal shall say of it.

    Raises:
        BadArgument: no such step, or arguments it does not take.
        OrganTwinError: as the step says; nothing was changed.
    """
    step: Step = chosen(STEPS, name, "step")
    return run(step, case, store, arguments=arguments, watch=watch)


__all__ = ["STEPS", "Step", "is_quick", "run_step"]
