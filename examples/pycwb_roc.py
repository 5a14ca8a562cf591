"""
Does denoising help pycWB's search?
===================================

The figure that counts is the efficiency at a fixed false-alarm rate: rho changes under denoising without
being calibrated, so the thresholds are measured for each method on its own background, time slides of
simulated noise. Injections of known signal-to-noise ratio, the same for every method, are searched in the
same noise.

It needs pycWB, and takes as long as it is told: rounds of background and injections follow one another until
``--minutes`` are over. With ``--store`` the next call goes on where this one stopped::

    python examples/pycwb_roc.py --minutes 8 --store roc.jsonl
"""

import argparse
import json
import logging
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

PARAMETERS = Path(__file__).with_name("pycwb_user_parameters.yaml")
WINDOW = 0.25
GW150914 = 1126259462.4
METHODS = {
    "whitened, not denoised": None,
    "StrainDenoiser": {"method": "StrainDenoiser"},
    "rROF": {"method": "RROF", "regularization": 0.3},
    "rROF, Bregman": {"method": "RROF", "regularization": 2.0, "iteration": "bregman", "passes": 10},
}


def search(folder, catalogue, denoiser, *, seeds, injections=(), **changes):
    """Triggers of the search of one segment of simulated noise, and the seconds searched."""
    import yaml
    from pycwb.modules.catalog import Catalog
    from pycwb.utils.module import import_function
    from pycwb.workflow.subflow.prepare_job_runs import prepare_job_runs

    parameters = yaml.safe_load(PARAMETERS.read_text())
    parameters |= {"filter_dir": str(catalogue.parent), "wdmXTalk": catalogue.name} | changes
    if denoiser is None:
        del parameters["segment_processer"]
    else:
        parameters["sigden"] = {"denoiser": denoiser}
    if injections:
        generator = "burst_waveform.interface.generate_waveform_pycwb.get_td_waveform"
        parameters["injection"] = {"generator": generator, "parameters": list(injections)}
        parameters["simulation"] = "all_inject_in_one_segment"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "user_parameters.yaml"
    file.write_text(yaml.safe_dump(parameters))
    here = Path.cwd()
    try:
        segments, config, work = prepare_job_runs(str(folder / "run"), str(file))
        process = import_function(config.segment_processer)
        catalog = Path(work) / config.catalog_dir / Catalog.DEFAULT_FILENAME
        for segment in segments:
            if not segment.frames:
                segment.noise = {"type": "gaussian", "psds": [None] * len(seeds), "seeds": list(seeds)}
            process(work, config, segment, catalog_file=str(catalog))
    finally:
        os.chdir(here)
    return read_triggers(catalog), sum(segment.duration for segment in segments)


def frame_lists(sources, folder):
    """Frames of strain that GWOSC publishes as HDF5, and the lists of each detector that pycWB reads."""
    from gwpy.timeseries import TimeSeries

    lists = []
    for detector, source in sources.items():
        strain = TimeSeries.read(source, format="hdf5.gwosc")
        strain.name = strain.channel = f"{detector}:STRAIN"
        start, seconds = round(strain.t0.value), round(strain.duration.value)
        frame = folder / f"{detector[0]}-{detector}_STRAIN-{start}-{seconds}.gwf"
        strain.write(frame, format="gwf")
        lists.append(folder / f"{detector}.in")
        lists[-1].write_text(f"{frame}\n")
    return [str(name) for name in lists]


def search_gw150914(strain, folder, catalogue, denoiser, **changes):
    """Triggers of the search of the 32 s that GWOSC publishes around GW150914, in the folder `strain`."""
    start = 1126259446
    sources = {name: strain / f"{name[0]}-{name}_LOSC_4_V2-{start}-32.hdf5" for name in ("L1", "H1")}
    folder.mkdir(parents=True, exist_ok=True)
    found, _ = search(
        folder, catalogue, denoiser, seeds=(), frFiles=frame_lists(sources, folder), segLen=16, segMLS=8,
        channelNamesRaw=["L1:STRAIN", "H1:STRAIN"], gps_start=start, gps_end=start + 32,
        whiteWindow=16.0, whiteStride=8.0, fHigh=512.0, **changes,
    )  # fmt: skip
    return found


def loudest(triggers, when):
    """Trigger of the largest rho near a GPS time; empty where there is none."""
    near = [t for t in triggers if abs(t["gps_time"] - when) < WINDOW]
    return max(near, key=lambda trigger: trigger["rho"], default={})


def read_triggers(catalog):
    """What the catalogue says of each trigger, with the overlap of reconstruction and injection."""
    import pyarrow.parquet as parquet

    triggers = []
    for row in parquet.read_table(catalog).to_pylist():
        trigger = {key: row[key] for key in ("gps_time", "rho", "net_cc", "likelihood", "lag_idx")}
        injection = row.get("injection") or {}
        if injection.get("overlap_snr"):
            product = np.sqrt(np.multiply(injection["snr_sq"], injection["rec_snr_sq"]))
            trigger["overlap"] = np.divide(injection["overlap_snr"], product).tolist()
        triggers.append(trigger)
    return triggers


