from __future__ import annotations

from types import SimpleNamespace

from organtwin.core.case import Visit
from organtwin.core.journal import Done
from organtwin.ui.remarked import look_at, remarks_of

SUMMARY = "visit 0: liver 900.0 mL; look: liver is cut off at (1, 2, 3) mm; a note; look: the rest"


def test_that_remarks_are_those_of_the_step_that_made_the_labels() -> None:
    made = Done("segment", {}, outputs=("labels",), summary=SUMMARY)
    entries = [SimpleNamespace(done=made), SimpleNamespace(done=Done("mark", {}, summary="x"))]
    found = remarks_of(Visit(0.0, None, "volume", "labels"), entries)
    assert found == ("liver is cut off at (1, 2, 3) mm", "the rest")
    assert remarks_of(Visit(0.0, None, "volume", "others"), entries) == ()


def test_that_a_page_shows_the_first_few() -> None:
    assert look_at("abcdef").splitlines()[-2:] == ["Look: d", "and 2 more in the journal"]
    assert look_at("") == ""
