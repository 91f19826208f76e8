"""Steps that adapt to a tolerance, and what they say they err by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from solvers.contract import Event
from solvers.course import Course
from solvers.growth import growth_model
from solvers.moves import Member
from solvers.refinement import Mesh
from solvers.scheduling import pilot_of, scheduled
from solvers.timeline import timeline

VALUES = {"diffusion_mm2_per_day": 0.4, "proliferation_per_day": 0.15}
DOSES = (Event("scale_density", 20.375, 0.3), Event("add_rate", 40.0, -0.5, decay_per_day=0.3))


def question(bar: Mesh, step: float) -> tuple[Course, Member, Any]:
    course = Course(bar, timeline((90.0,), DOSES, step), tolerance=1e-10)
    model = growth_model("fisher_kpp")
    return (
        course,
        course.member(model, VALUES, DOSES),
        model.profile(bar.points_mm[:, 0] - 15.0, 0.5, VALUES),
    )


def end(course: Course, member: Member, start: Any) -> Any:
    (state,) = course.march(member, start)
    return state.density


def test_that_steps_adapt_to_the_tolerance_and_tell_their_error(bar: Mesh) -> None:
    course, member, start = question(bar, 10.0)
    fine = end(*question(bar, 0.25))
    schedule = scheduled(course, member, start, tolerance=1e-3)
    found = end(course.rescheduled(schedule.stops), member, start)
    error = float(np.linalg.norm(found - fine) / np.linalg.norm(fine))
    assert error < 1e-3
    assert schedule.error == pytest.approx(error, rel=0.5)


def test_that_a_looser_tolerance_takes_fewer_steps(bar: Mesh) -> None:
    course, member, start = question(bar, 10.0)
    steps = [
        sum(stop.steps for stop in scheduled(course, member, start, tolerance=t).stops)
        for t in (1e-2, 1e-5)
    ]
    assert steps[0] < 0.5 * steps[1]


def test_that_the_pilot_is_the_member_that_grows_quickest(bar: Mesh) -> None:
    course, member, _ = question(bar, 10.0)
    values = [{**VALUES, "proliferation_per_day": rho} for rho in (0.02, 0.1, 0.05)]
    assert pilot_of([course.member(member.model, one) for one in values]) == 1
