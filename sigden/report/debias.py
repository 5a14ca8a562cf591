"""Page of a correction of predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sigden.debias import Diagnosis, Effect, FittedCalibration, FittedHierarchy, binned_bias, cross_fit
from sigden.method import Method
from sigden.report.debias_panels import bias_figure, calibration_figure, score_figure
from sigden.report.html import page_section, picture, render_page, table
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

    @property
    def method(self) -> Method:
        """The method with the constants that it chose."""
        fitted = self.calibration
        return fitted.tuned if isinstance(fitted, FittedCalibration) else fitted.method

    @property
    def text(self) -> str:
        """What the diagnosis and the caller warn about."""
        return " ".join(_sentence(note) for note in (*self.diagnosis.notes, *self.notes))


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
    bins = min(8, max(1, len(pairs) // 8))
    raw = binned_bias(pairs.predictions, pairs.truth, bins=bins)
    held_out = binned_bias(cross_fit(fitted.method, pairs), pairs.truth, bins=bins)
    tables = [_quality(section.diagnosis), _bins(raw, held_out)]
    if section.effects:
        tables.insert(0, _effects(section.effects))
    pictures = [
        _day_and_night(
            to_svg(calibration_figure(curve, pairs, LIGHT)),
            "Calibration items, their means in bins of the truth, and the correction learnt from them.",
        ),
        _day_and_night(
            to_svg(score_figure(curve, pairs, section.predictions, LIGHT)),
            "What the correction adds to a prediction, and what Tweedie's correction would add; below, the "
            "densities of calibration and new predictions.",
        ),
        _day_and_night(
            to_svg(bias_figure(raw, held_out, LIGHT)),
            "Mean error of calibration items in bins of their truth, ± 2 standard errors; each was corrected "
            "by a fit that had not seen it.",
        ),
    ]
    content = page_section(section, again=_AGAIN, tables=tables, pictures=pictures)
    return render_page([content], title=title, made=made)


def _day_and_night(light: bytes, caption: str) -> dict[str, str]:
    return picture(light, recoloured(light, LIGHT, DARK), caption)


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
        (
            _sentence(effect.name)[:-1],
            [
                f"{effect.estimate:.4g}",
                f"{effect.standard_error:.2g}",
                f"{effect.low:.4g} to {effect.high:.4g}",
                f"{effect.sampling_error:.2g}",
                f"{effect.calibration_error:.2g}",
                f"{effect.uncorrected:.4g}",
                f"{effect.n:,}",
            ],
        )
        for effect in effects
    ]
    return table("Effects", "Estimate of", headings, rows)


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
        members = f"{g.within:.3f} ± {g.within_error:.3f}"
        slopes, verdict = f"{g.between:.3f} ± {g.between_error:.3f}, {members}", "agree"
        if not math.isfinite(g.between):
            slopes, verdict = f"none, {members}", "groups do not differ in truth"
        elif g.differ:
            verdict = "differ"
        facts.append((f"Slopes of {g.count} groups and of their members", slopes, verdict))
    facts.append(("Recommended", d.recommended, "its assumptions are not contradicted"))
    rows = [(name, [value, meaning]) for name, value, meaning in facts]
    return table("Diagnosis", "Quantity", [("Value", "measured"), ("Meaning", "what is asked of it")], rows)


def _bins(raw: BinnedBias, corrected: BinnedBias) -> dict[str, Any]:
    headings = [
        ("Items", "in the bin"),
        ("Raw bias", "mean prediction less truth"),
        ("Corrected bias", "the same after correction, held out"),
    ]
    rows = [
        (f"{truth:.4g}", [f"{count:,}", f"{a:+.3g} ± {ea:.2g}", f"{b:+.3g} ± {eb:.2g}"])
        for truth, count, a, ea, b, eb in zip(
            raw.truth, raw.count, raw.bias, raw.error, corrected.bias, corrected.error, strict=True
        )
    ]
    return table("Corrected against truth", "Mean truth", headings, rows)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
