"""Coverage and length of the intervals of effects, on seven models of shrunken predictions.

    python benchmarks/debias_intervals.py [--trials 300] [--calibration 300 2000] [--model heavy]

Each trial has its own calibration items; the treatment adds 0.5 to the truth of half of the new items, whose
predictions are drawn from their marginal laws on a grid. `length` is that of the 95 % interval over the one
that the exact correction under Tweedie's assumptions would have if it were known, without calibration.
"""

from __future__ import annotations

import argparse
import platform
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sigden import SieveCalibration
from sigden.debias import difference_in_means

EFFECT = 0.5
LEVEL = 0.95
NORMAL = stats.norm()
SKEWED = ((0.55, -0.8, 0.35), (0.3, 0.4, 0.6), (0.15, 2.2, 1.0))
TRUTH = np.linspace(-14.0, 14.0, 1401)
GRID = np.linspace(-9.0, 9.0, 3601)


@dataclass(frozen=True)
class Model:
    """Truth ``slope * prediction + noise`` for a normal mixture (weight, mean, width) of predictions."""

    parts: tuple[tuple[float, float, float], ...]
    sigma: Callable[[Any], Any] = lambda u: np.full_like(u, 0.8)
    noise: Any = NORMAL
    slope: float = 1.0


MODELS = {
    "gauss": Model(((1.0, 0.0, 1.0),)),
    "bimodal": Model(((0.5, -1.5, 0.5), (0.5, 1.5, 0.5))),
    "skewed": Model(SKEWED),
    "heavy": Model(((0.85, 0.0, 0.7), (0.15, 0.0, 2.2))),
    "uneven noise": Model(SKEWED, sigma=lambda u: 0.5 + 0.25 * np.log1p(np.exp(u))),
    "t5 noise": Model(SKEWED, noise=stats.t(5, scale=np.sqrt(3 / 5))),
    "over-shrunken": Model(((0.5, -1.2, 0.5), (0.5, 1.2, 0.5)), slope=1.3),
}


class Laws:
    """Laws of predictions, of all items and of both arms, on a grid."""

    def __init__(self, model: Model) -> None:
        weight, mean, width = np.array(model.parts).T
        density = (weight * stats.norm.pdf(GRID[:, None], mean, width)).sum(axis=1)
        self.model, self.sigma = model, model.sigma(GRID)
        self.all = density / density.sum()
        standard = (TRUTH[:, None] - model.slope * GRID) / self.sigma
        joint = self.all * model.noise.pdf(standard) / self.sigma
        truth = joint.sum(axis=1)
        given = joint / np.maximum(truth[:, None], 1e-300)
        steps = round(EFFECT / (TRUTH[1] - TRUTH[0]))
        self.treated = np.roll(truth, steps) @ given / truth.sum()
        self.control = truth @ given / truth.sum()

    def draw(self, law: Any, n: int, generator: np.random.Generator) -> Any:
        cumulative = np.cumsum(law)
        place = np.searchsorted(cumulative, generator.random(n) * cumulative[-1])
        return GRID[place] + (generator.random(n) - 0.5) * (GRID[1] - GRID[0])

    def pairs(self, n: int, generator: np.random.Generator) -> tuple[Any, Any]:
        u = self.draw(self.all, n, generator)
        noise = self.model.noise.rvs(n, random_state=generator)
        return u, self.model.slope * u + np.interp(u, GRID, self.sigma) * noise

    def known_length(self, items: int) -> float:
        """Length of the interval of the exact correction, which uses the mean variance of the noise."""
        score = np.gradient(np.log(np.maximum(self.all, 1e-300)), GRID)
        corrected = GRID - (self.all @ self.sigma**2) * score
        arms = (law / law.sum() for law in (self.treated, self.control))
        variance = sum(float(law @ corrected**2 - (law @ corrected) ** 2) for law in arms)
        reach = float(stats.norm.ppf(0.5 + 0.5 * LEVEL))
        return 2 * reach * float(np.sqrt(variance / (items / 2)))


def trial(laws: Laws, n: int, items: int, generator: np.random.Generator) -> tuple[float, float, float]:
    """Error, whether covered, and length."""
    calibration = SieveCalibration().fit(*laws.pairs(n, generator))
    treated = generator.random(items) < 0.5
    predictions = laws.draw(laws.control, items, generator)
    predictions[treated] = laws.draw(laws.treated, int(treated.sum()), generator)
    effect = difference_in_means(calibration, predictions, treated, level=LEVEL)
    covered = effect.low <= EFFECT <= effect.high
    return effect.estimate - EFFECT, float(covered), effect.high - effect.low


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--calibration", type=int, nargs="+", default=[300, 2000])
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seed", type=int, default=4242)
    a = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    for n in a.calibration:
        print(f"\n{n} calibration items, {a.items} new ones, {a.trials} trials, seed {a.seed}")
        print(f"{'':14s}{'bias':>8s}{'RMSE':>8s}{'coverage':>10s}{'+-':>7s}{'length':>8s}")
        for name in a.model:
            laws = Laws(MODELS[name])
            rows = []
            for number in range(a.trials):
                seed = [a.seed, list(MODELS).index(name), number, n]
                rows.append(trial(laws, n, a.items, np.random.default_rng(seed)))
            error, covered, length = np.array(rows).T
            rate, length = covered.mean(), length / laws.known_length(a.items)
            print(
                f"{name:14s}{error.mean() / EFFECT:+8.3f}{np.sqrt(np.mean(error**2)):8.4f}{rate:10.3f}"
                f"{np.sqrt(rate * (1 - rate) / a.trials):7.3f}{length.mean():8.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
