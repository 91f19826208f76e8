"""The window names days and pages where the command line counts visits and names verbs."""

from datetime import date

import pytest

from organtwin.core.case import Visit
from organtwin.ui.wording import in_window

VISITS = (Visit(0.0, date(2024, 1, 8), "a"), Visit(45.0, date(2024, 2, 22), "b"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("visit 1 may be of another patient", "day 45 (2024-02-22) may be of another patient"),
        ("visit 7 is gone", "visit 7 is gone"),
        (
            "look with `organtwin identify CASE --visit 1`, then decide there",
            "decide on its card on the Import page: Same patient or Another patient",
        ),
        ("run `organtwin update --visit 0`", "use the Update page"),
        ("run `organtwin mesh` first", "use the Mesh page first"),
        ("run `organtwin doctor`", "run `organtwin doctor`"),
    ],
)
def test_that_visits_are_days_and_verbs_are_pages(said: str, told: str) -> None:
    assert in_window(said, VISITS) == told


def test_that_visits_of_one_day_are_counted_from_one() -> None:
    alike = (Visit(0.0, None, "a"), Visit(0.0, None, "b"))
    assert in_window("visit 1: 12 mL", alike) == "day 0, visit 2 of 2: 12 mL"
