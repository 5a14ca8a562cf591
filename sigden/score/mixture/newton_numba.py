"""Wang's constrained Newton method for the weights of a normal mixture on a lattice, one island at a time."""

from __future__ import annotations

import numpy as np
from numba import njit, types

__all__ = ["fit_islands"]

_I = types.Array(types.int64, 1, "C", readonly=True)
_F = types.Array(types.float64, 1, "C", readonly=True)
_FF = types.Array(types.float64, 2, "C", readonly=True)
_SIGNATURE = [
    types.void(
        _I, _I, _I, _F, _FF, _I, _I, types.int64, types.float64, types.int64, types.float64[::1],
        types.float64[:, ::1],
    )
]  # fmt: skip

_PIVOT = 1e-12  # least pivot of a Cholesky factor, relative to the diagonal
_PULL = 1e-10  # weight of the present weights in the quadratic model, relative to its diagonal
_COLLAPSE = 1e-3  # least ratio of densities that a whole step may leave
_ENTER = 1e-12  # least gain at which a weight of zero enters
_CHANCES = 3  # rounds of block pivots without progress
_SMALLEST = 1e-300  # keeps the density of a far sample from zero
_CORE = 16  # length of a window of a long island, in reaches of the widest noise
_MARGIN = 2  # what it is longer by on both sides, where its answer is not taken


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _scatter(ratio, node, level, taps, reach, out):  # type: ignore[no-untyped-def]
    """Mean over samples of the kernel at every node over the density there: one plus the gradient."""
    out[:] = 0.0
    middle = taps.shape[1] // 2
    for g in range(node.size):
        r, kernel = ratio[g], taps[level[g]]
        width = reach[level[g]]
        low, high = max(node[g] - width, 0), min(node[g] + width + 1, out.size)
        target, source = out[low:high], kernel[middle + low - node[g] : middle + high - node[g]]
        for i in range(target.size):
            target[i] += r * source[i]


@njit(nogil=True, error_model="numpy")
def _columns(atoms, node, level, taps, widest):  # type: ignore[no-untyped-def]
    """Density of each atom at the samples that it reaches: rows[k] at samples low[k] to high[k]."""
    middle = taps.shape[1] // 2
    low = np.searchsorted(node, atoms - widest, side="left")
    high = np.searchsorted(node, atoms + widest, side="right")
    rows = np.empty((atoms.size, max(1, (high - low).max())))
    for k in range(atoms.size):
        for g in range(low[k], high[k]):
            rows[k, g - low[k]] = taps[level[g], middle + node[g] - atoms[k]]
    return low, high, rows


@njit(nogil=True, error_model="numpy")
def _mix(weight, rows, low, high, out):  # type: ignore[no-untyped-def]
    out[:] = 0.0
    for k in range(weight.size):
        w, target, source = weight[k], out[low[k] : high[k]], rows[k]
        if w != 0.0:
            for i in range(target.size):
                target[i] += w * source[i]


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _dot(a, b, c):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i] * c[i]
    return total


@njit(nogil=True, error_model="numpy")
def _gram(rows, low, high, square, first, H):  # type: ignore[no-untyped-def]
    """Hessian of the log-likelihood in the weights, its lower half; square holds counts over squared density.

    first takes the column of each row's first entry that is not zero: atoms are sorted, so H has a band, and
    nothing else of it is written or read.
    """
    start = 0
    for k in range(low.size):
        while start < k and high[start] <= low[k]:
            start += 1
        first[k] = start
        for m in range(start, k + 1):
            a, b = max(low[k], low[m]), min(high[k], high[m])
            value = 0.0
            if b > a:
                value = _dot(rows[k, a - low[k] : b - low[k]], rows[m, a - low[m] : b - low[m]], square[a:b])
            H[k, m] = value


@njit(nogil=True, error_model="numpy")
def _solve(H, first, right, index, size, factor, begin, out):  # type: ignore[no-untyped-def]
    """Solution on the passive set, by Cholesky within the envelope; out in the order of index."""
    start = 0
    for i in range(size):
        while index[start] < first[index[i]]:
            start += 1
        begin[i] = start
        for j in range(start, i + 1):
            total = H[index[i], index[j]]
            for k in range(max(start, begin[j]), j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(total, _PIVOT * H[index[i], index[i]]))
            else:
                factor[i, j] = total / factor[j, j]
        total = right[index[i]]
        for k in range(start, i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]
    for i in range(size - 1, -1, -1):
        out[i] /= factor[i, i]
        for k in range(begin[i], i):
            out[k] -= factor[i, k] * out[i]


@njit(nogil=True, error_model="numpy")
def _duals(H, first, right, w, out):  # type: ignore[no-untyped-def]
    """Negative gradient of the quadratic: what is positive at a zero weight lets it enter."""
    out[:] = right
    for k in range(w.size):
        for m in range(first[k], k):
            out[k] -= H[k, m] * w[m]
            out[m] -= H[k, m] * w[k]
        out[k] -= H[k, k] * w[k]


