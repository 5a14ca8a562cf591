"""GeoTIFF cubes through rasterio: georeference, nodata and what is said of each band are kept."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sigden.errors import FileError, MissingExtraError
from sigden.io.atomic import atomic_path
from sigden.io.cube_value import Cube, as_float
from sigden.io.limits import MAX_BYTES, check_claim
from sigden.io.regular import require_regular

__all__ = ["GeoTiffLayout", "read_geotiff", "write_geotiff"]

_LOSSLESS = ("deflate", "lzw", "zstd", "packbits", "lzma")
_ITEMS = ("wavelength", "wavelength_units", "fwhm", "bbl")


@dataclass(frozen=True, eq=False)
class GeoTiffLayout:
    """What a GeoTIFF holds around its values.

    Parameters
    ----------
    profile : mapping
        CRS, transform, nodata, tiling and compression, as rasterio takes them.
    bands : tuple of mapping
        Description, unit, scale, offset, colour and tags of each band.
    tags : mapping
        Tags of the file: ``{domain: {name: text}}``.
    gcps : tuple
        Ground control points and their CRS.
    rpcs : object or None
        Rational polynomial coefficients.
    valid : array of uint8, shape (rows, columns), or None
        The file's own mask, 0 where nothing was measured.
    """

    profile: Mapping[str, Any]
    bands: tuple[Mapping[str, Any], ...]
    tags: Mapping[str | None, Mapping[str, str]]
    gcps: tuple[Any, Any]
    rpcs: Any
    valid: Any


def read_geotiff(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Cube:
    """Read a GeoTIFF cube.

    Parameters
    ----------
    path : path
        File with one image of several bands.
    max_bytes : int
        Cap on the size in memory.

    Returns
    -------
    Cube
        Stored values, scale and offset not applied; samples of the nodata value and those that the file's
        mask leaves out are masked; an alpha band is such a mask and no band of the cube. Wavelength, fwhm and
        bad bands are those of the tags ``wavelength``, ``wavelength_units``, ``fwhm`` and ``bbl`` of the
        bands, as GDAL writes them of ENVI files, or of GDAL's domain IMAGERY, in micrometres.

    Raises
    ------
    FileError
        If the file is missing, no GeoTIFF, damaged, cut short, or its values are complex.
    MissingExtraError
        If the package rasterio is not installed.
    """
    path = Path(path)
    require_regular(path)  # GDAL would look for it on the network, too
    with _gdal(path) as rasterio, rasterio.open(path, driver="GTiff") as file:
        if not file.count:
            raise FileError(
                f"{path}: holds {len(file.subdatasets)} images; write one with its bands to a file"
            )
        alpha = rasterio.enums.ColorInterp.alpha
        colours = dict(zip(file.indexes, file.colorinterp, strict=True))
        indexes = [number for number, colour in colours.items() if colour != alpha]
        if not indexes:
            raise FileError(f"{path}: holds nothing but an alpha band")
        types = [np.dtype(t) for t in file.dtypes if "complex" not in t]
        if len(types) < file.count:
            raise FileError(f"{path}: holds complex values; real numbers are needed")
        size = file.count * file.height * file.width * max(4, *(t.itemsize for t in types))
        check_claim(str(path), size, path.stat().st_size * 4, max_bytes)
        values = np.ascontiguousarray(np.moveaxis(as_float(file.read(indexes), str(path)), 0, -1))
        own = any("per_dataset" in [flag.name for flag in flags] for flags in file.mask_flag_enums)
        missing = np.moveaxis(file.read_masks(indexes) == 0, 0, -1)
        valid = file.dataset_mask() if own else None
        if len(indexes) < file.count:
            # GDAL takes alpha for a mask in files of two and of four bands only
            clear = (file.read([n for n in file.indexes if n not in indexes]) == 0).any(axis=0)
            missing = missing | clear[..., None]
            valid = np.where(clear | (valid == 0), 0, 255).astype(np.uint8)
        layout = GeoTiffLayout(
            profile=_profile(file),
            bands=tuple(_band(file, number) for number in indexes),
            tags={domain: file.tags(ns=domain) for domain in (None, "ENVI") if file.tags(ns=domain)},
            gcps=file.gcps,
            rpcs=file.rpcs,
            valid=valid,
        )
    items = _spectral_items(layout, path)
    flags = items["bbl"]
    units = {band["unit"] for band in layout.bands}
    return Cube(
        values=values,
        mask=np.ascontiguousarray(missing) if missing.any() else None,
        wavelength=items["wavelength"],
        wavelength_unit=items["wavelength_units"],
        fwhm=items["fwhm"],
        bad_bands=None if flags is None else flags == 0,
        unit=units.pop() or "" if len(units) == 1 else "",
        axis=0,
        header=layout,
        name=str(path),
    )


def write_geotiff(
    path: str | os.PathLike[str],
    cube: Cube,
    *,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a GeoTIFF cube.

    Parameters
    ----------
    path : path
        Output file.
    cube : Cube
        Values, written as float32 or float64; what a GeoTIFF that it came with says is kept. Compression is
        kept where it is lossless, and is deflate otherwise.
    provenance : mapping, optional
        How it was made, as JSON in the tag ``SIGDEN``.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the file exists or cannot be written.
    MissingExtraError
        If the package rasterio is not installed.
    """
    rows, columns, count = cube.values.shape
    layout = cube.header if isinstance(cube.header, GeoTiffLayout) else None
    dtype = "float32" if cube.values.dtype.itemsize <= 4 else "float64"
    profile = {"driver": "GTiff", "width": columns, "height": rows, "count": count, "dtype": dtype}
    profile |= {"bigtiff": "IF_SAFER"} | dict(layout.profile if layout else {})
    with (
        atomic_path(path, overwrite) as target,
        _gdal(Path(path), "cannot be written as GeoTIFF") as rasterio,
        rasterio.open(target, "w", **profile) as file,
    ):
        file.write(np.moveaxis(cube.values, -1, 0).astype(dtype, copy=False))
        if layout is None:
            for number, items in enumerate(_written_items(cube), 1):
                file.update_tags(number, **items)
        else:
            _restore(file, layout)
        if provenance:
            file.update_tags(SIGDEN=json.dumps(dict(provenance), default=str))


