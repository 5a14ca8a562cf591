"""HyDe's methods as callables of the hyperspectral judge, for an environment of its own.

python -m pip install "torch==2.13.0" kornia pytorch_wavelets "setuptools<81" scikit-image HyDe-images==0.4.3

Each takes a cube (rows, columns, bands) and nothing else; parameters are HyDe's defaults, with rank 10
where it asks for one; OMP_NUM_THREADS threads, by default one. Methods that crash are left out: their reason
is in the README beside this file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def _run(call: Callable[[Any], Any], cube: Any) -> Any:
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with torch.no_grad():
        out = call(torch.from_numpy(cube))
    return (out[0] if isinstance(out, tuple) else out).numpy()


def hyres(cube: Any) -> Any:
    import hyde

    return _run(hyde.HyRes(), cube)


def hyminor(cube: Any) -> Any:
    import hyde

    return _run(hyde.HyMiNoR(), cube)


def forpdn(cube: Any) -> Any:
    import hyde

    return _run(hyde.FORPDN_SURE(), cube)


def wsrrr(cube: Any) -> Any:
    import hyde

    return _run(lambda x: hyde.WSRRR()(x, rank=10), cube)


def otvca(cube: Any) -> Any:
    import hyde

    return _run(lambda x: hyde.OTVCA()(x, features=10), cube)


def fasthyde(cube: Any) -> Any:
    import hyde

    return _run(hyde.FastHyDe(), cube)


def l1hymixde(cube: Any) -> Any:
    import hyde

    return _run(hyde.L1HyMixDe(), cube)
