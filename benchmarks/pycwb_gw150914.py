"""GW150914 in pycWB with and without denoising: match of its reconstruction with the published template.

Needs pycWB, and a folder with the 32 s of strain that GWOSC publishes around the event and its template.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sigden.noise import welch_psd
from sigden.plugins.pycwb import crosstalk_catalogue
from sigden.strain import band_pass

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "pycwb_roc.py"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "strain"
RATE, BAND = 4096.0, (30.0, 512.0)


def match(data: Path, detector: str, wave: Any, rate: float) -> float:
    """Match over time and phase of a whitened series with the whitened template."""
    with h5py.File(data / f"{detector[0]}-{detector}_LOSC_4_V2-1126259446-32.hdf5") as file:
        psd = welch_psd(file["strain/Strain"][:], RATE)
    with h5py.File(data / "GW150914_4_template.hdf5") as file:
        polarisations = file["template"][:].astype(float)
    f = np.fft.rfftfreq(polarisations.shape[1], 1 / RATE)
    white = np.fft.irfft(np.fft.rfft(polarisations * 1e21) / np.sqrt(psd.at(f) * 1e42))
    white = band_pass(white, RATE, BAND)[:, :: round(RATE / rate)]
    wave = band_pass(np.asarray(wave, dtype=float), rate, BAND)
    size = white.shape[1] + wave.size
    products = np.fft.irfft(np.fft.rfft(white, size).conj() * np.fft.rfft(wave, size), size)
    energy = np.sum((products / np.linalg.norm(white, axis=1)[:, None]) ** 2, axis=0)
    return float(np.sqrt(energy.max()) / np.linalg.norm(wave))


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.INFO)
    spec = importlib.util.spec_from_file_location("pycwb_roc", EXAMPLE)
    example: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(example)  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--catalogue", type=Path, default=Path("wdmXTalk-16-128.xbin"))
    parser.add_argument("--methods", nargs="+", default=["StrainDenoiser"], choices=list(example.METHODS))
    options = parser.parse_args()
    catalogue = crosstalk_catalogue(options.catalogue.absolute())
    for name in options.methods:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            triggers = example.search_gw150914(
                options.data, folder, catalogue, example.METHODS[name], save_waveform=True
            )
            found = example.loudest(triggers, example.GW150914)
            print(
                f"{name}: rho {found['rho']:.2f}, net_cc {found['net_cc']:.3f}, "
                f"likelihood {found['likelihood']:.0f}",
                flush=True,
            )
            for file in sorted(folder.glob("**/wave*.h5")):
                with h5py.File(file) as waves:
                    for event in waves.values():
                        for detector in ("L1", "H1"):
                            wave = event[f"{detector}_wf_REC_whiten"]
                            value = match(options.data, detector, wave[:], float(wave.attrs["sample_rate"]))
                            print(f"  {detector} match {value:.3f}", flush=True)


if __name__ == "__main__":
    main()
