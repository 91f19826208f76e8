"""Questions about growth with known answers: closed forms, exact fronts, a spectral solution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct
from scipy.integrate import solve_ivp
from scipy.linalg import solve_banded

from solvers.contract import Event
from solvers.course import Course, State
from solvers.growth import Growth, growth_model
from solvers.growth.clones import with_clones
from solvers.refinement import Mesh
from solvers.timeline import timeline
from solvers.treatments import check_treatments, factor_of, rates_of
from tests.solvers.growing import REACTIONS, RHO, SPEEDS, VALUES, D
from tests.solvers.meshes import box_mesh

Reals = NDArray[np.float64]
EXACT = 1e-12
"""Tolerance of linear solves where their error must not be seen."""
STILL = {**VALUES, "proliferation_per_day": 0.0}
LQ = {"alpha_per_gy": 0.05, "alpha_beta_gy": 10.0}
DRUG = {"sensitivity_per_day@drug": 0.5, "clearance_per_day@drug": 9.242}


def grown(
    model: Growth,
    mesh: Mesh,
    start: Reals,
    days: Sequence[float],
    *,
    step: float,
    values: Mapping[str, Any] = VALUES,
    events: Sequence[Event] = (),
    tolerance: float = EXACT,
) -> list[State]:
    """Return the states of one tumour on `days`, through the whole solver."""
    check_treatments(events)
    course = Course(mesh, timeline(days, events, step), tolerance=tolerance)
    return list(course.march(course.member(model, values, events), start))


def bar(h_mm: float, length_mm: float = 60.0, jitter: float = 0.15, across: int = 0) -> Mesh:
    """A bar along x of irregular tetrahedra with edges of about `h_mm`, 6 mm or `across` thick."""
    count = across or round(6.0 / h_mm)
    thick = count * h_mm
    cuts = (round(length_mm / h_mm), count, count)
    return box_mesh((length_mm, thick, thick), cuts, jitter=jitter)


def position_mm(state: State, length_mm: float) -> float:
    """Return where the front would be if it were a step: the density's length."""
    weights = state.terrain.volumes_mm3
    held = state.density[state.terrain.nodes]
    return float(weights @ held / weights.sum()) * length_mm


def error(state: State, reference: Reals) -> float:
    """Return the relative L2 error of all species against (species, n)."""
    weights = state.terrain.volumes_mm3
    at = state.terrain.nodes
    off, whole = state.species[:, at] - reference[:, at], reference[:, at]
    return float(math.sqrt((off**2 @ weights).sum() / (whole**2 @ weights).sum()))


def minimal_front() -> Callable[[Reals], Reals]:
    """Return Fisher-KPP's front of the least speed, 2 √(D ρ), over z in √(D/ρ), 1/2 at z = 0.

    U'' + 2 U' + U (1 - U) = 0, left along the unstable direction of U = 1: exp((√2 - 1) z).
    """
    mu, small = math.sqrt(2.0) - 1.0, 1e-9
    found = solve_ivp(
        lambda _, y: [y[1], -2.0 * y[1] - y[0] * (1.0 - y[0])],
        (0.0, 110.0),
        [1.0 - small, -small * mu],
        rtol=1e-11,
        atol=1e-16,
        method="DOP853",
        dense_output=True,
    )
    z = np.linspace(0.0, 110.0, 40_000)
    u = found.sol(z)[0]
    middle = float(np.interp(-0.5, -u, z))
    return lambda at: np.interp(at + middle, z, np.maximum(u, 0.0), left=1.0)


def minimal_speed(h_mm: float, step: float) -> tuple[float, float]:
    """R1: measured and exact speed in mm/day of the front of least speed over 200 days."""
    mesh, model = bar(h_mm, 90.0, across=1), growth_model("fisher_kpp")
    start = minimal_front()((mesh.points_mm[:, 0] - 15.0) / math.sqrt(D / RHO))
    first, last = grown(model, mesh, start, (0.0, 200.0), step=step)
    speed = (position_mm(last, 90.0) - position_mm(first, 90.0)) / 200.0
    return speed, 2.0 * math.sqrt(D * RHO)


