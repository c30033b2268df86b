"""Moves values between a caller's arrays and lsbc's, flat and of one length. Knows no fields and no framework."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsbc.regrid.errors import FieldError


def fill(call: str, dest: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`dest`, filled with values of the same shape and kind."""
    if not isinstance(dest, np.ndarray) or dest.shape != values.shape:
        found = f"one of shape {dest.shape}" if isinstance(dest, np.ndarray) else type(dest).__name__
        raise FieldError(f"{call} fills an array of shape {values.shape}, got {found}.")
    if not dest.flags.writeable:
        raise FieldError(f"{call} fills an array, got one that cannot be written.")
    if not np.can_cast(values.dtype, dest.dtype, "same_kind"):
        raise FieldError(f"{call} gives {values.dtype}, which an array of {dest.dtype} cannot hold.")
    dest[:] = values
    return dest


def numbers(name: str, src: Any, n: int) -> np.ndarray:
    """Real numbers (n,); masked ones are NaN."""
    try:
        values = np.ma.filled(src.astype(np.float64), np.nan) if isinstance(src, np.ma.MaskedArray) else np.asarray(src)
    except ValueError as error:  # lists of different lengths
        raise FieldError(f"Variable '{name}' takes {n} real numbers in one dimension, got {type(src).__name__} ({error}).") from error
    if values.dtype.kind not in "fiu" or values.shape != (n,):
        raise FieldError(f"Variable '{name}' takes {n} real numbers in one dimension, got {values.dtype} of shape {values.shape}.")
    return values


def places(name: str, inds: Any, n: int) -> np.ndarray:
    """Positions (n_place,) among n values."""
    where = np.asarray(inds)
    if where.size == 0:
        return np.zeros(0, np.int64)
    if where.dtype.kind not in "iu" or where.ndim != 1 or where.min() < 0 or where.max() >= n:
        raise FieldError(f"Indices into variable '{name}' are whole numbers from 0 to {n - 1}, in one dimension.")
    return where