def draw_injections(seed, start, stop, spacing=4.0):
    """Sine-Gaussians of many frequencies and quality factors all over the sky, at network SNR 6 to 18."""
    rng = np.random.default_rng(seed)
    return [
        {
            "approximant": "SGE",
            "frequency": float(np.exp(rng.uniform(np.log(60), np.log(600)))),
            "Q": float(rng.choice([3.0, 9.0, 30.0])),
            "hrss": 1e-22,
            "target_snr": float(rng.uniform(6, 18)),
            "inclination": float(np.arccos(rng.uniform(-1, 1))),
            "gps_time": float(when + rng.uniform(-0.5, 0.5)),
            "ra": float(rng.uniform(0, 2 * np.pi)),
            "dec": float(np.arcsin(rng.uniform(-1, 1))),
            "pol": float(rng.uniform(0, np.pi)),
            "t_start": -0.5,
            "t_end": 0.5,
        }
        for when in np.arange(start + spacing / 2, stop, spacing)
    ]


def one_round(number, denoiser, catalogue, lags, folder):
    """Background and injections in the noise of this round."""
    loose = {"netRHO": 2.5, "lagStep": 1.0, "iwindow": 2.0, "max_energy_backend": "numba"}
    seeds = (1000 + 2 * number, 1001 + 2 * number)
    background, seconds = search(
        folder / "background", catalogue, denoiser, seeds=seeds, lagSize=lags, **loose
    )
    injections = draw_injections(number, 1300000008, 1300000072)
    found, _ = search(folder / "injections", catalogue, denoiser, seeds=seeds, injections=injections, **loose)
    outcome = []
    for injection in injections:
        trigger = loudest(found, injection["gps_time"])
        overlap = trigger.get("overlap")
        outcome.append(
            {
                "snr": injection["target_snr"],
                "rho": trigger.get("rho", 0.0),
                "overlap": float(np.mean(overlap)) if overlap else None,
            }
        )
    return {
        "background": sorted((t["rho"] for t in background), reverse=True),
        "seconds": lags * seconds,
        "injections": outcome,
    }


def report(results):
    """Efficiency of each method at its own thresholds, over the rounds that all have done."""
    rounds = set.intersection(*(set(done) for done in results.values()))
    if not rounds:
        print("no round is complete: give more minutes")
        return
    joined = {
        name: {
            "background": sorted((rho for r in rounds for rho in done[r]["background"]), reverse=True),
            "hours": sum(done[r]["seconds"] for r in rounds) / 3600,
            "injections": [i for r in sorted(rounds) for i in done[r]["injections"]],
        }
        for name, done in results.items()
    }
    first = next(iter(joined.values()))
    print(f"{len(rounds)} rounds: {first['hours']:.2f} h of slides, {len(first['injections'])} injections")
    print(f"{'':24s}{'false':>7s}  {'alarms per hour: threshold on rho, efficiency':s}")
    allowed = [n for n in (1, 4, 16) if n <= max(4, first["hours"] * 8)]
    reference = None
    for name, one in joined.items():
        rho = np.array([i["rho"] for i in one["injections"]])
        cells = []
        found = {}
        for count in allowed:
            # the count-th loudest false alarm is the last one let through
            background = one["background"]
            threshold = background[count] if len(background) > count else 0.0
            found[count] = (rho > threshold) & (rho > 0)
            share = found[count].mean()
            error = np.sqrt(max(share * (1 - share), 1e-9) / rho.size)
            cells.append(f"{count / one['hours']:5.1f}/h {threshold:5.2f} {share:.3f}+-{error:.3f}")
        overlaps = [i["overlap"] for i in one["injections"] if i["overlap"] is not None]
        mean = f"{np.mean(overlaps):.3f} ({len(overlaps)})" if overlaps else "-"
        print(f"{name:24s}{len(one['background']):7d}  " + "  ".join(cells) + f"  overlap {mean}")
        if reference is None:
            reference = found
        else:
            changes = [
                f"+{np.sum(found[c] & ~reference[c])} -{np.sum(~found[c] & reference[c])}" for c in allowed
            ]
            print(f"{'':24s}{'':7s}  gained and lost: " + ", ".join(changes))


def main():
    from rich.console import Console
    from rich.progress import Progress

    from sigden.plugins.pycwb import crosstalk_catalogue

    parser = argparse.ArgumentParser(description="Efficiency of pycWB at fixed false-alarm rate.")
    parser.add_argument("--minutes", type=float, default=8.0, help="no round starts later")
    parser.add_argument("--lags", type=int, default=60, help="time slides of each round, one second apart")
    parser.add_argument("--first", type=int, default=0, help="first round: shares rounds among processes")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--store", type=Path, help="file of finished rounds, read and added to")
    parser.add_argument(
        "--catalogue", type=Path, default=Path.home() / ".cache/sigden/wdmXTalk-16-128.xbin",
        help="cross-talk catalogue, made where it is missing",
    )  # fmt: skip
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    results = {name: {} for name in options.methods}
    if options.store and options.store.exists():
        for line in options.store.read_text().splitlines():
            record = json.loads(line)
            if record["method"] in results and record["lags"] == options.lags:
                results[record["method"]][record["round"]] = record["result"]
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("cross-talk catalogue", total=None)
        catalogue = crosstalk_catalogue(options.catalogue.absolute())
        number = options.first
        while time.monotonic() < end:
            for name in options.methods:
                bars.update(task, description=f"round {number}: {name}")
                if number in results[name]:
                    continue
                if time.monotonic() >= end:
                    break
                with tempfile.TemporaryDirectory() as folder:
                    result = one_round(number, METHODS[name], catalogue, options.lags, Path(folder))
                results[name][number] = result
                if options.store:
                    with options.store.open("a") as store:
                        record = {"method": name, "round": number, "lags": options.lags, "result": result}
                        store.write(json.dumps(record) + "\n")
            number += 1
    report(results)


if __name__ == "__main__":
    main()
