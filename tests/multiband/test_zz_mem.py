import sys, tracemalloc, numpy as np
from test_tiles import sky, grid, seen, response
from dataclasses import replace



import sigden.multiband.joint.sparse as sp
from sigden.multiband.joint.sparse import JointSparse




def wrap(mod, name):
    f = getattr(mod, name)

    def g(*a, **k):
        c, p = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        out = f(*a, **k)
        c2, p2 = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        print(
            f"{name}: before {c / 1e6:.1f} peak so far {p / 1e6:.1f}; inside peak {p2 / 1e6:.1f} after {c2 / 1e6:.1f}"
        )
        return out

    setattr(mod, name, g)


def test_it(seen, grid, response):
    rise = [np.linspace(1.0, 2.0, o.shape[1]) for o in seen]
    seen = [
        replace(o, sigma=np.broadcast_to(o.sigma * r, o.shape).copy())
        for o, r in zip(seen, rise, strict=True)
    ]
    JointSparse()(seen, grid, response=response)
    for n in [
        "measure_passage",
        "noise_pairs",
        "shrink_colours",
        "local_colour",
        "posterior_details",
        "_left",
        "misfit_variance",
    ]:
        if hasattr(sp, n):
            wrap(sp, n)
    tracemalloc.start()
    JointSparse()(seen, grid, response=response)
    print("end", tracemalloc.get_traced_memory())