@njit(nogil=True, error_model="numpy")
def _passive(passive, index):  # type: ignore[no-untyped-def]
    count = 0
    for k in range(passive.size):
        if passive[k]:
            index[count] = k
            count += 1
    return count


@njit(nogil=True, error_model="numpy")
def _pivots(H, first, right, passive, index, begin, factor, z, w, dual):  # type: ignore[no-untyped-def]
    """Block principal pivoting: all weights and gains of a wrong sign change sides at once, while it helps.

    Atoms far apart hardly see each other, so most settle in the first rounds (J. J. Judice and F. M. Pires,
    Comput. Oper. Res. 21 (1994) 587); neighbours on the lattice may go round in circles. Returns whether
    nothing is left to change.
    """
    fewest, chances = w.size + 1, _CHANCES
    while chances > 0:
        count = _passive(passive, index)
        _solve(H, first, right, index, count, factor, begin, z)
        w[:] = 0.0
        for i in range(count):
            w[index[i]] = z[i]
        _duals(H, first, right, w, dual)
        wrong = 0
        for k in range(w.size):
            if w[k] <= 0.0 if passive[k] else dual[k] > _ENTER:
                passive[k] = not passive[k]
                wrong += 1
        if wrong == 0:
            return True
        if wrong < fewest:
            fewest, chances = wrong, _CHANCES
        else:
            chances -= 1
    return False


@njit(nogil=True, error_model="numpy")
def _active_sets(H, first, right, passive, index, begin, factor, z, w, dual):  # type: ignore[no-untyped-def]
    """Lawson and Hanson's active sets from the weights w, none negative, whose passive ones may change."""
    size = w.size
    for _ in range(3 * size + 10):
        while True:
            count = _passive(passive, index)
            _solve(H, first, right, index, count, factor, begin, z)
            part = 1.0
            for i in range(count):
                if z[i] <= 0.0:
                    part = min(part, w[index[i]] / (w[index[i]] - z[i]) if z[i] < w[index[i]] else 0.0)
            dropped = False
            for i in range(count):
                k = index[i]
                w[k] += part * (z[i] - w[k])
                if z[i] <= 0.0 and w[k] <= 1e-15:
                    w[k] = 0.0
                    passive[k] = False
                    dropped = True
            if not dropped:
                break
        _duals(H, first, right, w, dual)
        best, enter = _ENTER, -1
        for k in range(size):
            if not passive[k] and dual[k] > best:
                best, enter = dual[k], k
        if enter < 0:
            break
        passive[enter] = True


@njit(cache=True, nogil=True, error_model="numpy")
def _quadratic(H, first, right, start):  # type: ignore[no-untyped-def]
    """Weights that minimise w'Hw/2 - right'w, none negative; active sets finish what pivots begin."""
    size = start.size
    w, z, dual = np.empty(size), np.empty(size), np.empty(size)
    passive = start > 0.0
    index, begin = np.empty(size, np.int64), np.empty(size, np.int64)
    factor = np.empty((size, size))
    if _pivots(H, first, right, passive, index, begin, factor, z, w, dual):
        return w
    _duals(H, first, right, start, dual)
    least = np.dot(start, right + dual)  # minus twice the cost
    w = np.maximum(w, 0.0)
    passive[:] = w > 0.0
    _active_sets(H, first, right, passive, index, begin, factor, z, w, dual)
    if not np.dot(w, right + dual) >= least:
        # among atoms that nearly coincide pivots may leave weights too large to come back from
        w[:] = start
        passive[:] = True
        _active_sets(H, first, right, passive, index, begin, factor, z, w, dual)
    return w


@njit(nogil=True, error_model="numpy")
def _log_mean(count, density):  # type: ignore[no-untyped-def]
    total = 0.0
    for g in range(count.size):
        total += count[g] * np.log(max(density[g], _SMALLEST))
    return total


