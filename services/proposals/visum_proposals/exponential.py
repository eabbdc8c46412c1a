"""The exponential function in single precision, without branches, so that loops over it become vector instructions."""

import math

import numpy as np
from numba import njit

_LOG2_E = np.float32(1 / math.log(2))
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(math.log(2) - 0.693359375)
_SMALLEST = np.float32(-87.0)
_HALF = np.float32(0.5)
_BIAS = np.int32(127)
_MANTISSA_BITS = np.int32(23)
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = (np.float32(1 / math.factorial(power)) for power in range(7))


@njit(inline="always")
def exponential(x):  # type: ignore[no-untyped-def]
    """e^x of a float32 up to 87, to 3e-7 of its value; below -87 as at -87."""
    x = max(x, _SMALLEST)
    twos = np.floor(x * _LOG2_E + _HALF)
    rest = (x - twos * _LN2_HIGH) - twos * _LN2_LOW
    series = _C0 + rest * (_C1 + rest * (_C2 + rest * (_C3 + rest * (_C4 + rest * (_C5 + rest * _C6)))))
    return series * np.int32((np.int32(twos) + _BIAS) << _MANTISSA_BITS).view(np.float32)
