"""What rests on labels that nobody looked at."""

from organtwin.core.case import Case, Visit, Work
from organtwin.pipeline.reviewing import rests_on, used

HELD = {"first": ("liver", "tumour-1"), "second": ("liver",)}
BASELINE = Visit(0.0, None, "image", labels="first", seen=True)
LATER = Visit(45.0, None, "other", labels="second", seen=True)


def test_that_the_baseline_alone_is_said_without_its_day() -> None:
    case = Case("p", visits=(BASELINE,))
    assert rests_on(case, HELD.__getitem__, [0]) == "rests on unreviewed labels (liver, tumour-1)"


def test_that_done_and_reviewed_structures_are_not_said() -> None:
    work = (Work("liver", "done"), Work("tumour-1", "reviewed", "somebody"))
    case = Case("p", visits=(BASELINE,)).with_visit(0, work=work)
    assert rests_on(case, HELD.__getitem__, [0]) == ""


def test_that_later_visits_are_said_by_their_days_once_they_are_seen() -> None:
    case = Case("p", visits=(BASELINE, LATER)).with_visit(0, work=(Work("liver", "carried"),))
    said = "rests on unreviewed labels (day 0: liver, tumour-1; day 45: liver)"
    assert rests_on(case, HELD.__getitem__, used(case)) == said
    assert used(case.with_visit(1, seen=False)) == (0,)
