"""A multiband scene as a TOML file: method, observations, grid and response."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from sigden.errors import FileError, ParameterError
from sigden.io.multiband.mosaic import open_mosaic
from sigden.io.multiband.psf import read_psf
from sigden.method import Method, from_dict
from sigden.multiband.apply import require_multiband
from sigden.multiband.data.grid import Grid
from sigden.multiband.tiles.mosaic import Mosaic
from sigden.registry import suggest

__all__ = ["Scene", "SceneFile", "read_scene"]

_SUFFIX_LIMIT = 1024**2


class PsfTable(msgspec.Struct, kw_only=True):
    """Table ``psf`` of an observation; as `read_psf`, and whether the PSF includes the pixel."""

    file: str
    hdu: int | str | None = None
    scale: float | None = None
    oversampling: float | None = None
    recentre: bool = False
    normalise: bool = False
    includes_pixel: bool = True


class ObservationTable(msgspec.Struct, kw_only=True):
    """One ``[[observation]]``; as `open_mosaic`."""

    band: str
    image: str
    psf: PsfTable
    hdu: int | str | None = None
    sigma: float | None = None
    rms: str | None = None
    variance: str | None = None
    weight: str | None = None
    mask: str | None = None
    mask_planes: list[int | str] | None = None
    zero_point: float | None = None
    unit: str | None = None
    scale: float | None = None
    offset: tuple[float, float] | None = None
    background: float = 0.0


class GridTable(msgspec.Struct, kw_only=True):
    """Table ``grid``: that of a band, refined if asked for, or one that is given."""

    reference: str | None = None
    refine: int = 1
    shape: tuple[int, int] | None = None
    scale: float | None = None
    centre: tuple[float, float] | None = None


class SceneTable(msgspec.Struct, kw_only=True):
    """The whole file."""

    observation: list[ObservationTable]
    grid: GridTable
    response: dict[str, dict[str, float]] = {}
    flux_unit: Literal["nJy", "native"] = "nJy"


_TABLES: Mapping[str, type[msgspec.Struct]] = {"psf": PsfTable, "grid": GridTable}


@dataclass(frozen=True, eq=False)
class Scene:
    """What a scene file describes, files opened.

    Parameters
    ----------
    method : Method
        What is to be run.
    mosaics : tuple of Mosaic
        Images in the order of the file.
    grid : Grid
        Pixel grid of the estimate.
    response : mapping
        Weight of each band in every wide band.
    unit : str or None
        Unit of the fluxes.
    inputs : tuple of str
        Names of the files, as the scene gives them.
    """

    method: Any
    mosaics: tuple[Mosaic, ...]
    grid: Grid
    response: Mapping[str, Mapping[str, float]]
    unit: str | None
    inputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SceneFile:
    """A scene file that is well formed.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    root : pathlib.Path
        Folder that its paths may not leave.
    method : Method
        What is to be run.
    table : SceneTable
        The rest.
    """

    path: Path
    root: Path
    method: Method
    table: SceneTable

    def open(self) -> Scene:
        """Open the files of the scene; pixels are read later.

        Returns
        -------
        Scene
            The scene.

        Raises
        ------
        FileError
            If a file cannot be used or is outside the root.
        InputError
            If files do not fit each other.
        ParameterError
            If a parameter is out of range.
        """
        tables = self.table.observation
        mosaics = tuple(self._mosaic(table, i) for i, table in enumerate(tables))
        units = {m.unit for m in mosaics if m.unit is not None}
        return Scene(
            method=self.method,
            mosaics=mosaics,
            grid=self._grid(mosaics),
            response=self.table.response,
            unit=_per_pixel(units.pop()) if len(units) == 1 else ("nJy" if units else None),
            inputs=tuple(dict.fromkeys(name for table in tables for name in _files(table))),
        )

    def _mosaic(self, table: ObservationTable, index: int) -> Mosaic:
        where = f"{self.path}: observation[{index}]"
        options: dict[str, Any] = {}
        for name in ("rms", "variance", "weight", "mask"):
            given = getattr(table, name)
            options[name] = None if given is None else self._file(given, f"{where}.{name}")
        image = self._file(table.image, f"{where}.image")
        pixel_scale = table.scale
        if table.psf.oversampling is not None or pixel_scale is None:
            pixel_scale = table.scale if table.scale is not None else _pixel_scale(image, table.hdu)
        psf, psf_scale = read_psf(
            self._file(table.psf.file, f"{where}.psf.file"),
            hdu=table.psf.hdu,
            scale=table.psf.scale,
            oversampling=table.psf.oversampling,
            pixel_scale=pixel_scale,
            recentre=table.psf.recentre,
            normalise=table.psf.normalise,
        )
        return open_mosaic(
            image,
            table.band,
            psf,
            hdu=table.hdu,
            sigma=table.sigma,
            mask_planes=table.mask_planes,
            zero_point=table.zero_point,
            unit=table.unit,
            native_flux=self.table.flux_unit == "native",
            scale=table.scale,
            offset=table.offset or (0.0, 0.0),
            psf_scale=psf_scale,
            psf_includes_pixel=table.psf.includes_pixel,
            background=table.background,
            **options,
        )

    def _file(self, name: str, where: str) -> Path:
        if os.path.isabs(name):
            raise FileError(f"{where}: {name!r} is absolute; give it relative to {self.path.parent}")
        path = self.path.parent / name
        if not path.resolve().is_relative_to(self.root):
            raise FileError(f"{where}: {name!r} leaves {self.root}; --root names a folder higher up")
        return path

    def _grid(self, mosaics: tuple[Mosaic, ...]) -> Grid:
        table, where = self.table.grid, f"{self.path}: grid"
        if (table.reference is None) == (table.shape is None):
            raise ParameterError(f"{where}: give either reference (a band) or shape and scale")
        if table.shape is not None:
            if table.scale is None or table.refine != 1:
                raise ParameterError(f"{where}: shape goes with scale, refine with reference")
            return _given_grid(table.shape, table.scale, table.centre)
        if table.scale is not None or table.centre is not None:
            raise ParameterError(f"{where}: scale and centre go with shape; refine goes with reference")
        bands = tuple(m.band for m in mosaics)
        if table.reference not in bands:
            raise ParameterError(
                f"{where}.reference: no band {table.reference!r}; {suggest(str(table.reference), bands)}"
            )
        if not 1 <= table.refine <= 16:
            raise ParameterError(f"{where}.refine: must be from 1 to 16, got {table.refine}")
        return _refined(mosaics[bands.index(str(table.reference))], table.refine)


def read_scene(path: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> SceneFile:
    """Read a scene file.

    Parameters
    ----------
    path : path
        TOML file.
    root : path, optional
        Folder that the paths in it may not leave, by default that of the file. They are relative to the file
        in any case.

    Returns
    -------
    SceneFile
        Checked for form; `SceneFile.open` opens its files.

    Raises
    ------
    FileError
        If the file cannot be read.
    ParameterError
        Naming the key that is unknown, missing or of the wrong type.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _SUFFIX_LIMIT:
            raise FileError(f"{path}: larger than a scene file may be ({_SUFFIX_LIMIT:,} bytes)")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileError:
        raise
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"{path}: not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise FileError(f"{path}: cannot read the scene: {reason}") from error
    try:
        method = _method(data.pop("method", "JointSparse"))
        _known_keys(SceneTable, data, "", extra=("method",))
        table = msgspec.convert(data, SceneTable, strict=True)
    except msgspec.ValidationError as error:
        raise ParameterError(f"{path}: {_in_words(str(error))}") from error
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from error
    if not table.observation:
        raise ParameterError(f"{path}: observation: expected at least one")
    return SceneFile(path, Path(path.parent if root is None else root).resolve(), method, table)


