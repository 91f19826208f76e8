"""Labels carried from visit to visit, and what may not be made of them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case, Visit
from organtwin.core.errors import BadArgument, BadInput
from organtwin.core.journal import Done
from organtwin.core.watch import Watch
from organtwin.importing import image_at, labels_at
from organtwin.organs import organ
from organtwin.pipeline import run_step
from organtwin.pipeline.propagating import refuse_carried
from tests.segmenting.abdomen import dice
from tests.updating.test_registration import Attended, attended, unbent

SMALL = 0.6
SAMPLE = Path(__file__).parents[2] / "sample_dicom"


@pytest.fixture(scope="module")
def later() -> Attended:
    return attended(unbent, 14.0, 2, scale=SMALL)


@pytest.fixture(scope="module")
def done(
    later: Attended, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[CaseFolder, str]]:
    first = attended(lambda p: p, 10.0, 1, scale=SMALL)
    with CaseFolder.create(tmp_path_factory.mktemp("case") / "case", Case("P")) as folder:
        labels = folder.put(first.labels)
        visits = (
            Visit(0.0, date(2026, 1, 1), folder.put(first.volume), labels, seen=True),
            Visit(30.0, date(2026, 1, 31), folder.put(later.volume)),
        )
        case = Case("P", visits=visits)
        folder.append(case, Done("made"))
        case, journal = run_step("propagate", case, folder, arguments={"visit": 1}, watch=Watch())
        folder.append(case, journal)
        yield folder, journal.summary


def do(folder: CaseFolder, name: str, **arguments: Any) -> Case:
    return run_step(name, folder.case, folder, arguments=arguments, watch=Watch())[0]


def test_that_labels_are_carried_to_a_visit(done: tuple[CaseFolder, str], later: Attended) -> None:
    folder, summary = done
    labels = folder.get(folder.case.visits[1].labels)
    assert dice(labels.mask("liver"), later.labels.mask("liver")) > 0.97
    assert "carried, not measured" in summary


def test_that_a_carried_tumour_is_no_observation(done: tuple[CaseFolder, str]) -> None:
    with pytest.raises(BadInput, match="carried, not measured"):
        do(done[0], "register", visit=1)


def test_that_it_counts_once_a_person_says_that_it_is_right(done: tuple[CaseFolder, str]) -> None:
    after = do(done[0], "mark", visit=1, structure="tumour-1", state="done")
    refuse_carried(after, done[0], [0, 1])


def test_that_no_person_says_carried(done: tuple[CaseFolder, str]) -> None:
    with pytest.raises(BadArgument, match="no state"):
        do(done[0], "mark", visit=1, structure="liver", state="carried")


def test_that_labels_there_are_not_replaced_unasked(done: tuple[CaseFolder, str]) -> None:
    with pytest.raises(BadArgument, match="labels already"):
        do(done[0], "propagate", visit=1)


def test_that_no_visit_is_carried_to_itself(done: tuple[CaseFolder, str]) -> None:
    with pytest.raises(BadArgument, match="from one visit to another"):
        do(done[0], "propagate", visit=1, start=1)


def test_that_no_labels_come_from_a_held_visit(done: tuple[CaseFolder, str]) -> None:
    case = done[0].case.with_visit(1, held=("sex differs",))
    with pytest.raises(BadInput, match="another patient"):
        run_step("propagate", case, done[0], arguments={"visit": 0, "start": 1}, watch=Watch())


@pytest.mark.slow
def test_that_the_sample_patients_liver_is_followed() -> None:
    from organtwin.updating import follow, propagated

    volumes, maps = [], []
    for day in ("day000", "day135"):
        volumes.append(image_at(SAMPLE / "images" / day, None, "CT", Watch()))
        truth = SAMPLE / "truth" / f"{day}_seg.dcm"
        maps.append(labels_at(truth, organ("liver"), on=volumes[-1], watch=Watch())[0])
    found = follow(volumes[0], maps[0], volumes[1], watch=Watch())
    carried = propagated(maps[0], found.registration, volumes[1])
    assert dice(carried.mask("liver"), maps[1].mask("liver")) > 0.98
    assert dice(carried.mask("portal-vein"), maps[1].mask("portal-vein")) > 0.75