@njit(nogil=True, error_model="numpy")
def _starts(node, count, size, spacing):  # type: ignore[no-untyped-def]
    """First weights: the counts gathered on every spacing-th node."""
    weight = np.zeros(size)
    for g in range(node.size):
        weight[min((node[g] // spacing) * spacing + spacing // 2, size - 1)] += count[g]
    return weight


@njit(nogil=True, error_model="numpy")
def _model(atoms, w, gradient, square, node, level, taps, widest):  # type: ignore[no-untyped-def]
    """Weights of some atoms that minimise the quadratic model, those of all others as they are."""
    low, high, rows = _columns(atoms, node, level, taps, widest)
    H, first = np.empty((atoms.size, atoms.size)), np.empty(atoms.size, np.int64)
    _gram(rows, low, high, square, first, H)
    right = gradient[atoms] - 1.0
    for k in range(atoms.size):
        for m in range(first[k], k):
            right[k] += H[k, m] * w[m]
            right[m] += H[k, m] * w[k]
        # neighbours on the lattice are nearly collinear: a pull to where they are keeps them apart
        H[k, k] *= 1.0 + _PULL
        right[k] += H[k, k] * w[k]
    return _quadratic(H, first, right, w)


@njit(nogil=True, error_model="numpy")
def _settled(atoms, gradient, tolerance):  # type: ignore[no-untyped-def]
    """Whether neither a node would gain by entering nor an atom by leaving."""
    for k in range(atoms.size):
        if gradient[atoms[k]] < 1.0 - tolerance:
            return False
    return gradient.max() <= 1.0 + tolerance


@njit(nogil=True, error_model="numpy")
def _propose(atoms, w, gradient, square, node, level, taps, widest, core, shift, tolerance):  # type: ignore[no-untyped-def]
    """New weights, window by window: what an atom does to another fades within a few reaches of the noise.

    Windows have core nodes and a margin about them, and start shift nodes before the first; where nothing is
    left to gain the weights stay.
    """
    out, margin = w.copy(), _MARGIN * widest
    for begin in range(-shift, gradient.size, core):
        end = begin + core
        a, b = np.searchsorted(atoms, begin), np.searchsorted(atoms, end)
        part = gradient[max(begin, 0) : end]
        if a == b or _settled(atoms[a:b] - max(begin, 0), part, tolerance):
            continue
        low, high = np.searchsorted(atoms, begin - margin), np.searchsorted(atoms, end + margin)
        inside = _model(atoms[low:high], w[low:high], gradient, square, node, level, taps, widest)
        out[a:b] = inside[a - low : b - low]
    return out


@njit(nogil=True, error_model="numpy")
def _fit_island(node, level, count, taps, reach, size, spacing, tolerance, max_iter, weight, report):  # type: ignore[no-untyped-def]
    """Weights (size,) of one island; count sums to one; report takes iterations, bound and log-likelihood."""
    widest = reach.max()
    weight[:] = _starts(node, count, size, spacing)
    atoms = np.flatnonzero(weight > 0.0)
    w = weight[atoms]
    gradient, ratio = np.empty(size), np.empty(node.size)
    density, other = np.empty(node.size), np.empty(node.size)
    done, core = -1.0, _CORE * widest
    if core + 2 * _MARGIN * widest >= size:
        core = size
    for iteration in range(max_iter + 1):
        low, high, rows = _columns(atoms, node, level, taps, widest)
        _mix(w, rows, low, high, density)
        for g in range(node.size):
            density[g] = max(density[g], _SMALLEST)
            ratio[g] = count[g] / density[g]
        _scatter(ratio, node, level, taps, reach, gradient)
        before = _log_mean(count, density)
        report[0], report[1], report[2] = iteration, gradient.max() - 1.0, before
        if report[1] <= tolerance or iteration == max_iter or (done == 0.0 and core == size):
            break
        if done == 0.0:
            core = size  # the windows do not agree
        wanted = np.zeros(size, dtype=np.bool_)
        wanted[atoms] = True
        for i in range(size):
            left = gradient[i - 1] if i > 0 else -np.inf
            right = gradient[i + 1] if i < size - 1 else -np.inf
            if gradient[i] > 1.0 and gradient[i] >= left and gradient[i] > right:
                wanted[i] = True
        weight[:] = 0.0
        weight[atoms] = w
        atoms = np.flatnonzero(wanted)
        w = weight[atoms]
        for g in range(node.size):
            ratio[g] = count[g] / density[g] ** 2
        shift = core // 2 * (iteration % 2) if core < size else 0
        proposal = _propose(atoms, w, gradient, ratio, node, level, taps, widest, core, shift, tolerance)
        low, high, rows = _columns(atoms, node, level, taps, widest)
        _mix(proposal, rows, low, high, other)
        # a lone sample weighs too little to keep its atom: no density may collapse in one step
        worst = 1.0
        for g in range(node.size):
            worst = min(worst, other[g] / density[g])
        part, done = 1.0 if worst > _COLLAPSE else 0.9, 0.0
        excess = proposal.sum() - 1.0
        for _ in range(40):
            for g in range(node.size):
                ratio[g] = density[g] + part * (other[g] - density[g])
            if _log_mean(count, ratio) - part * excess > before:
                done = part
                break
            part *= 0.5
        if done > 0.0:
            w = w + done * (proposal - w)
        kept = w > 0.0
        atoms, w = atoms[kept], w[kept]
        w = w / w.sum()
    weight[:] = 0.0
    weight[atoms] = w


@njit(_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def fit_islands(node, level, begin, count, taps, reach, offset, spacing, tolerance, max_iter, weight, report):  # type: ignore[no-untyped-def]
    """Weights at the nodes of all islands.

    Sample group g has the flat node, the noise level and the count of its row; begin tells where the groups
    of each island start, offset where its nodes do. weight (nodes,) takes the prior's weights, which sum to
    one; row i of report the iterations, the gradient bound and the mean log-likelihood of island i.
    """
    total = count.sum()
    for i in range(offset.size - 1):
        part = slice(begin[i], begin[i + 1])
        mass = count[part].sum()
        target = weight[offset[i] : offset[i + 1]]
        _fit_island(
            node[part] - offset[i], level[part], count[part] / mass, taps, reach,
            offset[i + 1] - offset[i], spacing, tolerance, max_iter, target, report[i],
        )  # fmt: skip
        for k in range(target.size):
            target[k] *= mass / total
