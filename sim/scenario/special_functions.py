"""Inverse normal and inverse gamma functions that give the same bits in CPython and in compiled code.

Only `math`, arithmetic and loops: what a library calls may differ between the two in the last place.
"""

from __future__ import annotations

import math


def normal_quantile(u: float) -> float:
    """The standard normal's quantile at `u` in (0, 1), to about 1e-16 relative.

    Algorithm AS 241, routine PPND16 (Wichura, Applied Statistics 37, 1988): a ratio of two polynomials of
    degree seven in each of three regions.
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = 2509.0809287301226727
        above = above * r + 33430.575583588128105
        above = above * r + 67265.770927008700853
        above = above * r + 45921.953931549871457
        above = above * r + 13731.693765509461125
        above = above * r + 1971.5909503065514427
        above = above * r + 133.14166789178437745
        above = above * r + 3.387132872796366608
        below = 5226.495278852854561
        below = below * r + 28729.085735721942674
        below = below * r + 39307.89580009271061
        below = below * r + 21213.794301586595867
        below = below * r + 5394.1960214247511077
        below = below * r + 687.1870074920579083
        below = below * r + 42.313330701600911252
        below = below * r + 1.0
        return q * above / below
    tail = u if q < 0.0 else 1.0 - u
    r = math.sqrt(-math.log(tail))
    if r <= 5.0:
        r -= 1.6
        above = 7.7454501427834140764e-4
        above = above * r + 0.0227238449892691845833
        above = above * r + 0.24178072517745061177
        above = above * r + 1.27045825245236838258
        above = above * r + 3.64784832476320460504
        above = above * r + 5.7694972214606914055
        above = above * r + 4.6303378461565452959
        above = above * r + 1.42343711074968357734
        below = 1.05075007164441684324e-9
        below = below * r + 5.475938084995344946e-4
        below = below * r + 0.0151986665636164571966
        below = below * r + 0.14810397642748007459
        below = below * r + 0.68976733498510000455
        below = below * r + 1.6763848301838038494
        below = below * r + 2.05319162663775882187
        below = below * r + 1.0
    else:
        r -= 5.0
        above = 2.01033439929228813265e-7
        above = above * r + 2.71155556874348757815e-5
        above = above * r + 0.0012426609473880784386
        above = above * r + 0.026532189526576123093
        above = above * r + 0.29656057182850489123
        above = above * r + 1.7848265399172913358
        above = above * r + 5.4637849111641143699
        above = above * r + 6.6579046435011037772
        below = 2.04426310338993978564e-15
        below = below * r + 1.4215117583164458887e-7
        below = below * r + 1.8463183175100546818e-5
        below = below * r + 7.868691311456132591e-4
        below = below * r + 0.0148753612908506148525
        below = below * r + 0.13692988092273580531
        below = below * r + 0.59983220655588793769
        below = below * r + 1.0
    return -above / below if q < 0.0 else above / below


def gamma_peak(shape: float) -> float:
    """log(shape^shape · e^-shape / Γ(shape)), what `gamma_quantile` needs beside the shape.

    From Stirling's series above 20, where the difference of large terms would lose digits. Computed once, in
    Python, since the two engines' lgamma differ.
    """
    if shape < 20.0:
        return shape * math.log(shape) - shape - math.lgamma(shape)
    square = shape * shape
    series = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square) / shape
    return 0.5 * math.log(shape / (2.0 * math.pi)) - series


def gamma_tail(shape: float, peak: float, log_x: float, upper: bool) -> float:
    """P(shape, x) or, if `upper`, Q(shape, x), divided by the density of log x, x^shape · e^-x / Γ(shape).

    Below shape + 1 the power series of P, above it Lentz's continued fraction of Q (Abramowitz and Stegun,
    6.5.29 and 6.5.31); the other one from P + Q = 1. Divided so, neither underflows and a Newton step needs
    no more.
    """
    x = math.exp(log_x)
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        above = shape
        while term > total * 1e-17:
            above += 1.0
            term *= x / above
            total += term
        if not upper:
            return total
        density = gamma_density(shape, peak, log_x)
        return (1.0 - density * total) / density
    b = x + 1.0 - shape
    c = 1e300
    d = 1.0 / b
    fraction = d
    k = 0.0
    change = 0.0
    while abs(change - 1.0) > 3e-16 and k < 10000.0:
        k += 1.0
        a = -k * (k - shape)
        b += 2.0
        d = a * d + b
        c = b + a / c
        if abs(d) < 1e-300:
            d = 1e-300
        if abs(c) < 1e-300:
            c = 1e-300
        d = 1.0 / d
        change = d * c
        fraction *= change
    if upper:
        return fraction
    density = gamma_density(shape, peak, log_x)
    return (1.0 - density * fraction) / density


def gamma_density(shape: float, peak: float, log_x: float) -> float:
    """x^shape · e^-x / Γ(shape), the density of log x, about its peak, so that no digits are lost."""
    y = log_x - math.log(shape)
    return math.exp(peak - shape * (math.expm1(y) - y))


def gamma_quantile(shape: float, peak: float, u: float) -> float:
    """The quantile at `u` of a gamma variable of this shape and scale 1; `peak` is `gamma_peak(shape)`.

    Newton on the logarithm of the smaller tail as a function of log x. Both tails are log-concave there, so
    after one step every iterate lies on the same side of the root and moves towards it, from any start.
    """
    upper = u > 0.5
    goal = math.log(1.0 - u) if upper else math.log(u)
    log_x = _first_guess(shape, peak, u)
    for _ in range(100):
        tail = gamma_tail(shape, peak, log_x, upper)
        log_density = peak - shape * (math.expm1(log_x - math.log(shape)) - (log_x - math.log(shape)))
        step = (log_density + math.log(tail) - goal) * tail
        if not upper:
            step = -step
        # Within a step of the root the next one is its square: nothing would change any more.
        if abs(step) < 1e-9:
            return math.exp(log_x + step)
        log_x += min(4.0, max(-700.0, step))
    return math.exp(log_x)


def _first_guess(shape: float, peak: float, u: float) -> float:
    """The logarithm of a value near the quantile: Wilson and Hilferty's cube, or the power law near zero."""
    ninth = 1.0 / (9.0 * shape)
    cube = 1.0 - ninth + normal_quantile(u) * math.sqrt(ninth)
    if shape > 0.5 and cube > 0.2:
        return math.log(shape) + 3.0 * math.log(cube)
    # P(shape, x) is about x^shape / Γ(shape + 1) for small x.
    log_gamma = shape * math.log(shape) - shape - peak
    return (math.log(u) + math.log(shape) + log_gamma) / shape
