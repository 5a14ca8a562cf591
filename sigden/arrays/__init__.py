"""Floor 0: namespaces, kernels, validation, scaling, containers."""

from sigden.arrays.kernels import Kernel
from sigden.arrays.namespace import device_of, is_numpy, namespace, real_dtype, require_array, to_numpy
from sigden.arrays.rescale import Scaling
from sigden.arrays.threads import (
    in_one_blas_thread,
    in_order,
    one_blas_thread,
    parallel_allowed,
    share_out,
    usable_cores,
)
from sigden.arrays.validate import as_floating, first_index, require_finite, require_mask, require_ndim

__all__ = [
    "Kernel",
    "Scaling",
    "as_floating",
    "device_of",
    "first_index",
    "in_one_blas_thread",
    "in_order",
    "is_numpy",
    "namespace",
    "one_blas_thread",
    "parallel_allowed",
    "real_dtype",
    "require_array",
    "require_finite",
    "require_mask",
    "require_ndim",
    "share_out",
    "to_numpy",
    "usable_cores",
]
