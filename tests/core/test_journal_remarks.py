"""Remarks in the journal: entries of their own, and nothing where there are none."""

from __future__ import annotations

import json

from organtwin.core.journal import FIRST_LINK, Done, JournalEntry, Summary, link_of, read_entry

REMARK = {"structure": "liver", "what": "is cut off", "place_mm": [1.0, 2.0, 3.0]}


def entry(done: Done) -> JournalEntry:
    return JournalEntry(1, "2026-01-01T00:00:00+00:00", "tester", 0, "c", done, FIRST_LINK, "")


def test_that_remarks_come_back_from_an_entry() -> None:
    body = entry(Done("segment", remarks=(REMARK,), changed=("liver",))).body()
    read = read_entry(body, link_of(body))
    assert read.done.remarks == (REMARK,)
    assert read.body() == body


def test_that_an_entry_without_remarks_is_as_it_was_before_there_were_any() -> None:
    body = entry(Done("segment")).body()
    assert not {"remarks", "changed"} & set(json.loads(body)["done"])
    assert read_entry(body, link_of(body)).body() == body


def test_that_a_summary_is_a_line_that_knows_more() -> None:
    said = Summary("liver 9.0 mL", [REMARK], ["liver"])
    assert said == "liver 9.0 mL"
    assert (said.remarks, said.changed) == ((REMARK,), ("liver",))
