"""Growth and deformation through the real solvers, on a small block of tissue."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from organtwin.core.errors import BadArgument, SolverFailed
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import Ensemble
from organtwin.core.simulation import Simulation
from organtwin.core.watch import Watch
from organtwin.organs import organ, tumour
from organtwin.simulating import (
    Loads,
    Resolution,
    Treatment,
    catalogue,
    deformation_simulation,
    growth_simulation,
    supports_of,
    turned_gravity,
)
from solvers.contract import Event
from tests.phantoms import LIVER, ball, painted

HALF_MM, CELLS, RADIUS_MM = 36.0, 12, 12.0
LIVER_ORGAN = organ("liver")
TUMOUR = tumour(1, "liver")
SETTINGS = Resolution(edge_mm=5.0, refine_radius_mm=6.0, step_days=5.0)
ENSEMBLE = Ensemble(
    ("diffusion_mm2_per_day", "proliferation_per_day", "baseline_volume_ratio"),
    ("mm²/day", "1/day", "1"),
    np.array([[0.1, 0.02, 1.0], [0.05, 0.01, 1.1]]),
)


def block(count: int = CELLS) -> OrganMesh:
    """A cube of 72 mm cut into six tetrahedra a cell (Kuhn 1960)."""
    line = np.linspace(-HALF_MM, HALF_MM, count + 1)
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    strides = np.array([(count + 1) ** 2, count + 1, 1])
    cells = np.stack(np.meshgrid(*[np.arange(count)] * 3, indexing="ij"), -1).reshape(-1, 3)
    orders = [(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)]
    paths = []
    for number, order in enumerate(orders):
        steps = np.cumsum([0, *(strides[axis] for axis in order)])
        paths.append(steps if number < 3 else steps[[0, 2, 1, 3]])
    corner = cells @ strides
    tetrahedra = (corner[:, None, None] + np.array(paths)).reshape(-1, 4)
    inside = np.linalg.norm(points[tetrahedra].mean(axis=1), axis=1) < RADIUS_MM
    return OrganMesh(
        points, tetrahedra, np.where(inside, TUMOUR.label, LIVER.label), (LIVER, TUMOUR)
    )


def labels() -> LabelMap:
    shapes = {LIVER: lambda p: np.abs(p).max(axis=-1) < HALF_MM, TUMOUR: ball((0, 0, 0), RADIUS_MM)}
    return painted(shapes, half_mm=(40, 40, 40), spacing_mm=(1.5, 1.5, 1.5))


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


def grown(jobs: Path, treatment: Treatment | None = None, start_day: float = 0.0) -> Simulation:
    return growth_simulation(
        block(),
        labels(),
        "tumour-1",
        ENSEMBLE,
        organ=LIVER_ORGAN,
        days=[start_day, start_day + 45.0],
        folder=jobs,
        watch=Watch(),
        start_day=start_day,
        treatment=treatment,
        resolution=SETTINGS,
    )


def test_that_the_catalogue_lists_the_organs_own_models() -> None:
    offer = catalogue()
    needed = {p.name for p in offer.offer("tumour").model(LIVER_ORGAN.growth).parameters}
    assert needed == {prior.parameter for prior in LIVER_ORGAN.priors}
    assert LIVER_ORGAN.law in offer.offer("deformation").models


def test_that_the_start_has_about_the_labelled_volume(jobs: Path) -> None:
    """Within the 10 % a mesh of 5 mm costs a ball of 12 mm; `predicted_volumes` takes it out."""
    volumes = grown(jobs).quantities["volume_ml"]
    assert volumes[:, 0] == pytest.approx(labels().volume_ml("tumour-1"), rel=0.10)


def test_that_the_front_moves_at_about_its_own_speed(jobs: Path) -> None:
    """5/√6 √(Dρ) (Ablowitz & Zeppetella 1979) less up to D (2/R) for the curvature of a ball."""
    volumes = grown(jobs).quantities["volume_ml"][0]
    radius = np.cbrt(3.0 * volumes * 1000.0 / (4.0 * np.pi))
    flat = 5.0 / np.sqrt(6.0) * np.sqrt(0.1 * 0.02)
    assert flat - 2.5 * 0.1 / RADIUS_MM < (radius[1] - radius[0]) / 45.0 < 1.02 * flat


def test_that_a_simulation_counts_days_from_the_baseline(jobs: Path) -> None:
    assert grown(jobs, start_day=90.0).days.tolist() == [90.0, 135.0]


def test_that_the_same_growth_later_is_the_same_job(jobs: Path) -> None:
    assert grown(jobs, start_day=90.0).job == grown(jobs).job


def test_that_an_event_is_counted_from_the_baseline(jobs: Path) -> None:
    """Half the cells of a full tumour regrow by the logistic law from 0.5 to expit(0.02 · 45)."""
    halved = Treatment((Event("scale_density", 90.0, 0.5),))
    mass = grown(jobs, halved, start_day=90.0).quantities["mass_ml"][0]
    untreated = grown(jobs).quantities["mass_ml"][0]
    assert mass[1] / mass[0] > 0.8 * expit(0.02 * 45.0)
    assert mass[1] < untreated[1]


def test_that_a_missing_parameter_is_named(jobs: Path) -> None:
    bare = Ensemble(("diffusion_mm2_per_day",), ("mm²/day",), np.array([[0.1]]))
    with pytest.raises(BadArgument, match="proliferation_per_day"):
        growth_simulation(
            block(),
            labels(),
            "tumour-1",
            bare,
            organ=LIVER_ORGAN,
            days=[45.0],
            folder=jobs,
            watch=Watch(),
        )


def test_that_a_value_out_of_bounds_is_the_solvers_own_words(jobs: Path) -> None:
    wild = Ensemble(ENSEMBLE.parameters, ENSEMBLE.units, np.array([[1e6, 0.02, 1.0]]))
    with pytest.raises(SolverFailed, match="diffusion_mm2_per_day"):
        growth_simulation(
            block(),
            labels(),
            "tumour-1",
            wild,
            organ=LIVER_ORGAN,
            days=[45.0],
            folder=jobs,
            watch=Watch(),
        )


def test_that_an_organ_sags_the_way_gravity_turns(jobs: Path) -> None:
    """From lying on the back (down is +y) to the left side (down is +x)."""
    mesh = block(6)
    sagged = deformation_simulation(
        mesh,
        LIVER_ORGAN,
        loads=Loads(gravity_mm_per_s2=turned_gravity((0, 1, 0), (1, 0, 0))),
        folder=jobs,
        watch=Watch(),
    )
    moved = sagged.fields["displacement_mm"][0]
    assert moved[:, 0].mean() > 0.1
    assert moved[:, 1].mean() < 0.0
    held = np.linalg.norm(moved[np.unique(supports_of(mesh, LIVER_ORGAN)[0].faces)], axis=1)
    assert held.mean() < np.linalg.norm(moved, axis=1).mean()


def test_that_a_pressure_without_faces_is_refused(jobs: Path) -> None:
    with pytest.raises(BadArgument):
        deformation_simulation(
            block(), LIVER_ORGAN, loads=Loads(pressure_kpa=1.0), folder=jobs, watch=Watch()
        )


def test_that_turned_gravity_is_new_minus_old() -> None:
    assert turned_gravity((0, 2, 0), (3, 0, 0)) == pytest.approx((9806.65, -9806.65, 0.0))
