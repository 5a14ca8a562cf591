"""Truth to test against: strain, bursts, binaries, signals and images."""

from sigden.simulate.bursts import ringdown, sine_gaussian, supernova_like, white_noise_burst
from sigden.simulate.inspiral import newtonian_inspiral
from sigden.simulate.psd import aligo_psd, aligo_spectrum, coloured_noise
from sigden.simulate.scene import Scene, Source, scene
from sigden.simulate.signals import cartoon_image, donoho_johnstone, piecewise_constant
from sigden.simulate.strain import SimulatedStrain, inject, shift_time, strain
from sigden.simulate.waveform import BinaryWaveform, binary_black_hole

__all__ = [
    "BinaryWaveform",
    "Scene",
    "SimulatedStrain",
    "Source",
    "aligo_psd",
    "aligo_spectrum",
    "binary_black_hole",
    "cartoon_image",
    "coloured_noise",
    "donoho_johnstone",
    "inject",
    "newtonian_inspiral",
    "piecewise_constant",
    "ringdown",
    "scene",
    "shift_time",
    "sine_gaussian",
    "strain",
    "supernova_like",
    "white_noise_burst",
]
