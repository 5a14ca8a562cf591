"""Truth to test against: strain, bursts, binaries, signals, images and spectral cubes."""

from sigden.simulate.bursts import ringdown, sine_gaussian, supernova_like, white_noise_burst
from sigden.simulate.cube import abundance_maps, endmember_spectra, spectral_cube
from sigden.simulate.cube_noise import (
    dead_lines,
    dead_pixels,
    gaussian_noise,
    impulse_noise,
    mixed_noise,
    poisson_noise,
    stripe_noise,
)
from sigden.simulate.inspiral import newtonian_inspiral
from sigden.simulate.psd import aligo_psd, aligo_spectrum, coloured_noise, noise_blocks
from sigden.simulate.scene import Scene, Source, scene
from sigden.simulate.shrunken import ShrunkenPredictions, shrunken_predictions
from sigden.simulate.signals import cartoon_image, donoho_johnstone, piecewise_constant
from sigden.simulate.strain import SimulatedStrain, inject, shift_time, strain
from sigden.simulate.waveform import BinaryWaveform, binary_black_hole

__all__ = [
    "BinaryWaveform",
    "Scene",
    "ShrunkenPredictions",
    "SimulatedStrain",
    "Source",
    "abundance_maps",
    "aligo_psd",
    "aligo_spectrum",
    "binary_black_hole",
    "cartoon_image",
    "coloured_noise",
    "dead_lines",
    "dead_pixels",
    "donoho_johnstone",
    "endmember_spectra",
    "gaussian_noise",
    "impulse_noise",
    "inject",
    "mixed_noise",
    "newtonian_inspiral",
    "noise_blocks",
    "piecewise_constant",
    "poisson_noise",
    "ringdown",
    "scene",
    "shift_time",
    "shrunken_predictions",
    "sine_gaussian",
    "spectral_cube",
    "strain",
    "stripe_noise",
    "supernova_like",
    "white_noise_burst",
]
