import dataclasses
import re
import sys
import threading

import numpy as np
import pytest

from sigden.errors import InputError, MissingExtraError
from sigden.report import strain_figure, to_png, to_svg
from sigden.report.style import DARK, LIGHT, recoloured

PANELS = 6  # two time series, two spectrograms, colour bar, spectra


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.get_axes()]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_every_detector_has_its_panels(results):
    figure = strain_figure(results)
    assert len(figure.get_axes()) == 2 * PANELS
    for name in results:
        for panel in (
            "whitened strain",
            "strain, 30\N{EN DASH}300 Hz",
            "spectrogram before",
            "spectrogram after",
        ):
            assert f"{name}: {panel}" in titles(figure)


def test_missing_matplotlib_is_named_with_its_extra(monkeypatch, results):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"figures need matplotlib: .*sigden\[plot\]"):
        strain_figure(results)


def test_axes_have_labels_with_units(results):
    for axes in strain_figure(results).get_axes():
        if axes.get_title(loc="left"):
            assert axes.get_xlabel().startswith(("Time (s) from GPS 1000000002.0000", "Frequency (Hz)"))
        assert axes.get_ylabel()


def test_time_series_shows_the_data_around_the_loudest_time(results):
    axes = strain_figure({"H1": results["H1"]}).get_axes()[0]
    result = results["H1"]
    t, y = lines(axes)["denoised"].get_data()
    assert t[0] == pytest.approx(-0.25, abs=2e-3)
    assert t[-1] == pytest.approx(0.15, abs=2e-3)
    first = round((2.0 + t[0]) * 1024)
    np.testing.assert_array_equal(y, result.whitened_denoised[first : first + y.size])


def test_calibrated_panel_is_scaled_and_says_so(results):
    axes = strain_figure({"H1": results["H1"]}).get_axes()[1]
    peak = np.abs(lines(axes)["denoised"].get_ydata()).max()
    assert 1 <= peak < 10
    assert "10^{-22}" in axes.get_ylabel()


def test_truth_is_drawn_in_the_band(results):
    result = results["H1"]
    truth = np.full(result.denoised.size, 1e-20)
    truth += 5e-22 * np.sin(2 * np.pi * 100 * np.arange(truth.size) / 1024)
    drawn = lines(strain_figure({"H1": result}, truth={"H1": truth}).get_axes()[1])[
        "simulated signal"
    ].get_ydata()
    assert np.abs(drawn).max() == pytest.approx(5, rel=0.02)


def test_truth_of_another_length(results):
    with pytest.raises(InputError, match="truth of H1"):
        strain_figure({"H1": results["H1"]}, truth={"H1": np.ones(3)})


def test_whitened_input_has_no_calibrated_panel(white_result):
    assert len(strain_figure({"H1": white_result}).get_axes()) == PANELS - 1


def test_loudest_time_at_the_edge_of_the_record(results):
    result = results["H1"]
    clean = np.zeros_like(result.whitened_denoised)
    clean[0] = 1.0
    figure = strain_figure({"H1": dataclasses.replace(result, whitened_denoised=clean)})
    assert to_png(figure, dpi=40).startswith(b"\x89PNG")


def test_an_estimate_of_zeros_is_drawn(results):
    result = results["H1"]
    zero = np.zeros_like(result.denoised)
    figure = strain_figure({"H1": dataclasses.replace(result, whitened_denoised=zero, denoised=zero)})
    assert to_png(figure, dpi=40).startswith(b"\x89PNG")
    spectra = figure.get_axes()[-1] if figure.get_axes()[-1].get_title(loc="left") else figure.get_axes()[-2]
    assert "denoised" not in lines(spectra)


def test_recoloured_is_what_drawing_in_the_dark_gives(results):
    one = {"H1": results["H1"]}
    light, dark = to_svg(strain_figure(one)), to_svg(strain_figure(one, palette=DARK))
    colours = [re.findall(rb"#[0-9a-f]{6}\b", re.sub(rb"base64,[^\"]*", b"", svg)) for svg in (light, dark)]
    assert colours[0] != colours[1]
    again = recoloured(light, LIGHT, DARK)
    assert re.findall(rb"#[0-9a-f]{6}\b", re.sub(rb"base64,[^\"]*", b"", again)) == colours[1]


def test_no_results():
    with pytest.raises(InputError, match="no results"):
        strain_figure({})


def test_threads_draw_the_same_figure(results):
    one = {"H1": results["H1"]}
    alone = to_png(strain_figure(one), dpi=50)
    out = {}
    threads = [
        threading.Thread(target=lambda i=i: out.update({i: to_png(strain_figure(one), dpi=50)}))
        for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [out[i] for i in range(2)] == [alone] * 2