def _in_words(complaint: str) -> str:
    """What msgspec says, in the words of TOML."""
    for its, ours in (("$.", ""), ("Object missing required field", "missing"), ("`object`", "a table")):
        complaint = complaint.replace(its, ours)
    return complaint


def _method(data: Any) -> Method:
    method = from_dict({"method": data} if isinstance(data, str) else data)
    require_multiband(method)
    return method


def _known_keys(kind: type[msgspec.Struct], data: Any, where: str, *, extra: tuple[str, ...] = ()) -> None:
    """Refuse unknown keys with the nearest known one; what is ill-typed is left to msgspec."""
    if not isinstance(data, Mapping):
        return
    known = (*kind.__struct_fields__, *extra)
    for key, value in data.items():
        if key not in known:
            raise ParameterError(f"{where}{key}: unknown key; {suggest(key, known)}")
        if key == "observation" and isinstance(value, list):
            for i, one in enumerate(value):
                _known_keys(ObservationTable, one, f"observation[{i}].")
        elif key in _TABLES:
            _known_keys(_TABLES[key], value, f"{where}{key}.")


def _files(table: ObservationTable) -> list[str]:
    given = (table.image, table.psf.file, table.rms, table.variance, table.weight, table.mask)
    return [name for name in given if name is not None]


