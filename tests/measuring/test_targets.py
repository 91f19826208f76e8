"""Sums of target diameters: the rules of RECIST 1.1 in plain numbers."""

import pytest

from organtwin.core.errors import BadArgument
from organtwin.measuring import Diameters, Line
from organtwin.measuring.targets import Sum, Target, checked, largest, sums

ONE, TWO, NODE = Target("a", "liver"), Target("b", "liver"), Target("n", "lymph nodes", node=True)


def sized(long_mm: float, short_mm: float = 5.0, slice_mm: float = 1.0) -> Diameters:
    long, short = (Line((0.0, 0.0, 0.0), (mm, 0.0, 0.0)) for mm in (long_mm, short_mm))
    return Diameters(long, short, long, 2, 0, slice_mm, 1)


def after(*totals: float | None) -> Sum:
    return sums((ONE,), [(30.0 * n, (mm,)) for n, mm in enumerate(totals)])[-1]


@pytest.mark.parametrize(
    ("totals", "response"),
    [
        ((100.0, 71.0), "stable disease"),
        ((100.0, 70.0), "partial response"),  # -30 % of the baseline
        ((100.0, 50.0, 59.9), "partial response"),  # +19.8 % over the smallest
        ((100.0, 50.0, 60.0), "progressive disease"),  # +20 % and 10 mm
        ((20.0, 15.0, 19.0), "stable disease"),  # +27 %, but 4 mm only
        ((100.0, 119.0), "stable disease"),
        ((100.0, 120.0), "progressive disease"),
        ((100.0, 0.0), "complete response"),
        ((100.0, 0.0, 6.0), "progressive disease"),  # back again
        ((100.0, None), "not evaluable"),
        ((100.0,), ""),
    ],
)
def test_that_targets_are_judged_as_the_rules_say(
    totals: tuple[float | None, ...], response: str
) -> None:
    assert after(*totals).response == response


def test_that_changes_are_against_the_first_and_the_smallest_before() -> None:
    found = after(40.0, 20.0, None, 30.0)
    assert found.baseline_percent == pytest.approx(-25.0)
    assert found.nadir_percent == pytest.approx(50.0)


def test_that_a_node_counts_by_its_short_axis_and_is_normal_under_10_mm() -> None:
    assert NODE.size_mm(sized(30.0, 16.0)) == 16.0
    found = sums((ONE, NODE), [(0.0, (20.0, 16.0)), (30.0, (0.0, 9.0))])[-1]
    assert (found.total_mm, found.response) == (9.0, "complete response")


def test_that_the_two_largest_measurable_of_an_organ_are_followed() -> None:
    found = {ONE: sized(12.0), TWO: sized(30.0), Target("c", "liver"): sized(20.0),
             Target("d", "lung"): sized(11.0), Target("e", "lung"): sized(18.0, slice_mm=10.0),
             NODE: sized(40.0, 14.9)}  # fmt: skip
    assert [t.structure for t in largest(found)] == ["b", "c", "d"]


def test_that_targets_the_rules_do_not_allow_are_refused() -> None:
    with pytest.raises(BadArgument, match="more than two in: liver"):
        checked({ONE: sized(20.0), TWO: sized(20.0), Target("c", "liver"): sized(20.0)})
    with pytest.raises(BadArgument, match="a is not measurable"):
        checked({ONE: sized(9.0)})
    with pytest.raises(BadArgument, match="n is pathological, no target"):
        checked({NODE: sized(30.0, 14.0)})
    six = {Target(str(n), str(n)): sized(20.0) for n in range(6)}
    with pytest.raises(BadArgument, match="6 targets"):
        checked(six)
