"""scarlet2 and STARRED beside JointSparse, each set up as its own tutorials do and run to its end.

Both are optional and need JAX; an environment of their own serves:
``pip install -e . scarlet2==0.5.1 starred-astro==1.7.1 optax numpyro``. Minutes a scene each.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.multiband import figures, joint
from sigden import JointSparse
from sigden.simulate.scene import Scene, Source, scene

# scarlet2: Adam as in its quickstart, its steps falling to nothing
_SCARLET_STEPS = 300
_SPECTRUM_STEP, _MORPHOLOGY_STEP = 0.05, 0.1
# STARRED: AdaBelief as in its own script, steps at each of three rates, for data scaled to a peak of one
_STARRED_STEPS = 1000
_STARRED_RATES = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True, eq=False)
class Fit:
    """Estimate of a fit, shape (bands, rows, columns), and how the fit ended."""

    estimate: Any
    ending: str = ""


def _ending(losses: list[float], why: str) -> str:
    """Steps, why there were no more, and by how much the loss still fell in the last tenth of them."""
    last = losses[-max(len(losses) // 10, 1) :]
    return f"{len(losses)} steps, {why}; last tenth: loss {(last[-1] - last[0]) / last[0]:+.1e}"


def _wcs(scale: float, centre: float) -> Any:
    """Tangent plane with square pixels, the same place of the sky at the middle of every image."""
    from astropy.wcs import WCS

    out = WCS(naxis=2)
    out.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    out.wcs.crval = [150.0, 2.0]
    out.wcs.crpix = [centre + 1.0, centre + 1.0]
    # scarlet2 reads the scale from this matrix, not from cdelt
    out.wcs.cd = np.diag([-scale / 3600.0, scale / 3600.0])
    return out


def scarlet2(sky: Scene) -> Fit:
    """scarlet2: one free-form source of one colour at every true place, VIS and Rubin fitted together.

    The model frame is VIS's with the target PSF, so that the fitted scene is compared as it is. Sources
    start from Gaussian moments, or where these fail from a point source, at their true places, which stay;
    spectra and morphologies are positive. Morphologies within the unit interval, as in its quickstart, end
    as plateaus here: cores brighter than their Gaussian start saturate.
    """
    import equinox as eqx
    import jax.numpy as jnp
    import optax
    import scarlet2 as sc2
    from numpyro.distributions import constraints
    from scarlet2.renderer import ChannelRenderer, ResamplingRenderer

    sc2.set_validation(False)
    size = sky.vis.shape[0]
    step = round(sky.rubin_scale / sky.scale)
    wide = _wcs(sky.scale, (size - 1) / 2)
    # with frames of even sizes its resampling is half an observed pixel off: placed so, the true scene,
    # rendered, fits the Rubin images with a chi2 of 0.98 per pixel, against 6 to 20 with the plain WCS
    native = _wcs(sky.rubin_scale, (size // step - 1) / 2 + 0.5)
    sigma = 0.2 / sky.scale / np.sqrt(8.0 * np.log(2.0))
    middle = slice((sky.psf_rubin.shape[-1] // 2) % step, None, step)
    bands = list(sky.bands)
    frame = sc2.Frame(
        sc2.Box((1 + len(bands), size, size)), psf=sc2.GaussianPSF(sigma), wcs=wide, channels=["VIS", *bands]
    )
    sees = [
        sc2.Observation(
            sky.vis[None],
            np.full((1, size, size), float(sky.sigma_vis) ** -2),
            psf=sky.psf_vis[None],
            wcs=wide,
            channels=["VIS"],
        ),
        sc2.Observation(
            sky.rubin,
            np.broadcast_to(np.reshape(sky.sigma_rubin, (-1, 1, 1)) ** -2.0, sky.rubin.shape),
            psf=sky.psf_rubin[:, middle, middle] * step**2,
            wcs=native,
            channels=bands,
        ),
    ]
    for one in sees:
        one.match(frame)
    # padded twice instead of four times: the same predictions, in a quarter of the time
    sees[1].match(
        frame,
        eqx.nn.Sequential(
            [ChannelRenderer(frame, sees[1].frame), ResamplingRenderer(frame, sees[1].frame, padding=2)]
        ),
    )
    # total flux that an observation shows of one unit in the model: pixels of other sizes, other conventions
    unit = jnp.zeros(frame.bbox.shape).at[:, size // 2, size // 2].set(1.0)
    gain = np.concatenate([np.asarray(one.render(unit)).sum(axis=(1, 2)) for one in sees])
    with sc2.Scene(frame) as fitted:
        for source in sky.catalogue:
            _scarlet2_source(sc2, sees, frame, source)
    with sc2.Parameters(fitted):
        for i, source in enumerate(fitted.sources):
            sc2.Parameter(
                source.spectrum,
                name=f"spectrum_{i}",
                constraint=constraints.positive,
                stepsize=partial(sc2.relative_step, factor=_SPECTRUM_STEP),
            )
            sc2.Parameter(
                source.morphology,
                name=f"morphology_{i}",
                constraint=constraints.positive,
                stepsize=_MORPHOLOGY_STEP,
            )
    losses: list[float] = []
    found = fitted.fit(
        sees,
        max_iter=_SCARLET_STEPS,
        schedule=optax.cosine_decay_schedule(1.0, _SCARLET_STEPS),
        progress_bar=False,
        callback=lambda scene, change, loss: losses.append(float(loss)),
    )
    why = "step limit" if len(losses) == _SCARLET_STEPS else "parameters changed by less than 1e-4"
    return Fit(np.asarray(found())[1:] * gain[1:, None, None], _ending(losses, why))


def _scarlet2_source(sc2: Any, sees: list[Any], frame: Any, source: Source) -> None:
    import jax.numpy as jnp

    centre = jnp.array([source.row, source.column])
    place = frame.get_sky_coord(centre)
    spectrum = morphology = None
    if source.kind == "galaxy":
        try:
            spectrum, morphology = sc2.init.from_gaussian_moments(sees, place, min_corr=0.99)
        except ValueError:
            spectrum = None
    if spectrum is None or not bool(jnp.all(jnp.isfinite(morphology))):
        spectrum = sc2.init.pixel_spectrum(sees, place, correct_psf=True)
        morphology = sc2.init.compact_morphology()
    # twice the side that it finds: beyond that the residuals of these scenes still show galaxies
    more = [(n // 2, n // 2) for n in morphology.shape]
    morphology = jnp.pad(morphology, more, constant_values=float(morphology.min()))
    sc2.Source(centre, jnp.maximum(jnp.nan_to_num(spectrum), 1e-6), morphology)


def starred(sky: Scene) -> Fit:
    """STARRED: every Rubin band by itself, VIS unused; stars as point sources at their true places.

    Its target is a Gaussian of FWHM two pixels of the finer grid, here the 0.2 arcsec of the truth. The
    kernel is Rubin's PSF divided by that Gaussian and by the block of pixels that its model takes the sum
    over: with it the true scene fits the Rubin images with a chi2 of 0.99 to 1.01 per pixel. Starlet
    regularisation of one noise level with the noise propagated by 500 draws, as its script for deconvolution
    does, positivity 100, and its own optimiser AdaBelief with falling rates.
    """
    fits = [
        _starred_band(image, kernel, float(s), sky)
        for image, kernel, s in zip(sky.rubin, _narrow(sky), sky.sigma_rubin, strict=True)
    ]
    return Fit(np.stack([f.estimate for f in fits]), " | ".join(f.ending for f in fits))


def _narrow(sky: Scene) -> Any:
    """Kernels from the target's resolution to the mean over a Rubin pixel, where the PSFs pass anything."""
    step = round(sky.rubin_scale / sky.scale)
    shape = sky.psf_rubin.shape[-2:]
    block = np.zeros(shape)
    block[:step, :step] = step**-2.0
    # sampled at the middle of a block, as the PSF is given
    shift = np.exp(2j * np.pi * np.fft.fftfreq(shape[0]) * (step - 1) / 2)
    blur = np.fft.fft2(block) * shift[:, None] * shift
    blur = blur * np.fft.fft2(np.fft.ifftshift(sky.psf_target / sky.psf_target.sum()))
    wide = np.fft.fft2(np.fft.ifftshift(sky.psf_rubin, axes=(-2, -1)))
    passed = (np.abs(wide) > 1e-5) & (np.abs(blur) > 1e-3)
    kernel = np.fft.ifft2(np.where(passed, wide / np.where(passed, blur, 1.0), 0.0)).real
    kernel = np.fft.fftshift(kernel, axes=(-2, -1))
    return kernel / kernel.sum(axis=(-2, -1), keepdims=True)


