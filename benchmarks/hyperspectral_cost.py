"""Time and memory of cubes, beside HyDe where it is there.

    python -m benchmarks.hyperspectral_cost [--shape 256 256 180] [--repeat 3] [--threads 1] [--peer PYTHON]

PYTHON is the interpreter of an environment with HyDe, see hyperspectral_peer.py; without it sigden is shown
alone. Every run is a process of its own, the methods in turn: wall and processor seconds of one call after a
warm-up on a small cube, and the largest resident memory above that before the call, over the size of the
cube. Medians of the rounds, and their ratios.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import numpy as np

LEVEL, PHOTONS = 0.05, 60.0
RUNS = [  # side, method, noise
    ("sigden", "default", "gaussian"),
    ("HyDe", "fasthyde", "gaussian"),
    ("sigden", "projection", "gaussian"),
    ("HyDe", "hyres", "gaussian"),
    ("sigden", "default", "photons"),
    ("HyDe", "fasthyde", "photons"),
]
GOALS = {("default", "fasthyde"): 0.5, ("projection", "hyres"): 0.15}


def resident(field):
    """Resident memory of this process, bytes: `VmRSS` now, `VmHWM` at most."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(field + ":")[2].split()[0]) * 1024


def run_once(side, method, noisy, truth):
    """One call in this process; its figures go to the standard output."""
    if side == "sigden":
        import sigden

        call = {"default": sigden.SubspaceCollaborative(), "projection": sigden.SubspaceDenoise()}[method]
    else:
        sys.path.insert(0, str(Path(__file__).parent))
        import hyperspectral_peer

        call = getattr(hyperspectral_peer, method)
    cube = np.load(noisy)
    call(cube[:48, :48].copy())
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before, wall, cpu = resident("VmRSS"), time.perf_counter(), time.process_time()
    estimate = call(cube)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = (resident("VmHWM") - before) / cube.nbytes
    error = np.mean((estimate - np.load(truth)) ** 2, axis=(0, 1))
    print(json.dumps([wall, cpu, memory, float(np.mean(-10 * np.log10(error)))]))


def measured(python, run, folder, threads):
    """Figures of one call in a process of its own: wall and processor seconds, memory, mean PSNR."""
    side, method, noise = run
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    command = [python, __file__, "--once", side, method, f"{folder}/{noise}.npy", f"{folder}/truth.npy"]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    out = subprocess.run(
        command, env={**os.environ, **limits, "PYTHONPATH": path}, check=True, capture_output=True, text=True
    )
    return json.loads(out.stdout.splitlines()[-1])


def make(folder, shape):
    from sigden.simulate import gaussian_noise, poisson_noise, spectral_cube

    truth = spectral_cube(tuple(shape[:2]), shape[2], endmembers=8, seed=3)
    np.save(f"{folder}/truth.npy", truth)
    np.save(f"{folder}/gaussian.npy", gaussian_noise(truth, LEVEL, seed=1))
    np.save(f"{folder}/photons.npy", poisson_noise(truth, PHOTONS, seed=1))


def main():
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=[256, 256, 180])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peer", help="interpreter of an environment with HyDe")
    parser.add_argument("--once", nargs=4, help=SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        run_once(*arguments.once)
        return
    pythons = {"sigden": sys.executable, "HyDe": arguments.peer}
    runs = [run for run in RUNS if pythons[run[0]]]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads, cube {arguments.shape}, "
        f"load {os.getloadavg()[0]:.1f}, medians of {arguments.repeat}"
    )
    print(f"{'':<34}{'wall s':>8}{'cpu s':>8}{'memory':>8}{'MPSNR':>8}", flush=True)
    found = {run: [] for run in runs}
    with tempfile.TemporaryDirectory() as folder:
        make(folder, arguments.shape)
        for _ in range(arguments.repeat):
            for run in runs:
                found[run].append(measured(pythons[run[0]], run, folder, arguments.threads))
    middle = {run: np.median(rows, axis=0) for run, rows in found.items()}
    for (side, method, noise), (wall, cpu, memory, quality) in middle.items():
        print(f"{side + ' ' + method + ', ' + noise:<34}{wall:>8.2f}{cpu:>8.2f}{memory:>8.2f}{quality:>8.2f}")
    for (ours, theirs), goal in GOALS.items():
        for noise in ("gaussian", "photons"):
            pair = ("sigden", ours, noise), ("HyDe", theirs, noise)
            if all(run in middle for run in pair):
                wall, cpu = middle[pair[0]][:2] / middle[pair[1]][:2]
                print(f"{ours} over {theirs}, {noise}: wall {wall:.3f}, cpu {cpu:.3f} (goal {goal})")


if __name__ == "__main__":
    main()
