"""The least error that an effect of corrected predictions can have, on the models of `debias_intervals.py`.

    python -m benchmarks.debias_bound [--calibration 2000] [--items 4000] [--trials 300] [--seed 4242]
    python -m benchmarks.debias_bound --judge ../shared/judges/debias.py --trials 60 --seed 1
    python -m benchmarks.debias_bound --charges 0.01 0.03 0.056 0.1 0.2

An effect is the difference in means of ``g(prediction)`` between the arms of a trial. All columns but the
sieve know the laws of predictions and truth:

universal
    ``E[g(prediction) | truth] = truth`` for every truth, to 2 % of its spread, of least variance.
smooth
    What the sieve minimises, with the charge of as many pairs: squared conditional bias and mean squared
    residual; the mean and a small shift of the truth are exact.
effect
    Right for this very effect alone, and of least variance: below it comes no g that is unbiased for it.
least
    The same, but with as much bias as lessens the squared error.
known
    The same for a g that need not be learnt: from the new items alone.

The variance is the sum of that of the new items, ``Var(g) / items`` of both arms, and of what calibration
adds at least where nothing is known of the law of predictions given truth (semiparametric bound),
``E[w(truth)^2 Var(g | truth)] / pairs``, where w is the difference of the arms' densities over the density of
the truth. The second table has root mean squared errors over the same draws. With `--judge` the draws are
those of that file; with `--charges` there is one table, of `smooth` with these weights on the residual.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.debias_intervals import EFFECT, GRID, MODELS, TRUTH, Laws
from sigden import SieveCalibration

COLUMNS = ("universal", "smooth", "effect", "least", "known")
NODES = np.linspace(GRID[0], GRID[-1], 241)
BIAS = 0.02  # of the universal correction, relative to the spread of the truth
CONTRAST = 8.0  # as of the sieve: a difference of halves, for calibration and as many new items


@dataclass(frozen=True, eq=False)
class Problem:
    """Quadratic forms of a function g, piecewise linear between the nodes.

    Parameters
    ----------
    conditional : numpy.ndarray, shape (truths, nodes)
        ``conditional @ g`` is ``E[g | truth]``.
    truth, density : numpy.ndarray, shape (truths,)
        Values and law of the truth.
    sampling, calibration : numpy.ndarray, shape (nodes, nodes)
        ``g' sampling g`` is the variance that the new items add to the effect, and so on.
    square, contrast, score, mean : numpy.ndarray
        Of the predictions: mean square, effect, derivative of the mean by a shift of the truth, mean.
    cross : numpy.ndarray, shape (nodes,)
        ``E[g truth]``.
    """

    conditional: Any
    truth: Any
    density: Any
    sampling: Any
    calibration: Any
    square: Any
    contrast: Any
    score: Any
    mean: Any
    cross: Any


def problem(laws: Laws, pairs: int, items: int) -> Problem:
    step = NODES[1] - NODES[0]
    hats = np.maximum(1.0 - np.abs(GRID[:, None] - NODES) / step, 0.0)
    model = laws.model
    joint = laws.all * model.noise.pdf((TRUTH[:, None] - model.slope * GRID) / laws.sigma) / laws.sigma
    density = joint.sum(axis=1)
    keep = density > 1e-14 * density.max()
    given = joint[keep] / density[keep, None]
    shift = round(EFFECT / (TRUTH[1] - TRUTH[0]))
    after = np.roll(density, shift)[keep] / density.sum()
    slope = np.gradient(np.log(np.maximum(density, 1e-300)), TRUTH)[keep]
    density = density[keep] / density.sum()
    conditional = given @ hats
    charge = (after - density) ** 2 / density
    sampling = np.zeros((NODES.size, NODES.size))
    for law in (laws.treated, laws.control):
        law = law / law.sum()
        mean = law @ hats
        sampling += (hats.T @ (law[:, None] * hats) - np.outer(mean, mean)) / (items / 2)
    inside = hats.T @ ((charge @ given)[:, None] * hats)
    calibration = (inside - conditional.T @ (charge[:, None] * conditional)) / pairs
    return Problem(
        conditional,
        TRUTH[keep],
        density,
        sampling,
        calibration,
        hats.T @ (laws.all[:, None] * hats),
        (laws.treated / laws.treated.sum() - laws.control / laws.control.sum()) @ hats,
        -(density * slope) @ conditional,
        density @ conditional,
        (density * TRUTH[keep]) @ conditional,
    )


def least(matrix: Any, right: Any, exact: Any, values: Any) -> Any:
    """Minimiser of ``g' matrix g / 2 - right' g`` under ``exact @ g = values``."""
    k = len(values)
    matrix = matrix + 1e-12 * np.trace(matrix) / len(matrix) * np.eye(len(matrix))
    system = np.block([[matrix, exact.T], [exact, np.zeros((k, k))]])
    return np.linalg.solve(system, np.concatenate([right, values]))[: len(matrix)]


def universal(p: Problem) -> Any:
    """None where no function of the prediction can be right for all truths."""
    mean = p.density @ p.truth
    allowed = BIAS**2 * (p.density @ (p.truth - mean) ** 2)
    low, high, found = -8.0, 2.0, None
    for _ in range(24):
        middle = 0.5 * (low + high)
        g = _penalised(p, 10**middle, np.stack([p.mean]), [mean])
        if p.density @ (p.conditional @ g - p.truth) ** 2 <= allowed:
            low, found = middle, g
        else:
            high = middle
    return found


def effect(p: Problem, matrix: Any, *, biased: bool = False) -> Any:
    """Least variance of one effect, or least squared error."""
    mean = p.density @ p.truth
    if biased:
        matrix = matrix + np.outer(p.contrast, p.contrast)
        return least(matrix, EFFECT * p.contrast, np.stack([p.mean]), [mean])
    return least(matrix, np.zeros(NODES.size), np.stack([p.contrast, p.mean]), [EFFECT, mean])


def smooth(p: Problem, charge: float) -> Any:
    return _penalised(p, charge, np.stack([p.mean, p.score]), [p.density @ p.truth, 1.0])


def _penalised(p: Problem, charge: float, exact: Any, values: Any) -> Any:
    weighted = p.density[:, None] * p.conditional
    matrix = p.conditional.T @ weighted + charge * p.square
    return least(matrix, weighted.T @ p.truth + charge * p.cross, exact, values)


def trials(laws: Laws, number: int, a: argparse.Namespace) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Pairs of calibration, new predictions and who is treated."""
    for trial in range(a.trials):
        generator = np.random.default_rng([a.seed, number, trial, a.calibration])
        pairs = laws.pairs(a.calibration, generator)
        treated = generator.random(a.items) < 0.5
        predictions = laws.draw(laws.control, a.items, generator)
        predictions[treated] = laws.draw(laws.treated, int(treated.sum()), generator)
        yield *pairs, predictions, treated


