"""The strain method that the options spell out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigden.strain.denoiser import StrainDenoiser

__all__ = ["strain_method"]


def strain_method(file: Path | None, options: dict[str, Any]) -> StrainDenoiser:
    """Strain method of a TOML file, or the default one, with options on top.

    Parameters
    ----------
    file : path or None
        TOML of a StrainDenoiser, or of a denoiser for the whitened strain.
    options : dict
        Parameters of StrainDenoiser; None where the option is not given.

    Returns
    -------
    StrainDenoiser
        The value.

    Raises
    ------
    FileError
        If the file cannot be read.
    ParameterError
        If the file or an option is wrong, or the file holds another kind of method.
    """
    from sigden.denoisers.base import Denoiser
    from sigden.errors import ParameterError
    from sigden.method import read_toml
    from sigden.strain.denoiser import StrainDenoiser
    from sigden.strain.network import CoherentStrain

    given = {key: value for key, value in options.items() if value is not None}
    if file is None:
        return StrainDenoiser(**given)
    method = read_toml(file)
    if isinstance(method, CoherentStrain):
        raise ParameterError(
            f"{file}: the command denoises detectors one by one; call CoherentStrain from Python to join them"
        )
    if isinstance(method, StrainDenoiser):
        return method.replace(**given)
    if isinstance(method, Denoiser):
        return StrainDenoiser(**given, denoiser=method)
    raise ParameterError(
        f"{file}: {method.name()} does not denoise strain; give a StrainDenoiser or a denoiser"
    )