@contextmanager
def _gdal(path: Path, failed: str = "is no GeoTIFF that can be used") -> Iterator[Any]:
    """Package rasterio with its errors named, and nothing written beside the file."""
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
    except ImportError as error:
        raise MissingExtraError(
            "GeoTIFF needs the package rasterio: python -m pip install 'sigden[geotiff]'"
        ) from error
    try:
        with (
            warnings.catch_warnings(),
            rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_TIFF_INTERNAL_MASK="YES", GDAL_NUM_THREADS="1"),
        ):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield rasterio
    except (RasterioError, ValueError) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise FileError(f"{path}: {failed}: {reason}") from error


def _profile(file: Any) -> dict[str, Any]:
    """What `rasterio.open` takes to write a file like this one, its type and size aside."""
    kept = {
        key: file.profile[key] for key in ("crs", "transform", "nodata") if file.profile.get(key) is not None
    }
    if file.profile.get("tiled"):
        kept |= {key: file.profile[key] for key in ("tiled", "blockxsize", "blockysize")}
    if "interleave" in file.profile:
        kept["interleave"] = file.profile["interleave"]
    compress = file.profile.get("compress")
    if compress:
        kept["compress"] = compress if str(compress).lower() in _LOSSLESS else "deflate"
    if "crs" not in kept and file.transform.is_identity:
        kept.pop("transform", None)
    return kept


