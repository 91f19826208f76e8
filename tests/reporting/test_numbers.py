from dataclasses import replace

import pytest

from organtwin.core.scenario import Quantity
from organtwin.reporting import formatted
from organtwin.reporting.numbers import THIN, short_id


def written(*given: object) -> str:
    """Format a quantity, with plain spaces for thin ones."""
    return formatted(Quantity("name", "liver", *given)).replace(THIN, " ")  # type: ignore[arg-type]


def test_that_an_interval_stands_behind_value_and_unit() -> None:
    assert written(23.4, "mL", 19.8, 28.1, 0.9) == "23.4 mL (90 %: 19.8 to 28.1)"


def test_that_a_wide_interval_takes_the_decimals_away() -> None:
    assert written(1507.44, "mL", 1391.4, 1623.4, 0.9) == "1507 mL (90 %: 1391 to 1623)"


@pytest.mark.parametrize(
    ("value", "text"), [(23.44, "23.4 mL"), (234.4, "234 mL"), (2.344, "2.34 mL"), (0.0, "0.0 mL")]
)
def test_that_without_an_interval_three_digits_are_written(value: float, text: str) -> None:
    assert written(value, "mL") == text


def test_that_a_count_has_neither_unit_nor_decimals() -> None:
    assert written(3.0, "1") == "3"


def test_that_a_negative_margin_has_a_true_minus_sign() -> None:
    assert written(-2.31, "mm", -4.0, -0.6, 0.9) == "−2.3 mm (90 %: −4.0 to −0.6)"


def test_that_nothing_is_written_as_minus_zero() -> None:
    assert written(-0.001, "mm") == "0.00 mm"


def test_that_a_short_id_is_the_head_of_the_long_one() -> None:
    assert short_id("0123456789abcdef") == "01234567"


def test_that_nothing_visible_is_said_in_words() -> None:
    seen = Quantity("visible volume at +90 days", "tumour-1", 0.0, "mL", 0.0, 18.7, 0.9)
    assert formatted(seen).replace(THIN, " ") == "not visible (90 %: up to 18.7 mL)"
    assert formatted(replace(seen, high=0.0)) == "not visible"
    drugged = replace(seen, high=0.0, assumed="drug effect")
    assert formatted(drugged) == "below visibility (drug effect assumed)"


def test_that_an_interval_of_no_width_is_not_written() -> None:
    assert written(100.0, "%", 100.0, 100.0, 0.9) == "100 %"
