"""Corrections of shrunken predictions side by side, on simulated trials of known effect.

    python benchmarks/debias.py [--trials 100] [--calibration 300 2000] [--items 4000]

Each trial has its own calibration items; the treatment adds 0.5 to the truth of half of the new items.
`length` is that of the 95 % interval over the length it would have if the correction were known.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from typing import Any

import numpy as np

from sigden import LinearCalibration, MomentTweedie, SieveCalibration, TweedieCorrection
from sigden.debias import difference_in_means
from sigden.simulate import shrunken_predictions

EFFECT = 0.5
CASES: dict[str, dict[str, Any]] = {
    "gauss": {},
    "bimodal": {"shape": "bimodal"},
    "skewed": {"shape": "skewed"},
    "heavy": {"shape": "heavy"},
    "uneven noise": {"shape": "skewed", "heteroscedasticity": 0.3},
}
METHODS = (LinearCalibration(), MomentTweedie(), TweedieCorrection(sigma="function"), SieveCalibration())


def trial(method: Any, options: dict[str, Any], n: int, items: int, seed: int) -> tuple[float, ...]:
    known = shrunken_predictions(n, seed=10 * seed, **options)
    after = shrunken_predictions(items // 2, seed=10 * seed + 1, shift=EFFECT, **options)
    before = shrunken_predictions(items // 2, seed=10 * seed + 2, **options)
    predictions = np.concatenate([after.predictions, before.predictions])
    treated = np.repeat([True, False], items // 2)
    calibration = method.fit(known.predictions, known.truth)
    if isinstance(method, (TweedieCorrection, MomentTweedie)):
        # the bootstrap of these would take most of the time; their estimate is the point
        corrected = calibration.predict(predictions)
        return float(corrected[treated].mean() - corrected[~treated].mean()), np.nan, np.nan
    effect = difference_in_means(calibration, predictions, treated)
    covered = effect.low <= EFFECT <= effect.high
    return effect.estimate, float(covered), effect.standard_error / effect.sampling_error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--calibration", type=int, nargs="+", default=[300, 2000])
    parser.add_argument("--items", type=int, default=4000)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{platform.machine()}, one thread, Python {platform.python_version()}, NumPy {np.__version__}")
    for n in arguments.calibration:
        print(f"\n{n} calibration items, {arguments.items} new ones, {arguments.trials} trials")
        print(f"{'':14s}{'':20s}{'bias':>8s}{'RMSE':>8s}{'coverage':>10s}{'length':>8s}{'ms':>7s}")
        for name, options in CASES.items():
            for method in METHODS:
                start = time.process_time()
                rows = [trial(method, options, n, arguments.items, seed) for seed in range(arguments.trials)]
                spent = 1e3 * (time.process_time() - start) / arguments.trials
                estimate, covered, length = np.array(rows).T
                bias, rmse = estimate.mean() / EFFECT - 1, np.sqrt(np.mean((estimate - EFFECT) ** 2))
                print(
                    f"{name:14s}{method.name():20s}{bias:+8.3f}{rmse:8.4f}"
                    f"{covered.mean():10.3f}{length.mean():8.3f}{spent:7.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
