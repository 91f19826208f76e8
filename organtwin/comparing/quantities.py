"""Quantities with their intervals, and the organ's rules held against them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from statistics import NormalDist

from organtwin.core.scenario import Quantity
from organtwin.organs import Rule

LEVEL = 0.9
"""Central probability of the intervals quoted."""


def spread(quantity: Quantity, sd: float, *, at_least: float = float("-inf")) -> Quantity:
    """Return the quantity with the central interval of a normal distribution of that sd.

    Args:
        sd: standard deviation in the quantity's unit.
        at_least: no bound goes below this.

    An sd that is nothing beside the value gives no interval.
    """
    if sd <= 1e-5 * abs(quantity.value):
        return quantity
    reach = NormalDist().inv_cdf(0.5 + LEVEL / 2.0) * sd
    low = max(quantity.value - reach, at_least)
    return replace(quantity, low=low, high=quantity.value + reach, level=LEVEL)


def sourced(quantities: Iterable[Quantity], inputs: tuple[str, ...]) -> tuple[Quantity, ...]:
    """Return the quantities with the ids of the objects they were computed from added."""
    return tuple(replace(q, inputs=tuple(dict.fromkeys(q.inputs + inputs))) for q in quantities)


def broken_rules(
    quantities: Iterable[Quantity], rules: Iterable[Rule], *, contact: str
) -> tuple[str, ...]:
    """Return one warning for each rule whose minimum a quantity, or its interval, goes below.

    Args:
        contact: "cut" or "zone": which of the margin rules holds.
    """
    margin = {"cut": "minimal resection margin", "zone": "minimal ablation margin"}
    names: Callable[[str], str] = lambda name: (  # noqa: E731
        margin.get(contact, name) if name == "minimal margin" else name
    )
    found = []
    for quantity in quantities:
        for rule in rules:
            if rule.quantity == names(quantity.name):
                found += _broken(quantity, rule)
    return tuple(found)


def _broken(quantity: Quantity, rule: Rule) -> list[str]:
    what = f"{rule.quantity} of {quantity.structure}"
    least = f"{rule.minimum:g} {rule.unit} ({rule.source})"
    value = f"{quantity.value:.1f} {quantity.unit}"
    if quantity.value < rule.minimum:
        return [f"{what} is {value}, below {least}"]
    if quantity.low is not None and quantity.low < rule.minimum:
        reach = f"interval reaches {quantity.low:.1f} {quantity.unit}"
        return [f"{what} is {value} but may be below {least}: {reach}"]
    return []