def bramson_mm(day: float) -> float:
    """Return how far a front has come from a step start, up to a constant, ever better with time.

    x = 2 t - 1.5 ln t - 3 √(π/t), t in 1/ρ, x in √(D/ρ): Bramson 1983; Graham 2017,
    arXiv 1712.02472.
    """
    t = day * RHO
    return (2.0 * t - 1.5 * math.log(t) - 3.0 * math.sqrt(math.pi / t)) * math.sqrt(D / RHO)


def stepped_speed(h_mm: float, step: float, days: tuple[float, float]) -> float:
    """R2: mean speed in mm/day between two days of a front from a step start."""
    length = 50.0 + 0.145 * days[1]
    mesh, model = bar(h_mm, length, across=1), growth_model("fisher_kpp")
    start = np.where(mesh.points_mm[:, 0] < 15.0 + 0.5 * h_mm, 1.0, 0.0)
    first, last = grown(model, mesh, start, days, step=step)
    return (position_mm(last, length) - position_mm(first, length)) / (days[1] - days[0])


def plain_speed(days: tuple[float, float]) -> float:
    """Return the same speed by explicit differences along a line, extrapolated from two grids."""
    coarse, fine = (_plain_speed(cut, days) for cut in (0.2, 0.1))
    return (4.0 * fine - coarse) / 3.0


def _plain_speed(cut: float, days: tuple[float, float]) -> float:
    """Cells of `cut` √(D/ρ), steps of 0.2 cut²/ρ: no density below 0, the tail exact in sign."""
    first, last = (day * RHO for day in days)
    u = ((np.arange(round((2.0 * last + 50.0) / cut)) + 0.5) * cut < 10.0).astype(float)
    step = 0.2 * cut**2
    half = math.exp(0.5 * step)
    bend, total = np.zeros_like(u), []
    for number in range(round(last / step)):
        if number == round(first / step):
            total.append(u.sum())
        u = u * half / (1.0 + u * (half - 1.0))
        flow = 0.2 * np.diff(u)
        bend[:-1], bend[-1] = flow, 0.0
        bend[1:] -= flow
        u = u + bend
        u = u * half / (1.0 + u * (half - 1.0))
    total.append(u.sum())
    return float(total[1] - total[0]) * cut * math.sqrt(D / RHO) / (days[1] - days[0])


def exact_speed(name: str, h_mm: float, step: float) -> tuple[float, float]:
    """R3 and its like: measured and exact speed in mm/day of a model's exact front, 160 days."""
    mesh, model = bar(h_mm), growth_model(name)
    start = model.profile(mesh.points_mm[:, 0] - 15.0, 0.5, VALUES)
    first, last = grown(model, mesh, start, (20.0, 180.0), step=step)
    return (position_mm(last, 60.0) - position_mm(first, 60.0)) / 160.0, SPEEDS[name]


def variances_mm2(h_mm: float) -> Reals:
    """R4: (3,) variances in mm² of a Gaussian of 3 mm after 60 days, exactly 9 + 2 D t = 21."""
    count = round(40.0 / h_mm)
    mesh = box_mesh((40.0, 40.0, 40.0), (count, count, count))
    away = mesh.points_mm - 20.0
    start = np.exp(-(away**2).sum(axis=1) / 18.0)
    (state,) = grown(growth_model("fisher_kpp"), mesh, start, (60.0,), step=2.0, values=STILL)
    weight = state.terrain.volumes_mm3 * state.density
    return np.asarray(weight @ away**2 / weight.sum())


def evenly(
    density: float,
    days: float,
    *,
    step: float,
    values: Mapping[str, Any],
    events: Sequence[Event] = (),
    agents: Sequence[str] = (),
) -> float:
    """Return what an even density becomes, through the whole solver on an irregular mesh."""
    mesh = bar(2.0, 12.0)
    model = with_clones(growth_model("fisher_kpp"), agents)
    start = model.started(np.full(len(mesh.points_mm), density), values)
    (state,) = grown(model, mesh, start, (days,), step=step, values=values, events=events)
    found = state.density
    return float(found[np.abs(found - found.mean()).argmax()])


def fractions(count: int, at: float) -> list[Event]:
    """Return `count` daily fractions of 2 Gy at the time of day `at` (days)."""
    return [Event("irradiate", day + at, 2.0) for day in range(count)]


def boluses(count: int, at: float) -> list[Event]:
    """Return `count` daily full doses of the drug at the time of day `at` (days)."""
    return [Event("infuse", day + at, agent="drug") for day in range(count)]