def judged(case: Any, number: int, a: argparse.Namespace) -> Iterator[tuple[Any, Any, Any, Any]]:
    """The same as the judge draws them."""
    for trial in range(a.trials):
        generator = np.random.default_rng([a.seed, number, trial])
        predictions, truth = case.cal(a.calibration, generator)
        treated = generator.random(a.items) < 0.5
        _, new = case.cal(a.items, generator)
        yield predictions, truth, case.given(new + EFFECT * treated, generator), treated


def sieve(predictions: Any, truth: Any, new: Any) -> Any:
    return SieveCalibration().fit(predictions, truth).predict(new)


def error(p: Problem, g: Any, matrix: Any) -> float:
    """Root mean squared error in expectation."""
    return float(np.sqrt(max(g @ matrix @ g, 0.0) + (p.contrast @ g - EFFECT) ** 2))


def charges(a: argparse.Namespace) -> None:
    """Expected error of `smooth` for each weight of the squared residual."""
    print(line("", a.charges))
    rows = []
    for name in a.model:
        p = problem(Laws(MODELS[name]), a.calibration, a.items)
        rows.append([error(p, smooth(p, charge), p.sampling + p.calibration) for charge in a.charges])
        print(line(name, rows[-1]), flush=True)
    print(line("mean", np.mean(rows, axis=0)))


def judge_of(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("judge", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line(name: str, values: Any) -> str:
    return f"{name:14s}" + "".join(f"{v:11.4f}" if np.isfinite(v) else f"{'none':>11s}" for v in values)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--calibration", type=int, default=2000)
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seed", type=int, default=4242)
    parser.add_argument("--judge", help="file of the judge, for its draws")
    parser.add_argument("--charges", type=float, nargs="+", help="weights of the squared residual")
    a = parser.parse_args()
    warnings.simplefilter("ignore")
    module = judge_of(a.judge) if a.judge else None
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    if a.charges:
        charges(a)
        return
    print(f"{a.calibration} calibration pairs, {a.items} new items, {a.trials} trials, seed {a.seed}")
    print("\nin expectation\n" + " " * 14 + "".join(f"{c:>11s}" for c in COLUMNS))
    corrections, rows = {}, []
    for name in a.model:
        p = problem(Laws(MODELS[name]), a.calibration, a.items)
        both = p.sampling + p.calibration
        always = universal(p)
        corrections[name] = [
            np.full(NODES.size, np.nan) if always is None else always,
            smooth(p, CONTRAST * (round(a.calibration ** (1 / 3)) + 1) / a.calibration),
            effect(p, both),
            effect(p, both, biased=True),
            effect(p, p.sampling, biased=True),
        ]
        rows.append([error(p, g, both) for g in corrections[name][:-1]])
        rows[-1].append(error(p, corrections[name][-1], p.sampling))
        print(line(name, rows[-1]), flush=True)
    print(line("mean", np.mean(rows, axis=0)))
    print("\non the draws\n" + " " * 14 + "".join(f"{c:>11s}" for c in (*COLUMNS, "sieve")))
    rows = []
    for name in a.model:
        number = list(MODELS).index(name)
        laws = Laws(MODELS[name])
        draws = (
            judged(module.Case(list(module.CASES)[number]), number, a) if module else trials(laws, number, a)
        )
        errors = []
        for pairs, truth, new, treated in draws:
            corrected = [np.interp(new, NODES, g) for g in corrections[name]] + [sieve(pairs, truth, new)]
            errors.append([c[treated].mean() - c[~treated].mean() - EFFECT for c in corrected])
        rows.append(np.sqrt(np.mean(np.square(errors), axis=0)))
        print(line(name, rows[-1]), flush=True)
    print(line("mean", np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
