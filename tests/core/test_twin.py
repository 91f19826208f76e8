"""Scores of forecasts."""

import numpy as np
import pytest

from organtwin.core.twin import crps


def test_that_crps_of_one_sample_is_its_distance() -> None:
    assert crps(np.array([3.0]), 5.0) == pytest.approx(2.0)


def test_that_crps_of_a_normal_agrees_with_its_closed_form() -> None:
    """Gneiting & Raftery 2007, eq. 5: at the mean, sigma (sqrt(2/pi) - 1/sqrt(pi)) = 0.23370."""
    samples = np.random.default_rng(1).standard_normal(200_000)
    assert crps(samples, 0.0) == pytest.approx(0.23370, abs=2e-3)