def evenly_exact(
    density: float, days: float, values: Mapping[str, Any], events: Sequence[Event]
) -> float:
    """Return the same of sensitive cells by closed forms and an ODE solver, apart from the solver.

    Fractions multiply by exp(-α d - α/(α/β) d²); between them u' = (ρ - s c(t)) u - ρ u² with the
    sum of what the boluses leave, c = Σ exp(-k (t - t0)).
    """
    rho, s, k = (values[name] for name in ("proliferation_per_day", *DRUG))

    def slope(t: float, u: Reals) -> Reals:
        c = sum(math.exp(-k * (t - e.day)) for e in events if e.kind == "infuse" and e.day <= t)
        return np.asarray((rho - s * c) * u - rho * u**2)

    u = density
    for begin, end in pairwise(sorted({0.0, days, *(event.day for event in events)})):
        for event in events:
            if event.kind == "irradiate" and event.day == begin:
                alpha, ratio = values["alpha_per_gy"], values["alpha_beta_gy"]
                u *= math.exp(-alpha * event.amount - alpha / ratio * event.amount**2)
        steps = {"rtol": 1e-11, "atol": 1e-14, "max_step": 0.25}
        u = float(solve_ivp(slope, (begin, end), [u], method="DOP853", **steps).y[0, -1])
    return u


def drift(tolerance: float) -> float:
    """R8: the relative change of mass of a random density over 270 days without growth."""
    mesh = bar(1.0, 12.0)
    start = np.random.default_rng(0).random(len(mesh.points_mm))
    model, values = growth_model("fisher_kpp"), {**STILL, "diffusion_mm2_per_day": 0.4}
    first, last = grown(
        model, mesh, start, (0.0, 270.0), step=0.5, values=values, tolerance=tolerance
    )
    masses = [state.terrain.volumes_mm3 @ state.density for state in (first, last)]
    return float(abs(masses[1] / masses[0] - 1.0))


def gaussian(x_mm: Reals, day: float) -> Reals:
    """Return the exact solution of Gompertz' equation along a line: exp(A(t) - B(t) x²).

    Substituted: B' = -ρ B - 4 D B² and A' = -ρ A - 2 D B, so that with k = 4 D B0/ρ and f = e^ρt
    B = B0/((1 + k) f - k) and A = (A0 - 2 D B0/(ρ (1 + k)) ln((1 + k) f - k))/f.
    """
    level, sharpness = math.log(0.8), 1.0 / 18.0
    k, f = 4.0 * D * sharpness / RHO, math.exp(RHO * day)
    spread = (1.0 + k) * f - k
    a = (level - 2.0 * D * sharpness / (RHO * (1.0 + k)) * math.log(spread)) / f
    return np.asarray(np.exp(a - sharpness / spread * x_mm**2))


def nutrient(cells: Reals, length_mm: float) -> Reals:
    """Return the nutrient of two_species along a line, to fourth order (Numerov).

    s'' = f with f = ((1 + uptake p) s - 1)/reach²: the second difference of s over h² is
    (f before + 10 f + f after)/12.
    """
    weight = (length_mm / len(cells)) ** 2 / 12.0 / VALUES["nutrient_reach_mm"] ** 2
    pull = weight * (1.0 + VALUES["nutrient_uptake"] * cells)
    bands = np.zeros((3, len(cells)))
    bands[0, 1:], bands[2, :-1] = 1.0 - pull[1:], 1.0 - pull[:-1]
    bands[1] = -2.0 - 10.0 * pull
    bands[1, [0, -1]] += 1.0 - pull[[0, -1]]
    return np.asarray(solve_banded((1, 1), bands, np.full(len(cells), -12.0 * weight)))


def starved(u: Reals, fed: Reals) -> Reals:
    """Return (p', n') of two_species without diffusion and treatment."""
    died = VALUES["necrosis_per_day"] * (1.0 - fed) * u[0]
    return np.stack([RHO * fed * u[0] * (1.0 - u[0] - u[1]) - died, died])


