"""What the window keeps of a case in memory, and what it reads beside the event loop."""

from pathlib import Path

import numpy as np

from organtwin.casefolder import CaseFolder
from organtwin.core.case import Case
from organtwin.core.labelmap import LabelMap
from organtwin.ui.fetch import Kept, bytes_of, slow
from tests.editing.test_steps import first_case, paint

LABELS = LabelMap(np.zeros((10, 10, 10), np.uint8, order="F"), np.eye(4), ())


def test_that_what_is_kept_is_bounded_by_its_bytes() -> None:
    assert bytes_of(LABELS) == 1000 + 16 * 8
    kept, read = Kept(most_bytes=3000), list[str]()

    def get(name: str) -> LabelMap:
        read.append(name)
        return LABELS

    for name in ("a", "b", "c", "c", "b", "a"):
        kept.get(get, name)
    assert read == ["a", "b", "c", "a"]


def test_that_one_object_is_kept_whatever_its_size() -> None:
    kept = Kept(most_bytes=10)
    assert kept.get(lambda _: LABELS, "a") is LABELS


def test_that_edited_labels_are_read_beside_the_event_loop(tmp_path: Path) -> None:
    with CaseFolder.create(tmp_path / "case", Case("P")) as folder:
        first_case(folder)
        whole = folder.case.visits[0].labels
        paint(folder)
        change = folder.case.visits[0].labels
        assert slow(folder.objects, ("", whole, change)) == (change,)