def _band(file: Any, number: int) -> dict[str, Any]:
    at = number - 1
    return {
        "description": file.descriptions[at],
        "unit": file.units[at],
        "scale": file.scales[at],
        "offset": file.offsets[at],
        "colour": file.colorinterp[at],
        "tags": {ns: file.tags(number, ns=ns) for ns in (None, "IMAGERY") if file.tags(number, ns=ns)},
    }


def _restore(file: Any, layout: GeoTiffLayout) -> None:
    """Give a new file what the old one said."""
    file.descriptions = [band["description"] for band in layout.bands]
    file.scales = [band["scale"] for band in layout.bands]
    file.offsets = [band["offset"] for band in layout.bands]
    file.colorinterp = [band["colour"] for band in layout.bands]
    for number, band in enumerate(layout.bands, 1):
        if band["unit"]:
            file.set_band_unit(number, band["unit"])
        for domain, tags in band["tags"].items():
            # statistics of the old values would be wrong
            file.update_tags(number, ns=domain, **{k: v for k, v in tags.items() if "STATISTICS_" not in k})
    for domain, tags in layout.tags.items():
        file.update_tags(ns=domain, **tags)
    if layout.gcps[0]:
        file.gcps = layout.gcps
    if layout.rpcs is not None:
        file.rpcs = layout.rpcs
    if layout.valid is not None:
        file.write_mask(layout.valid)


def _spectral_items(layout: GeoTiffLayout, path: Path) -> dict[str, Any]:
    """Wavelength, its unit, fwhm and bad-band list: of the bands' tags, else of lists in the file's."""
    bands = [{k.lower(): v for k, v in band["tags"].get(None, {}).items()} for band in layout.bands]
    imagery = [band["tags"].get("IMAGERY", {}) for band in layout.bands]
    whole: dict[str, str] = {}
    for domain in ("ENVI", None):
        whole |= {k.lower().replace(" ", "_"): v for k, v in layout.tags.get(domain, {}).items()}
    if not any("wavelength" in tags for tags in bands) and all("CENTRAL_WAVELENGTH_UM" in t for t in imagery):
        bands = [
            {"wavelength": t["CENTRAL_WAVELENGTH_UM"], "fwhm": t.get("FWHM_UM"), "wavelength_units": "um"}
            | tags
            for t, tags in zip(imagery, bands, strict=True)
        ]
    out: dict[str, Any] = {}
    for item in _ITEMS:
        given = [tags.get(item) for tags in bands]
        if all(text is None for text in given) and item in whole:
            listed = re.split(r"[,\s]+", whole[item].strip("{} \n"))
            given = [listed[0]] * len(bands) if item == "wavelength_units" else list(listed)
        out[item] = given
    units = {text for text in out["wavelength_units"] if text}
    out["wavelength_units"] = units.pop() if len(units) == 1 else ""
    for item in ("wavelength", "fwhm", "bbl"):
        out[item] = _numbers(out[item], item, len(bands), path)
    return out


def _numbers(given: list[Any], item: str, count: int, path: Path) -> Any:
    if any(text is None for text in given):
        return None
    if len(given) != count:
        raise FileError(f"{path}: {item} has {len(given)} values for {count} bands")
    try:
        return np.array([float(text) for text in given])
    except ValueError as error:
        raise FileError(f"{path}: {item}: {error}") from error


def _written_items(cube: Cube) -> Iterator[dict[str, str]]:
    """Tags of each band of a cube that came from another kind of file."""
    flags = None if cube.bad_bands is None else (~np.asarray(cube.bad_bands)).astype(int)
    lists = {"wavelength": cube.wavelength, "fwhm": cube.fwhm, "bbl": flags}
    for band in range(cube.values.shape[2]):
        tags = {key: f"{part[band]:.10g}" for key, part in lists.items() if part is not None}
        if cube.wavelength is not None and cube.wavelength_unit:
            tags["wavelength_units"] = cube.wavelength_unit
        yield tags
