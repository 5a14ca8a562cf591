"""Page of a correction of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sigden.debias import Diagnosis, Effect, FittedCalibration, FittedHierarchy, binned_bias, cross_fit
from sigden.report.debias_panels import bias_figure, calibration_figure, score_figure
from sigden.report.html import flat, inline, render_page
from sigden.report.render import to_svg
from sigden.report.style import DARK, LIGHT, recoloured

if TYPE_CHECKING:
    from sigden.debias import BinnedBias

__all__ = ["DebiasSection", "debias_page"]

_AGAIN = "The method with its chosen constants, for --method method.toml:"


@dataclass(frozen=True, eq=False)
class DebiasSection:
    """What a page shows of one correction.

    Parameters
    ----------
    calibration : FittedCalibration or FittedHierarchy
        The correction.
    diagnosis : Diagnosis
        Of its calibration pairs.
    predictions : numpy.ndarray, shape (n,)
        Raw predictions of the new items.
    effects : sequence of Effect
        Of the new items.
    notes : sequence of str
        What to warn about.
    title : str
        Heading.
    command : str
        Command line that made the results.
    provenance : mapping
        Names and values, nested as need be.
    outputs : sequence of str
        Names of the files written.
    """

    calibration: FittedCalibration | FittedHierarchy
    diagnosis: Diagnosis
    predictions: Any
    effects: Sequence[Effect] = ()
    notes: Sequence[str] = ()
    title: str = "Correction"
    command: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()


def debias_page(section: DebiasSection, *, title: str = "Corrected predictions", made: str = "") -> str:
    """Page of one correction.

    Parameters
    ----------
    section : DebiasSection
        What it shows.
    title : str
        Heading of the page.
    made : str
        When and where the page was made, for the foot of the page.

    Returns
    -------
    str
        HTML; images are inline, nothing outside is fetched.

    Raises
    ------
    MissingExtraError
        If matplotlib or jinja2 is not installed.
    """
    fitted = section.calibration
    pairs = fitted.calibration
    curve = fitted if isinstance(fitted, FittedCalibration) else None
    method = fitted.tuned if isinstance(fitted, FittedCalibration) else fitted.method
    bins = min(8, max(1, len(pairs) // 8))
    raw = binned_bias(pairs.predictions, pairs.truth, bins=bins)
    held_out = binned_bias(cross_fit(fitted.method, pairs), pairs.truth, bins=bins)
    tables = [_quality(section.diagnosis), _bins(raw, held_out)]
    if section.effects:
        tables.insert(0, _effects(section.effects))
    pictures = [
        _picture(
            to_svg(calibration_figure(curve, pairs, LIGHT)),
            "Calibration items, their means in bins of the truth, and the correction learnt from them.",
        ),
        _picture(
            to_svg(score_figure(curve, pairs, section.predictions, LIGHT)),
            "What the correction adds to a prediction, and what Tweedie's correction would add; below, the "
            "densities of calibration and new predictions.",
        ),
        _picture(
            to_svg(bias_figure(raw, held_out, LIGHT)),
            "Mean error of calibration items in bins of their truth, ± 2 standard errors; each was corrected "
            "by a fit that had not seen it.",
        ),
    ]
    content = {
        "title": section.title,
        "text": " ".join(_sentence(note) for note in (*section.diagnosis.notes, *section.notes)),
        "tables": tables,
        "pictures": pictures,
        "command": section.command,
        "toml": method.to_toml(),
        "again": _AGAIN,
        "outputs": list(section.outputs),
        "provenance": list(flat(section.provenance)),
    }
    return render_page([content], title=title, made=made)


def _picture(light: bytes, caption: str) -> dict[str, str]:
    return {
        "light": inline(light),
        "dark": inline(recoloured(light, LIGHT, DARK)),
        "caption": caption,
        "alt": caption,
    }


def _effects(effects: Sequence[Effect]) -> dict[str, Any]:
    level = f"{effects[0].level:.0%} interval"
    headings = [
        ("Estimate", "from corrected predictions"),
        ("Standard error", "of sampling and calibration together"),
        (level, "holds the truth this often"),
        ("Sampling", "part of the standard error from the new items"),
        ("Calibration", "part from the calibration items; more new items do not lessen it"),
        ("Uncorrected", "the same estimate from raw predictions"),
        ("Items", "new items"),
    ]
    rows = [
        {
            "name": _sentence(effect.name)[:-1],
            "cells": [
                f"{effect.estimate:.4g}",
                f"{effect.standard_error:.2g}",
                f"{effect.low:.4g} to {effect.high:.4g}",
                f"{effect.sampling_error:.2g}",
                f"{effect.calibration_error:.2g}",
                f"{effect.uncorrected:.4g}",
                f"{effect.n:,}",
            ],
        }
        for effect in effects
    ]
    return _table("Effects", "Estimate of", headings, rows)


def _quality(diagnosis: Diagnosis) -> dict[str, Any]:
    d = diagnosis
    facts = [
        ("Calibration items", f"{d.n:,}", ""),
        (
            "Slope of prediction on truth",
            f"{d.attenuation:.3f} ± {d.attenuation_error:.3f}",
            "1 without shrinkage",
        ),
        (
            "Slope of truth on prediction",
            f"{d.truth_slope:.3f} ± {d.truth_slope_error:.3f}",
            "Tweedie needs 1",
        ),
        ("Bend of the mean prediction", f"p = {d.curvature_p:.2g}", "a line needs none"),
        (
            "Residuals",
            f"σ {d.residual_sigma:.3g}, skewness {d.residual_skewness:.2f}, "
            f"excess kurtosis {d.residual_kurtosis:.2f}",
            f"normal: p = {d.gaussian_p:.2g}",
        ),
        (
            "Trend of the residual variance",
            f"{d.variance_trend:+.0%} per standard deviation",
            f"none: p = {d.variance_p:.2g}",
        ),
    ]
    if d.groups is not None:
        g = d.groups
        facts.append(
            (
                f"Slopes of {g.count} groups and of their members",
                f"{g.between:.3f} ± {g.between_error:.3f}, {g.within:.3f} ± {g.within_error:.3f}",
                "differ" if g.differ else "agree",
            )
        )
    facts.append(("Recommended", d.recommended, "its assumptions are not contradicted"))
    rows = [{"name": name, "cells": [value, meaning]} for name, value, meaning in facts]
    return _table("Diagnosis", "Quantity", [("Value", "measured"), ("Meaning", "what is asked of it")], rows)


def _bins(raw: BinnedBias, corrected: BinnedBias) -> dict[str, Any]:
    headings = [
        ("Items", "in the bin"),
        ("Raw bias", "mean prediction less truth"),
        ("Corrected bias", "the same after correction, held out"),
    ]
    rows = [
        {
            "name": f"{truth:.4g}",
            "cells": [f"{count:,}", f"{a:+.3g} ± {ea:.2g}", f"{b:+.3g} ± {eb:.2g}"],
        }
        for truth, count, a, ea, b, eb in zip(
            raw.truth, raw.count, raw.bias, raw.error, corrected.bias, corrected.error, strict=True
        )
    ]
    return _table("Corrected against truth", "Mean truth", headings, rows)


def _table(
    title: str, row_heading: str, headings: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "title": title,
        "row_heading": row_heading,
        "headings": [{"name": name, "help": text} for name, text in headings],
        "rows": list(rows),
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