def spectral(
    model: Growth,
    start: Callable[[Reals], Reals],
    length_mm: float,
    days: float,
    *,
    events: Sequence[Event] = (),
    values: Mapping[str, Any] = VALUES,
) -> Callable[[Reals], Reals]:
    """Return x mm → (species, n) after `days` by an independent solution along a line.

    256 cosines in space (no flux at the ends), an explicit method of eighth order in time.
    """
    count = 256
    x = (np.arange(count) + 0.5) * length_mm / count
    waves = (np.arange(count) * np.pi / length_mm) ** 2
    share = np.array(model.spreads(values))[:, None]
    alive = np.array(model.living, float)[:, None]
    rates = rates_of(events, values)
    instants = [event for event in events if event.kind in ("scale_density", "irradiate")]

    def slope(t: float, flat: Reals) -> Reals:
        u = flat.reshape(len(share), count)
        bent = idct(-waves * dct(u, norm="ortho"), norm="ortho")
        added = sum(
            r.amount * math.exp(-r.decay_per_day * (t - r.day))
            for r in rates
            if r.day <= t < r.until_day
        )
        if model.name == "two_species":
            reaction = starved(u, nutrient(u[0], length_mm))
        elif model.name == "gompertz":
            reaction = REACTIONS[model.name](np.where(u > values["fewest_density"], u, 1.0))
        else:
            reaction = REACTIONS[model.name](u)
        return np.asarray(share * D * bent + reaction + alive * added * u).ravel()

    marks = sorted({0.0, days, *(e.day for e in events), *(e.until_day or 0.0 for e in events)})
    state = model.started(start(x), values)
    for begin, end in pairwise(mark for mark in marks if mark <= days):
        for event in instants:
            if event.day == begin:
                state = state * factor_of(event, model, values)
        found = solve_ivp(
            slope, (begin, end - 1e-13), state.ravel(), method="DOP853", rtol=1e-9, atol=1e-11
        )
        state = found.y[:, -1].reshape(state.shape)
    weights = dct(state, norm="ortho")
    scale = np.where(np.arange(count) == 0, math.sqrt(1.0 / count), math.sqrt(2.0 / count))
    return lambda at: np.asarray(
        (weights * scale) @ np.cos(np.outer(np.arange(count) * np.pi / length_mm, at))
    )


def answer(name: str, days: float, events: Sequence[Event] = ()) -> tuple[Any, Any, Any]:
    """Return the model, its start along x and its known solution x mm → (species, n) on a bar."""
    model = growth_model(name)
    values = {**VALUES, **LQ, **DRUG}
    if not events:
        values["fewest_density"] = 0.0

    def start(x: Reals) -> Reals:
        if name == "gompertz":
            return gaussian(x, 0.0)
        return np.asarray(model.profile(x - 30.0, 0.5, values))

    if events or name == "two_species":
        return values, start, spectral(model, start, 60.0, days, events=events, values=values)
    if name == "gompertz":
        return values, start, lambda x: gaussian(x, days)[None]
    if name == "logistic":
        return values, start, lambda x: model.reacted(start(x), values, (0.0, days))[None]
    profile = model.profile
    return (
        values,
        start,
        lambda x: profile(x - 30.0 - SPEEDS[name] * days, 0.5, values)[None],
    )


def errors_in_space(
    name: str, edges_mm: Sequence[float], *, step: float, events: Sequence[Event] = ()
) -> list[float]:
    """Return the relative L2 errors against the known solution after 40 days."""
    model = growth_model(name)
    values, start, known = answer(name, 40.0, events)
    found = []
    for h_mm in edges_mm:
        mesh = bar(h_mm)
        x = mesh.points_mm[:, 0]
        (state,) = grown(
            model,
            mesh,
            model.started(start(x), values),
            (40.0,),
            step=step,
            values=values,
            events=events,
        )
        found.append(error(state, known(x)))
    return found


def errors_in_time(
    name: str, steps: Sequence[float], *, events: Sequence[Event] = (), h_mm: float = 1.0
) -> list[float]:
    """Return the relative L2 errors after 40 days against an eighth of the least step."""
    model, mesh = growth_model(name), bar(h_mm, across=2)
    values, start, _ = answer(name if name == "gompertz" else "fisher_kpp", 40.0)
    state = model.started(start(mesh.points_mm[:, 0]), values)
    *found, fine = (
        grown(model, mesh, state, (40.0,), step=step, values=values, events=events)[0]
        for step in (*steps, min(steps) / 8.0)
    )
    return [error(each, fine.species) for each in found]


def orders(errors: Sequence[float]) -> list[float]:
    """Return the powers by which errors fall when edges or steps are halved."""
    return [math.log2(before / after) if after else math.inf for before, after in pairwise(errors)]
