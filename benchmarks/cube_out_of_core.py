"""A cube on disk, larger than the memory it may take: peak memory, time, quality.

    python -m benchmarks.cube_out_of_core [--shape 3200 3200 256] [--memory "1.7 GB"] [--folder DIR]
        [--method SubspaceCollaborative] [--kind gaussian]

Writes an NPY file of a simulated scene, mirrored side by side, with fresh noise everywhere, denoises it as
one memory map into another in a process of its own, and prints what that took. The files are removed.
"""

import json
import platform
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import numpy as np

SCENE = 400
LEVEL = 0.05


def scene(bands):
    from sigden.simulate import spectral_cube

    return spectral_cube((SCENE, SCENE), bands, endmembers=8, seed=3)


def mirrored(length):
    """Rows of the scene, to and fro."""
    k = np.arange(length) % (2 * SCENE)
    return np.where(k < SCENE, k, 2 * SCENE - 1 - k)


def make(path, shape, kind):
    truth = scene(shape[2])
    out = np.lib.format.open_memmap(path, "w+", np.float32, tuple(shape))
    rng = np.random.default_rng(1)
    rows, columns = mirrored(shape[0]), mirrored(shape[1])
    stripes = np.where(rng.random((shape[1], shape[2])) < 0.02, rng.uniform(-0.3, 0.3, shape[1:]), 0)
    for first in range(0, shape[0], 20):
        part = truth[rows[first : first + 20]][:, columns]
        part = part + rng.standard_normal(part.shape, dtype=np.float32) * np.float32(LEVEL)
        if kind == "mixed":
            part += stripes.astype(np.float32)
            struck = rng.random(part.shape, dtype=np.float32) < 0.01
            part[struck] = rng.random(np.count_nonzero(struck), dtype=np.float32)
            part[rng.random(part.shape, dtype=np.float32) < 0.001] = np.nan
        out[first : first + 20] = part
    out.flush()


def run(folder, memory, method):
    from sigden import registry
    from sigden.hyperspectral import denoise_large

    noisy = np.load(folder / "noisy.npy", mmap_mode="r")
    out = np.lib.format.open_memmap(folder / "clean.npy", "w+", np.float32, noisy.shape)
    stages, last = {}, [time.perf_counter(), "start"]

    def progress(stage, done, total):
        now = time.perf_counter()
        stages[last[1]] = round(stages.get(last[1], 0) + now - last[0], 1)
        last[:] = now, stage

    base, start, cpu = peak(), time.perf_counter(), time.process_time()
    found = denoise_large(
        noisy, out, method=registry.load(method)(), memory=memory, scratch=folder, progress=progress
    )
    progress("end", 1, 1)
    row = {"method": method, "shape": noisy.shape, "gigabytes": round(noisy.nbytes / 1e9, 2)}
    row |= {"memory": memory, "peak_gb": round(peak() / 1e9, 2), "before_gb": round(base / 1e9, 2)}
    row |= {"wall_s": round(time.perf_counter() - start), "cpu_s": round(time.process_time() - cpu)}
    row |= {"rank": found.rank, **found.counts(), "stages_s": stages}
    print(json.dumps(row), flush=True)


def peak():
    """Largest resident memory of this process, bytes."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024


def quality(folder, shape):
    truth, rows, columns = scene(shape[2]), mirrored(shape[0]), mirrored(shape[1])
    noisy, clean = (np.load(folder / name, mmap_mode="r") for name in ("noisy.npy", "clean.npy"))
    error = np.zeros(2)
    for first in range(0, shape[0], max(1, shape[0] // 20)):
        right = truth[rows[first]][columns]
        for i, cube in enumerate((noisy, clean)):
            error[i] += np.nanmean((cube[first] - right) ** 2) / 20
    names = ("psnr_in", "psnr_out")
    return {n: round(float(-10 * np.log10(e)), 2) for n, e in zip(names, error, strict=True)}


def main():
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=[3200, 3200, 256])
    parser.add_argument("--memory", default="1.7 GB")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--method", default="SubspaceCollaborative")
    parser.add_argument("--kind", choices=["gaussian", "mixed"], default="gaussian")
    parser.add_argument("--only-run", action="store_true", help=SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_run:
        run(arguments.folder, arguments.memory, arguments.method)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        print(json.dumps({"machine": platform.processor() or platform.machine(), "kind": arguments.kind}))
        make(folder / "noisy.npy", arguments.shape, arguments.kind)
        options = ["--folder", name, "--memory", arguments.memory, "--method", arguments.method]
        command = [sys.executable, "-m", "benchmarks.cube_out_of_core", "--only-run", *options]
        subprocess.run(command, check=True)
        print(json.dumps(quality(folder, arguments.shape)))


if __name__ == "__main__":
    main()
