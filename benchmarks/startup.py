"""Import time over NumPy's, and the first call in a second process, when compiled kernels are cached."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

FIRST_CALLS = {
    "TV1D": "TV1D(regularization=1.0)(np.random.default_rng(0).standard_normal(4096), sigma=1.0)",
    "RROF": "RROF(regularization=1.0)(np.random.default_rng(0).standard_normal(4096), sigma=1.0)",
    "ROF": "ROF(regularization=1.0)(np.random.default_rng(0).standard_normal((64, 64)), sigma=1.0)",
}


def seconds(code: str) -> float:
    """Wall-clock time of a fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def paired(code: str, base: str, runs: int) -> float:
    """Median difference of runs taken in turn."""
    return statistics.median(seconds(code) - seconds(base) for _ in range(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print(f"import sigden over import numpy: {paired('import numpy, sigden', 'import numpy', runs):.3f} s")
    for name, call in FIRST_CALLS.items():
        code = f"import numpy as np; from sigden import {name}; {call}"
        seconds(code)
        print(f"first {name} call over import numpy: {paired(code, 'import numpy', runs):.3f} s")


if __name__ == "__main__":
    main()
