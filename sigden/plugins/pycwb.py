"""Denoising inside pycWB: a job-segment processor that denoises the whitened strain before the search.

In the user's YAML file::

    segment_processer: sigden.plugins.pycwb.process_job_segment
    pycwb_schema:
      properties: {sigden: {type: object}}
      additionalProperties: false
    sigden:
      denoiser: {method: RROF, regularization: 0.5}
"""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sigden.errors import FileError, MissingExtraError, ParameterError
from sigden.plugins.whitened import WhitenedDenoising

__all__ = ["TESTED_VERSION", "condition_strains", "crosstalk_catalogue", "process_job_segment", "settings"]

_LOG = logging.getLogger(__name__)

TESTED_VERSION = "1.1.0rc1"
_INSTALL = f"python -m pip install pycwb=={TESTED_VERSION}"

Condition = Callable[[Any, Sequence[Any]], tuple[Any, Any]]


def process_job_segment(
    working_dir: str,
    config: Any,
    job_seg: Any,
    *args: Any,
    condition_data: Condition | None = None,
    **options: Any,
) -> None:
    """Search one job segment with denoised strain; pycWB's ``segment_processer``.

    Parameters
    ----------
    working_dir : str
        Folder of the run.
    config : pycwb.config.Config
        Its attribute ``sigden``, a mapping, holds the parameters of `WhitenedDenoising`.
    job_seg : pycwb.types.job.WaveSegment
        The segment.
    *args
        Handed to pycWB's own processor, as `options`.
    condition_data : callable, optional
        Conditioning before the denoising, ``(config, strains) -> (conditioned, noise rms)``; pycWB's
        regression and whitening by default.
    **options
        Handed to pycWB's own processor.

    Raises
    ------
    MissingExtraError
        If pycWB is not there or has no processor that takes ``condition_data``.
    ParameterError
        If the settings hold an unknown or ill-typed key; before any data are read.
    InputError
        If a detector's whitened strain is not finite or cannot be denoised.
    """
    process, native = _pycwb()
    denoising = settings(config)
    _LOG.info("Whitened strain is denoised by %s", denoising.to_dict())
    process(
        working_dir,
        config,
        job_seg,
        *args,
        condition_data=partial(
            condition_strains, denoising=denoising, condition_data=condition_data or native
        ),
        **options,
    )


# contracts of pycWB's own processor, which this one hands on
process_job_segment.conditioning_capabilities = {"noise_variability": 2, "gating": 1}  # type: ignore[attr-defined]


def settings(config: Any) -> WhitenedDenoising:
    """Parameters from the block ``sigden`` of a pycWB configuration.

    Parameters
    ----------
    config : pycwb.config.Config
        Or anything with an attribute ``sigden``; without it the defaults hold.

    Returns
    -------
    WhitenedDenoising
        The value.

    Raises
    ------
    ParameterError
        Naming the key that is unknown or of the wrong type.
    """
    block = getattr(config, "sigden", None)
    if block is None:
        return WhitenedDenoising()
    if not isinstance(block, dict):
        raise ParameterError(f"sigden: expected a mapping, got {block!r}")
    try:
        return WhitenedDenoising.from_dict(block)
    except ParameterError as error:
        raise ParameterError(f"sigden: {error}") from error


def condition_strains(
    config: Any,
    strains: Sequence[Any],
    *,
    denoising: WhitenedDenoising | None = None,
    condition_data: Condition | None = None,
) -> tuple[tuple[Any, ...], Any]:
    """Whiten, then denoise; a ``condition_data`` for pycWB's processors.

    Parameters
    ----------
    config : pycwb.config.Config
        ``segEdge``, ``fLow``, ``fHigh`` and ``ifo`` are read.
    strains : sequence of pycwb.types.time_series.TimeSeries
        One for each detector.
    denoising : WhitenedDenoising, optional
        From `settings` by default.
    condition_data : callable, optional
        As in `process_job_segment`.

    Returns
    -------
    conditioned : tuple of pycwb.types.time_series.TimeSeries
        Denoised, with length, ``t0`` and ``dt`` of the whitened strain.
    noise_rms : sequence
        Of the conditioning, untouched.

    Raises
    ------
    MissingExtraError, ParameterError, InputError
        As `process_job_segment`.
    """
    conditioned, noise_rms = (condition_data or _pycwb()[1])(config, strains)
    denoising = denoising or settings(config)
    out = []
    for label, series in zip(config.ifo, conditioned, strict=True):
        estimate = denoising.apply(
            series.data,
            sample_rate=1.0 / float(series.dt),
            edge_seconds=float(config.segEdge),
            band=(float(config.fLow), float(config.fHigh)),
            label=label,
        )
        out.append(replace(series, data=estimate))
    return tuple(out), noise_rms


def crosstalk_catalogue(path: str | Path, *, l_low: int = 4, l_high: int = 7) -> Path:
    """Make pycWB's catalogue of WDM cross-talk coefficients, unless it is there already.

    Parameters
    ----------
    path : path
        File ending in ``.xbin``.
    l_low, l_high : int
        The levels of the search: 2**l layers each.

    Returns
    -------
    pathlib.Path
        The file. Making it takes about a minute for four levels.

    Raises
    ------
    FileError
        If the catalogue cannot be made.
    MissingExtraError
        If pycWB's package ``wdm_wavelet`` is not installed.
    """
    path = Path(path)
    if path.exists():
        return path
    _pycwb()
    layers = [str(2**level) for level in range(l_low, l_high + 1)]
    command = [sys.executable, "-m", "wdm_wavelet.catalog", "--levels", *layers]
    command += ["--beta-order", "6", "--precision", "10", "--output", str(path)]
    path.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # a job beside this one may have made it meanwhile, which fails this one; the file is put there whole
    if not path.exists():
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise FileError(f"{path}: the cross-talk catalogue could not be made: {last}")
    return path


def _pycwb() -> tuple[Callable[..., None], Condition]:
    """The job-segment processor and the conditioning of the installed pycWB."""
    try:
        import pycwb
    except ImportError as error:
        raise MissingExtraError(f"pycWB is not installed: {_INSTALL}") from error
    found = getattr(pycwb, "__version__", "of unknown version")
    try:
        from pycwb.modules.data_conditioning.data_conditioning import condition_strains as native
        from pycwb.workflow.subflow.process_job_segment_native import process_job_segment as process
    except ImportError as error:
        raise MissingExtraError(
            f"pycWB {found} cannot run a job segment natively ({error}); sigden is tested with "
            f"{TESTED_VERSION}: {_INSTALL}"
        ) from error
    if "condition_data" not in inspect.signature(process).parameters:
        raise MissingExtraError(
            f"pycWB {found} takes no condition_data, through which sigden denoises; sigden is tested with "
            f"{TESTED_VERSION}: {_INSTALL}"
        )
    if found != TESTED_VERSION:
        _LOG.warning("pycWB %s: sigden is tested with %s", found, TESTED_VERSION)
    return process, native