def _starred_band(image: Any, kernel: Any, sigma: float, sky: Scene) -> Fit:
    from starred.deconvolution.deconvolution import setup_model
    from starred.deconvolution.loss import Loss
    from starred.deconvolution.parameters import ParametersDeconv
    from starred.optim.optimization import Optimizer
    from starred.utils.noise_utils import propagate_noise

    step = round(sky.rubin_scale / sky.scale)
    unit = float(image.max())
    data, variance = image[None] / unit, np.full((1, *image.shape), (sigma / unit) ** 2)
    middle = (sky.vis.shape[0] - 1) / 2
    stars = [s for s in sky.catalogue if s.kind == "star"]
    model, first, above, below, fixed = setup_model(
        data=data,
        sigma_2=variance,
        s=kernel[None],
        xs=np.array([(s.column - middle) / step for s in stars]),
        ys=np.array([(s.row - middle) / step for s in stars]),
        subsampling_factor=step,
        initial_a=np.array([10.0 for _ in stars]),
    )
    fixed["kwargs_background"]["mean"] = np.zeros(1)
    for name in ("c_x", "c_y", "dx", "dy", "alpha", *(() if stars else ("a",))):
        fixed["kwargs_analytic"][name] = first["kwargs_analytic"][name]
    parameters = ParametersDeconv(first, fixed, kwargs_up=above, kwargs_down=below)
    weights = propagate_noise(
        model,
        np.sqrt(variance),
        first,
        wavelet_type_list=["starlet"],
        method="MC",
        num_samples=500,
        seed=1,
        likelihood_type="chi2",
        verbose=False,
        upsampling_factor=step,
    )[0]
    loss = Loss(
        data,
        model,
        parameters,
        variance,
        regularization_terms="l1_starlet",
        regularization_strength_scales=1.0,
        regularization_strength_hf=1.0,
        regularization_strength_positivity=100.0,
        W=weights,
    )
    losses: list[float] = []
    for number, rate in enumerate(_STARRED_RATES):
        optimiser = Optimizer(loss, parameters, method="adabelief")
        optimiser.minimize(
            restart_from_init=number == 0,
            max_iterations=_STARRED_STEPS,
            init_learning_rate=rate,
            progress_bar=False,
        )
        losses = [float(value) for value in optimiser.loss_history]
    found = parameters.best_fit_values(as_kwargs=True)
    deconvolved, _ = model.getDeconvolved(found, epoch=0)
    why = f"the last at a rate of {rate:g}, chi2 {float(loss.reduced_chi2(found)):.2f}"
    return Fit(np.asarray(deconvolved) * unit, _ending(losses, why))


METHODS: dict[str, Callable[[Scene], Fit]] = {
    "JointSparse": lambda sky: Fit(joint(JointSparse())(sky)),
    "scarlet2": scarlet2,
    "STARRED": starred,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33])
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'':18s}    nmse    ssim  flux err  colour err  proc. s   ending")
    for seed in options.seeds:
        sky = scene(seed=seed)
        for name in options.only:
            if name == "JointSparse":
                METHODS[name](sky)
            start = time.process_time()
            fit = METHODS[name](sky)
            seconds = time.process_time() - start
            nmse, ssim, flux, colour = figures(np.asarray(fit.estimate, dtype=np.float64), sky)
            quality = f"{nmse:8.4f}{ssim:8.4f}{flux:10.4f}{colour:12.4f}{seconds:10.2f}"
            print(f"{seed} {name:15s}{quality}   {fit.ending}", flush=True)


if __name__ == "__main__":
    main()
