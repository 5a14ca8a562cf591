"""The wide band as a mixture of narrower ones, from filter curves or from data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from sigden.errors import InputError, ParameterError

__all__ = [
    "Mixture",
    "Response",
    "check_response",
    "fit_mixture",
    "narrow_bands",
    "response_weights",
    "usable",
]

Response = Mapping[str, Mapping[str, float]]
"""Weight of each band in every wide band."""


class _OfBand(Protocol):
    @property
    def band(self) -> str: ...


Seen = TypeVar("Seen", bound=_OfBand)


def narrow_bands(observations: Sequence[_OfBand], response: Response) -> tuple[str, ...]:
    """Names of the bands that are estimated: all but the wide ones, in order of appearance."""
    return tuple(dict.fromkeys(o.band for o in observations if o.band not in response))


def usable(observations: Sequence[Seen], response: Response) -> tuple[list[Seen], dict[str, Any]]:
    """Observations of a part of a scene that can be used together, and the response of those.

    A wide band whose narrow ones are not all there says nothing about those that are.
    """
    bands = set(narrow_bands(observations, response))
    left = [o for o in observations if o.band not in response or set(response[o.band]) <= bands]
    return left, {o.band: response[o.band] for o in left if o.band in response}


def check_response(observations: Sequence[_OfBand], response: Response) -> tuple[str, ...]:
    """Bands to estimate, where the response is of these observations.

    Parameters
    ----------
    observations : sequence of Observation
        Images of one scene.
    response : mapping
        Weight of each band in every wide band, ``{"VIS": {"r": 0.38, "i": 0.35, "z": 0.27}}``.

    Returns
    -------
    tuple of str
        Narrow bands in order of appearance, at least one.

    Raises
    ------
    InputError
        If no observation is of a narrow band.
    ParameterError
        If a wide band is not observed, mixes a band that none shows, or its weights are not finite numbers
        of which one is not zero.
    """
    if not isinstance(response, Mapping):
        raise ParameterError(
            f"response: expected a mapping such as {{'VIS': {{'r': 0.6, 'i': 0.4}}}}, got {response!r}"
        )
    bands = narrow_bands(observations, response)
    if not bands:
        raise InputError("observations: every band is declared wide in `response`; add a narrow one")
    seen = ", ".join(dict.fromkeys(o.band for o in observations))
    for wide, mix in response.items():
        if not isinstance(mix, Mapping):
            raise ParameterError(f"response: {wide}: expected a weight for each band by name, got {mix!r}")
        if not any(o.band == wide for o in observations):
            raise ParameterError(
                f"response: no observation is of {wide}; observed are {seen}: correct or remove the name"
            )
        unknown = sorted(str(b) for b in set(mix) - set(bands))
        if unknown:
            raise ParameterError(
                f"response: {wide} mixes {', '.join(unknown)}, which no observation shows as a narrow band; "
                f"narrow are {', '.join(bands)}"
            )
        for band, weight in mix.items():
            if not (isinstance(weight, (int, float, np.number)) and np.isfinite(weight)):
                raise ParameterError(f"response: {wide}: weight of {band} must be finite, got {weight!r}")
        if not any(mix.values()):
            raise ParameterError(f"response: {wide} mixes no band; give the weight of at least one")
    return bands


def response_weights(filters: Any, wide: Any, *, samples: int = 2000) -> np.ndarray:
    r"""Mixture of bands that comes nearest to a wide band.

    .. math:: \alpha = \arg\min_{\alpha \ge 0} \int
        \Bigl( \hat T_w(\lambda) - \sum_b \alpha_b \hat T_b(\lambda) \Bigr)^2 d\lambda, \qquad
        \hat T(\lambda) = \frac{T(\lambda) / \lambda}{\int T / \lambda \, d\lambda}

    Parameters
    ----------
    filters : mapping or sequence of (wavelength, throughput)
        Curve of each band, photon counting: two 1-D arrays, wavelengths increasing, in one unit for all.
    wide : (wavelength, throughput)
        Curve of the wide band.
    samples : int, optional
        Number of wavelengths at which curves are compared.

    Returns
    -------
    numpy.ndarray of float64, shape ``(bands,)``
        Non-negative weights that sum to one, in the order of `filters`.

    Raises
    ------
    InputError
        If a curve is not two finite 1-D arrays with increasing wavelengths and a positive integral, or no
        band overlaps with the wide one.
    ParameterError
        If `samples` is below ten.

    Notes
    -----
    Where fluxes are on the AB scale a source with constant flux per frequency has exactly the flux
    :math:`\sum_b \alpha_b x_b = x` in the wide band. For other spectra it is an approximation: `fit_mixture`
    tells how good.
    """
    if int(samples) != samples or samples < 10:
        raise ParameterError(f"samples: must be an integer of at least ten, got {samples!r}")
    named = dict(filters) if isinstance(filters, Mapping) else dict(enumerate(filters))
    if not named:
        raise InputError("filters: expected at least one curve")
    curves = {name: _curve(curve, f"filters[{name!r}]") for name, curve in named.items()}
    target = _curve(wide, "wide")
    every = [*curves.values(), target]
    grid = np.linspace(min(c[0][0] for c in every), max(c[0][-1] for c in every), int(samples))
    matrix = np.stack([_density(c, grid, f"filters[{n!r}]") for n, c in curves.items()], axis=1)
    weights, _ = _nnls(matrix, _density(target, grid, "wide"))
    total = weights.sum()
    if not total > 0:
        raise InputError("filters: none of the bands overlaps with the wide one")
    return weights / total


def _curve(curve: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        wavelength, throughput = (np.asarray(part, dtype=np.float64) for part in curve)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: expected (wavelength, throughput), two 1-D arrays") from error
    if wavelength.ndim != 1 or wavelength.shape != throughput.shape or wavelength.size < 2:
        raise InputError(
            f"{what}: expected two 1-D arrays of one length, got shapes {wavelength.shape} and "
            f"{throughput.shape}"
        )
    if not (np.isfinite(wavelength).all() and np.isfinite(throughput).all()):
        raise InputError(f"{what}: holds a non-finite value")
    if not (wavelength[0] > 0 and (np.diff(wavelength) > 0).all()):
        raise InputError(f"{what}: wavelengths must be positive and increasing")
    return wavelength, throughput


def _density(curve: tuple[np.ndarray, np.ndarray], grid: np.ndarray, what: str) -> np.ndarray:
    density = np.interp(grid, *curve, left=0.0, right=0.0) / grid
    integral = np.trapezoid(density, grid)
    if not integral > 0:
        raise InputError(f"{what}: its integral is not positive")
    return density / integral


def _nnls(matrix: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    from scipy.optimize import nnls

    # Columns of order one: the solver's tolerance is absolute.
    scale = math.sqrt(float((matrix**2).sum(axis=0).max())) or 1.0
    weights, residual = nnls(matrix / scale, target / scale)
    return weights, float(residual) * scale


@dataclass(frozen=True, eq=False)
class Mixture:
    """The wide band as a mixture of bands, with what is not known about it.

    Parameters
    ----------
    alpha : numpy.ndarray, shape ``(bands,)``
        Weights.
    covariance : numpy.ndarray, shape ``(bands, bands)``
        Their covariance.
    model_error : float
        Rms departure of the wide band from the mixture beyond noise, as a fraction of its flux.
    """

    alpha: np.ndarray
    covariance: np.ndarray
    model_error: float


def fit_mixture(
    wide: Any,
    bands: Sequence[Any],
    *,
    wide_sigma: Any,
    band_sigmas: Sequence[Any] | None = None,
    nominal: Any = None,
    nominal_sigma: float = 0.1,
    mask: Any = None,
    iterations: int = 10,
) -> Mixture:
    r"""Mixture of bands fitted to data.

    .. math:: \min_{\alpha \ge 0} \sum_p \frac{(w_p - \sum_b \alpha_b x_{bp})^2}
        {\sigma_{wp}^2 + \sum_b \alpha_b^2 \sigma_{bp}^2 + e^2 \bar w_p^2}
        + \frac{\lVert \alpha - \alpha_0 \rVert^2}{\tau^2}

    Parameters
    ----------
    wide : numpy.ndarray
        Flux in the wide band, any shape: pixels of a scene or of one source, or fluxes of many sources.
    bands : sequence of numpy.ndarray
        Flux in each band at the same places and the same angular resolution.
    wide_sigma : float or numpy.ndarray
        Noise rms of `wide`.
    band_sigmas : sequence of float or numpy.ndarray, optional
        Noise rms of `bands`; none by default.
    nominal : array_like, shape ``(bands,)``, optional
        Weights expected beforehand, such as those of `response_weights`.
    nominal_sigma : float, optional
        How far the weights may be from `nominal`.
    mask : numpy.ndarray of bool, optional
        True where a place is to be ignored.
    iterations : int, optional
        Rounds in which the errors are taken from the last weights.

    Returns
    -------
    Mixture
        Weights, covariance, and the rms error of the model.

    Raises
    ------
    InputError
        If shapes differ, a value is not finite and not masked, or too few places are left.
    ParameterError
        If a number is out of range.

    Notes
    -----
    Noise in the bands enters the weight of each place but is not taken off the sums of squares: use data well
    above their noise, or give `nominal`.
    """
    if not (math.isfinite(nominal_sigma) and nominal_sigma > 0):
        raise ParameterError(f"nominal_sigma: must be positive and finite, got {nominal_sigma!r}")
    if int(iterations) != iterations or iterations < 1:
        raise ParameterError(f"iterations: must be a positive integer, got {iterations!r}")
    target = np.asarray(wide, dtype=np.float64)
    columns = [np.asarray(band, dtype=np.float64) for band in bands]
    keep = np.ones(target.shape, bool) if mask is None else ~np.asarray(mask, bool)
    if not columns or any(c.shape != target.shape for c in columns) or keep.shape != target.shape:
        raise InputError("fit_mixture: wide, bands and mask must be of one shape, with at least one band")
    y, x = target[keep], np.stack([c[keep] for c in columns], axis=1)
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise InputError("fit_mixture: non-finite value; mask it")
    count = x.shape[1]
    if y.size < 1 or (nominal is None and y.size < count):
        raise InputError(f"fit_mixture: {y.size} places are too few for {count} bands; give nominal weights")
    noise = _variance(wide_sigma, target.shape, keep, "wide_sigma")
    sigmas = [0.0] * count if band_sigmas is None else list(band_sigmas)
    if len(sigmas) != count:
        raise InputError(f"fit_mixture: {len(sigmas)} band_sigmas for {count} bands")
    band_noise = np.stack(
        [_variance(s, target.shape, keep, f"band_sigmas[{i}]") for i, s in enumerate(sigmas)], axis=1
    )
    prior = None if nominal is None else np.asarray(nominal, dtype=np.float64)
    if prior is not None and (prior.shape != (count,) or not np.isfinite(prior).all()):
        raise InputError(f"fit_mixture: nominal must be {count} finite numbers, got {nominal!r}")
    alpha = np.full(count, 1.0 / count) if prior is None else prior
    error = 0.0
    for _ in range(int(iterations)):
        total = _total_variance(noise, band_noise, alpha, error, x)
        alpha = _weighted(x, y, total, prior, nominal_sigma)
        error = _model_error(y, x, alpha, noise + band_noise @ alpha**2)
    total = _total_variance(noise, band_noise, alpha, error, x)
    precision = (x / total[:, None]).T @ x
    if prior is not None:
        precision = precision + np.eye(count) / nominal_sigma**2
    return Mixture(alpha, np.linalg.pinv(precision, hermitian=True), error)


def _variance(sigma: Any, shape: tuple[int, ...], keep: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(sigma, dtype=np.float64)
    if values.ndim and values.shape != shape:
        raise InputError(f"fit_mixture: {what} of shape {values.shape} does not fit the data {shape}")
    chosen = np.broadcast_to(values, shape)[keep]
    if not (np.isfinite(chosen).all() and (chosen >= 0).all()):
        raise InputError(f"fit_mixture: {what} must be finite and not negative")
    return chosen**2


def _total_variance(
    noise: np.ndarray, band_noise: np.ndarray, alpha: np.ndarray, error: float, x: np.ndarray
) -> np.ndarray:
    total = noise + band_noise @ alpha**2 + (error * (x @ alpha)) ** 2
    # Noiseless places must not weigh infinitely.
    floor = 1e-12 * max(float(total.max()), float((x**2).sum(axis=1).max()))
    return np.maximum(total, floor if floor > 0 else 1.0)


def _weighted(
    x: np.ndarray, y: np.ndarray, variance: np.ndarray, prior: np.ndarray | None, spread: float
) -> np.ndarray:
    root = 1.0 / np.sqrt(variance)
    matrix, target = x * root[:, None], y * root
    if prior is not None:
        matrix = np.concatenate([matrix, np.eye(prior.size) / spread])
        target = np.concatenate([target, prior / spread])
    return _nnls(matrix, target)[0]


def _model_error(y: np.ndarray, x: np.ndarray, alpha: np.ndarray, noise: np.ndarray) -> float:
    model = x @ alpha
    power = float((model**2).sum())
    excess = float(((y - model) ** 2 - noise).sum())
    return math.sqrt(max(excess, 0.0) / power) if power > 0 else 0.0
