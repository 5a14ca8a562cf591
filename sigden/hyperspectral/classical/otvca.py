"""OTVCA: orthogonal total variation component analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sigden.arrays import device_of, namespace
from sigden.denoisers import ROF
from sigden.functionals import GroupL2
from sigden.hyperspectral.beside import contiguous
from sigden.hyperspectral.classical.frame import CentredCube, ClassicalMethod, Restored, at_least
from sigden.hyperspectral.classical.orthogonal import alternate, signal_directions
from sigden.operators import FiniteDifference

__all__ = ["OTVCA"]


@dataclass(frozen=True, kw_only=True)
class OTVCA(ClassicalMethod):
    """OTVCA: components with orthonormal spectra and images of small total variation, estimated in turn.

    Parameters
    ----------
    rank : int or None, default None
        Number of components; None counts the directions above the noise.
    regularization : float or "sure", default "sure"
        Weight on total variation for unit noise, the same for all components; ``"sure"`` finds one for
        each, of least unbiased risk, as `ROF` does.
    tol : float, default 1e-4
        Relative decrease of the objective in one iteration at which the alternation ends.
    max_iter : int, default 200
        Iterations allowed; the authors run this many.

    Notes
    -----
    With the whitened cube Y, one pixel a row [1]_,

    .. math:: \\arg\\min_{F, V} \\tfrac12 \\|Y - F V^T\\|_F^2 + \\sum_i \\lambda_i \\mathrm{TV}(f_i)
              \\quad \\text{with } V^T V = I,

    where TV is isotropic. For a given V each component image is the Rudin-Osher-Fatemi estimate of
    :math:`Y v_i`, for a given F the minimum over V is the polar factor of :math:`Y^T F`. V starts with the
    principal directions; the weights of ``"sure"`` are found there and stay. The authors' :math:`\\lambda`
    is for data in [0, 1] that are not whitened, 0.01 by default: with noise of level :math:`\\sigma` there
    it is a `regularization` of :math:`\\lambda / \\sigma`. The mean spectrum is taken off before and added
    after.

    `details` holds ``rank``, ``regularization``, one for each component, ``basis``, the whitened spectra V
    of the bands with noise, and ``components``, their images, shape (rows, columns, rank).

    References
    ----------
    .. [1] B. Rasti, M. O. Ulfarsson and J. R. Sveinsson, "Hyperspectral feature extraction using total
       variation component analysis", IEEE Trans. Geosci. Remote Sens. 54 (2016) 6976, section II.

    Examples
    --------
    >>> import numpy as np
    >>> from sigden import OTVCA
    >>> from sigden.simulate import gaussian_noise, spectral_cube
    >>> truth = spectral_cube(seed=1)
    >>> noisy = gaussian_noise(truth, sigma=0.05, seed=2)
    >>> bool(np.mean((OTVCA()(noisy) - truth) ** 2) < 0.05 * np.mean((noisy - truth) ** 2))
    True
    """

    rank: int | None = None
    regularization: float | Literal["sure"] = "sure"
    tol: float = 1e-4
    max_iter: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank is not None:
            at_least(self.rank, 1, "rank")
        if not isinstance(self.regularization, str):
            at_least(self.regularization, 0, "regularization")
        at_least(self.tol, 0, "tol")
        at_least(self.max_iter, 1, "max_iter")

    def restore(self, cube: CentredCube) -> Restored:
        """Estimate of a complete cube of order one."""
        rows, columns, bands = cube.values.shape
        xp = namespace(cube.values)
        y = xp.reshape(cube.whitened, (-1, bands))
        basis = signal_directions(y, self.rank)
        rank = basis.shape[1]

        def as_images(components: Any) -> Any:
            return xp.reshape(contiguous(components.T), (rank, rows, columns))

        weight = self._weights(as_images(y @ basis))
        gradient = FiniteDifference((rank, rows, columns), axes=(1, 2))
        variation = GroupL2(weight[:, None, None])

        def step(projected: Any) -> tuple[Any, float]:
            # the noise level stands for the weight: one for each image
            images = ROF(regularization=1.0).estimate(as_images(projected), sigma=weight)
            return xp.reshape(images, (rank, -1)).T, variation(gradient(images))

        found = alternate(y, basis, step, tol=self.tol, max_iter=self.max_iter)
        estimate = xp.reshape(found.components @ found.basis.T, cube.values.shape)
        return Restored(
            cube.coloured(estimate),
            certificate="relative decrease of the objective",
            gap=found.decrease,
            tol=self.tol,
            iterations=len(found.history),
            history=found.history,
            details={
                "rank": rank,
                "regularization": weight,
                "basis": found.basis,
                "components": xp.reshape(found.components, (rows, columns, rank)),
            },
        )

    def _weights(self, images: Any) -> Any:
        if isinstance(self.regularization, str):
            return ROF(regularization="sure").solve(images, sigma=1.0).details["regularization"]
        weight, device = self.regularization, device_of(images)
        return namespace(images).full(images.shape[0], weight, dtype=images.dtype, device=device)
