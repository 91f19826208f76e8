"""The density a labelled tumour starts from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, EmptyLabel, MisplacedLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import Ensemble
from organtwin.core.watch import Watch
from organtwin.organs import organ, tumour
from organtwin.simulating import growth_simulation
from organtwin.simulating.starting_density import (
    VISIBLE_PRIOR,
    _parts,
    fisher_front,
    starting_density,
)
from solvers.growth.fisher_kpp import GROWTH
from tests.phantoms import LIVER, ball, painted
from tests.simulating.test_growth import HALF_MM, block

ONE, TWO = tumour(1, "liver"), tumour(2, "liver")


def labels(at: float = 3.0, radius: float = 10.0) -> LabelMap:
    shapes = {
        LIVER: lambda p: np.abs(p).max(axis=-1) < HALF_MM + 10.0,
        ONE: ball((at, 1.0, -2.0), radius),
        TWO: ball((-22.0, -20.0, 18.0), 6.0),
    }
    return painted(shapes, half_mm=(HALF_MM + 12.0,) * 3)


@pytest.fixture(scope="module")
def mesh() -> OrganMesh:
    return block(18)


def test_that_the_front_is_the_growth_models() -> None:
    values = {"diffusion_mm2_per_day": 0.1, "proliferation_per_day": 0.02}
    distance = np.linspace(-20.0, 20.0, 41)
    front = fisher_front(GROWTH.front_width_mm(values), 0.3)
    assert front(distance) == pytest.approx(GROWTH.profile(distance, 0.3, values), rel=1e-12)


def test_that_the_parts_of_a_cell_are_of_equal_volume() -> None:
    places, parts = _parts(2)
    corners = places[parts][..., 1:]
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    assert (len(places), len(parts)) == (35, 64)
    assert volumes == pytest.approx(1.0 / 64.0)


@pytest.mark.parametrize("width", [1.5, 3.0])
def test_that_visible_volume_and_amount_are_the_labels(mesh: OrganMesh, width: float) -> None:
    found = starting_density(
        mesh, labels(), [ONE.name], front=fisher_front(width, 0.4), visible_density=0.4
    )
    assert found.wanted_visible_ml == pytest.approx(found.labelled_ml, rel=0.004)
    assert abs(found.visible_error) < 1e-6
    assert abs(found.mass_error) < 1e-6
    assert abs(found.shift_mm) < 0.5
    assert 0.0 < found.density.min() < found.density.max() <= 1.0
    assert found.covered > 0.99
    assert not found.cut_by_image


def test_that_foci_have_one_front_about_the_nearest(mesh: OrganMesh) -> None:
    front = fisher_front(2.0, 0.5)
    names = [ONE.name, TWO.name]
    both = starting_density(mesh, labels(), names, front=front, visible_density=0.5)
    one, two = (
        starting_density(mesh, labels(), [name], front=front, visible_density=0.5) for name in names
    )
    assert both.labelled_ml == pytest.approx(one.labelled_ml + two.labelled_ml)
    assert both.visible_ml == pytest.approx(one.visible_ml + two.visible_ml, rel=0.01)
    assert np.abs(both.density - np.maximum(one.density, two.density)).max() < 0.05


def test_that_a_tumour_half_outside_is_told_and_one_outside_refused(mesh: OrganMesh) -> None:
    front = fisher_front(2.0, 0.5)
    found = starting_density(mesh, labels(32.0), [ONE.name], front=front, visible_density=0.5)
    assert 0.6 < found.covered < 0.9
    assert abs(found.visible_error) < 2e-3
    with pytest.raises(MisplacedLabel, match="lie inside the mesh"):
        starting_density(mesh, labels(38.0, 7.5), [ONE.name], front=front, visible_density=0.5)


def test_that_a_growth_job_starts_from_it(tmp_path: Path) -> None:
    front = fisher_front(2.2, 0.5)
    begun = starting_density(block(18), labels(), [ONE.name], front=front, visible_density=0.5)
    ensemble = Ensemble(
        ("diffusion_mm2_per_day", "proliferation_per_day"), ("mm²/day", "1/day"),
        np.array([[0.1, 0.02]]),
    )  # fmt: skip
    found = growth_simulation(
        block(18), begun.density, ONE.name, ensemble, organ=organ("liver"), days=[0.0, 20.0],
        folder=tmp_path, watch=Watch(),
    )  # fmt: skip
    assert found.quantities["volume_ml"][0, 0] == pytest.approx(begun.visible_ml, rel=1e-6)
    assert found.quantities["mass_ml"][0, 0] == pytest.approx(begun.mass_ml, rel=1e-6)
    assert found.quantities["mass_ml"][0, 1] > 1.05 * begun.mass_ml
    with pytest.raises(BadArgument, match="density from 0 to 1"):
        growth_simulation(
            block(18), 2.0 * begun.density, ONE.name, ensemble, organ=organ("liver"),
            days=[0.0], folder=tmp_path, watch=Watch(),
        )  # fmt: skip


def test_that_what_makes_no_start_is_refused(mesh: OrganMesh) -> None:
    front = fisher_front(2.0, 0.5)
    with pytest.raises(BadArgument, match="no tumour"):
        starting_density(mesh, labels(), [], front=front, visible_density=0.5)
    with pytest.raises(BadArgument, match="not of the visible density"):
        starting_density(mesh, labels(), [ONE.name], front=front, visible_density=0.4)
    with pytest.raises(EmptyLabel):
        starting_density(mesh, labels(radius=0.1), [ONE.name], front=front, visible_density=0.5)
    with pytest.raises(BadArgument, match="between 0 and 1"):
        fisher_front(2.0, 1.0)


def test_that_the_threshold_has_a_prior_without_a_source() -> None:
    assert VISIBLE_PRIOR.parameter == "visible_density"
    assert VISIBLE_PRIOR.source.startswith("unsourced")