def _pixel_scale(path: Path, hdu: int | str | None) -> float | None:
    """Arcsec per pixel by the image's own WCS."""
    from sigden.io.fits_units import open_fits
    from sigden.io.multiband.layout import find_layout
    from sigden.io.multiband.mosaic import celestial_wcs
    from sigden.multiband.data.grid import wcs_scale

    with open_fits(path) as units:
        number = find_layout(units, path, hdu).image
        wcs = celestial_wcs(units[number].header, f"{path}[{number}]")
    return None if wcs is None else wcs_scale(wcs)


def _per_pixel(unit: str) -> str:
    """Unit of fluxes per pixel that a unit of flux or surface brightness leads to."""
    return "nJy" if unit.startswith("nJy") else unit


def _given_grid(shape: tuple[int, int], scale: float, centre: tuple[float, float] | None) -> Grid:
    if centre is None:
        return Grid(shape, scale)
    from astropy.wcs import WCS

    if not (0 <= centre[0] < 360 and -90 <= centre[1] <= 90):
        raise ParameterError(f"grid.centre: must be (right ascension, declination) in degrees, got {centre}")
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = list(centre)
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    return Grid(shape, scale, wcs)


def _refined(mosaic: Mosaic, refine: int) -> Grid:
    """Grid of a mosaic, its pixels divided."""
    shape = mosaic.shape[0] * refine, mosaic.shape[1] * refine
    if mosaic.wcs is None:
        half = (1 - 1 / refine) / 2 * mosaic.pixel_scale
        if max(abs(o - half) for o in mosaic.offset) > 1e-6 * mosaic.pixel_scale:
            raise ParameterError(
                f"grid.reference: band {mosaic.band!r} begins at offset {mosaic.offset}; where there is no "
                f"WCS it must be at {half:g} for refine {refine}"
            )
        return Grid(shape, mosaic.pixel_scale / refine)
    if refine == 1:
        return Grid(shape, mosaic.pixel_scale, mosaic.wcs)
    if mosaic.wcs.sip is not None:
        raise ParameterError(
            f"grid.refine: the WCS of band {mosaic.band!r} has SIP terms; give shape and centre"
        )
    wcs = mosaic.wcs.deepcopy()
    wcs.wcs.crpix = (wcs.wcs.crpix - 0.5) * refine + 0.5
    if wcs.wcs.has_cd():
        wcs.wcs.cd = wcs.wcs.cd / refine
    else:
        wcs.wcs.cdelt = wcs.wcs.cdelt / refine
    wcs.pixel_shape = None
    return Grid(shape, mosaic.pixel_scale / refine, wcs)
