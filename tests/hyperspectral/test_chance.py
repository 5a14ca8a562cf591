"""Noise alone, in many places: nothing is found in it."""

import math

import numpy as np
import pytest

from sigden import SubspaceCollaborative
from sigden.hyperspectral import noise_sigma
from sigden.hyperspectral.chance import chance_level, sample_step
from sigden.hyperspectral.pipeline import analyse
from sigden.hyperspectral.prepare import prepare
from sigden.hyperspectral.screen import _candidates
from sigden.hyperspectral.weak import _border, _smoothed
from sigden.hyperspectral.workspace import Workspace


def test_the_level_is_reached_once_in_a_hundred():
    level = chance_level(10_000, 0.0)
    assert 10_000 * math.erfc(level / math.sqrt(2)) == pytest.approx(0.01, rel=1e-6)
    assert chance_level(10_000, 6.0) == 6.0
    assert chance_level(10**9, 5.5) > chance_level(10**7, 5.5) > 5.5
    assert [sample_step(n) for n in (100, 20_000, 10**6)] == [1, 2, 10]


def test_smoothed_noise_is_larger_at_the_mirrored_border():
    rng = np.random.default_rng(0)
    power = np.mean(
        [np.mean(_smoothed(rng.standard_normal((300, 32, 25))) ** 2, axis=0) for _ in range(8)], axis=0
    )
    expected = np.outer(_border(32), _border(25))
    np.testing.assert_allclose(np.sqrt(power / power[10:22, 10:15].mean()), expected, rtol=0.06)


def test_a_large_scene_has_as_many_directions_as_materials():
    rng = np.random.default_rng(2)
    spectra = np.linalg.qr(rng.standard_normal((48, 3)))[0].T.astype(np.float32)
    row, column = np.meshgrid(np.linspace(0, 9, 320), np.linspace(0, 9, 320), indexing="ij")
    maps = np.stack([np.sin(row), np.cos(column), np.sin(row * column / 3)], axis=-1).astype(np.float32)
    cube = 3 * maps @ spectra + rng.standard_normal((320, 320, 48), dtype=np.float32)
    work = prepare(cube, None, None)
    found = analyse(work, SubspaceCollaborative().recipe(), Workspace(like=work.values))
    assert found.space.rank == 3
    assert found.defects.flags is None
    assert not found.defects.columns.any()
    assert not found.defects.rows.any()


def test_the_tail_of_the_noise_of_a_large_band_is_no_impulse():
    signal = np.linspace(0, 1, 4_000_000, dtype=np.float32)
    for seed in range(12):
        band = np.random.default_rng(seed).standard_normal(signal.size, dtype=np.float32)
        assert _candidates(band, band + signal, None, (2000, 2000)) is None


def test_the_level_is_right_where_the_signal_is_hardly_above_the_noise():
    rng = np.random.default_rng(1)
    spectrum = np.exp(-0.5 * ((np.arange(30) - 9) / 1.5) ** 2)
    signal = rng.standard_normal((300, 200, 1)) * spectrum / np.linalg.norm(spectrum)
    cube = 2 * signal + rng.standard_normal((300, 200, 30))
    np.testing.assert_allclose(noise_sigma(cube), 1, atol=0.02)
