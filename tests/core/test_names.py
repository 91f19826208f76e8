"""One rule for names of structures."""

import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.names import checked_name

KNOWN = ("liver", "Ösophagus")


@pytest.mark.parametrize(
    "name",
    ["", " ", "a\nb", "x\u200e", "a/b", " liver", "x" * 65, "Background", "Liver", "ösophagus",
     "O\u0308sophagus", "tumor-1", "Tumour 2", "tumour-01", 5],
)  # fmt: skip
def test_that_what_would_mislead_is_no_name(name: object) -> None:
    with pytest.raises(BadArgument):
        checked_name(name, KNOWN, where="seeds")


@pytest.mark.parametrize("name", ["liver", "Ösophagus", "tumour-12", "tumour", "segment 4a"])
def test_that_plain_names_pass(name: str) -> None:
    assert checked_name(name, KNOWN, where="seeds") == name


def test_that_a_tumour_written_otherwise_is_told_its_name() -> None:
    with pytest.raises(BadArgument) as refused:
        checked_name("Tumor_3", where="seeds")
    assert '"tumour-3"' in refused.value.advice
