"""Applies remapping weights on a torch device: the weights stay there, only the coarse fields travel. Knows arrays only.

The rules for missing values are those of `Remap`. The bits are not: torch chooses the order of the sums, and they are taken
in the type of the fields.
"""

from __future__ import annotations

import warnings

import numpy as np

from lsbc.regrid.apply import Rows
from lsbc.regrid.errors import ConfigError, DeviceError, FieldError, StartupError
from lsbc.regrid.weights import Weights

DTYPES = ("float32", "float64")
FLOAT32_SLACK = 1e-6
"""A coverage summed in float32 may miss min_coverage by this much."""


class TorchRemap:
    """`Remap` on a device. Arguments as there; `dtype` "float32" or "float64" of the sums and results.

    Raises:
        StartupError: torch is not installed.  DeviceError: no such device, or out of memory.
        ConfigError, WeightError: as `Remap`.
    """

    def __init__(self, weights: Weights, device: str = "cpu", dtype: str = "float32", missing: str = "propagate",
                 min_coverage: float = 0.0) -> None:
        if dtype not in DTYPES:
            raise ConfigError(f"dtype = '{dtype}' is not one of {', '.join(DTYPES)}.")
        try:
            import torch
        except ImportError as error:
            raise StartupError(f"Remapping on a device needs torch, which cannot be imported ({error}); "
                               "install it or take Remap.") from error
        rows = Rows.of(weights, missing, min_coverage)
        self._torch, self.dtype, self.device, self.missing = torch, getattr(torch, dtype), device, missing
        self.n_source, self.n_destination = weights.n_source, weights.n_destination
        self._on_device(self._place, rows)

    def __call__(self, values):
        """Remap fields.

        Args:
            values: tensor or array (n_source,) or (n_source, n_field), of any floating type, on any device.
        Returns:
            tensor (n_destination,) or (n_destination, n_field) on the device; NaN where unmapped or missing.
        Raises:
            FieldError: `values` do not fit.  DeviceError: out of memory.
        """
        if not self._torch.is_tensor(values):
            values = np.ma.filled(values, np.nan) if np.ma.isMaskedArray(values) else values
            values = self._torch.from_numpy(np.ascontiguousarray(values))
        if values.ndim not in (1, 2) or values.shape[0] != self.n_source or not values.is_floating_point():
            raise FieldError(f"Fields are {values.dtype} {tuple(values.shape)}; the weights expect floating-point "
                             f"({self.n_source},) or ({self.n_source}, n_field).")
        with self._torch.inference_mode():
            out = self._on_device(self._apply, values.reshape(self.n_source, -1))
        return out.reshape(self.n_destination, *values.shape[1:])

    def _place(self, rows: Rows) -> None:
        torch = self._torch
        index = np.int32 if len(rows.value) <= np.iinfo(np.int32).max else np.int64
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            self._matrix = torch.sparse_csr_tensor(
                torch.from_numpy(rows.offsets.astype(index)), torch.from_numpy(rows.column.astype(index)),
                torch.from_numpy(rows.value).to(self.dtype), size=(self.n_destination, self.n_source), device=self.device,
                check_invariants=True)
        self._blank = torch.from_numpy(np.diff(rows.offsets) == 0)[:, None].to(self.device)
        self._scale, self._least = None, None
        if rows.scale is not None:
            self._scale = torch.from_numpy(rows.scale)[:, None].to(self.device, self.dtype)
        if rows.least is not None:
            slack = FLOAT32_SLACK if self.dtype == torch.float32 else 0.0
            self._least = torch.from_numpy(np.maximum(rows.least - slack, 0.0))[:, None].to(self.device, self.dtype)

    def _apply(self, values):
        torch = self._torch
        values = values.to(self.device, self.dtype)
        valid = None if self._least is None else ~values.isnan()
        if valid is None or bool(valid.all()):
            out = self._matrix @ values
            if self._scale is not None:
                out *= self._scale
            return out.masked_fill_(self._blank, torch.nan)
        share = self._matrix @ valid.to(self.dtype)
        enough = (share > 0.0) & (share >= self._least)
        out = self._matrix @ values.masked_fill(~valid, 0.0)
        out /= share.masked_fill_(~enough, 1.0)
        return out.masked_fill_(~enough, torch.nan)

    def _on_device(self, work, argument):
        try:
            return work(argument)
        except self._torch.OutOfMemoryError as error:
            raise DeviceError(f"{self.device} is out of memory for weights {self.n_destination} x {self.n_source}: "
                              f"{error}") from error
        except (RuntimeError, AssertionError) as error:  # what torch raises for an absent device depends on its build
            raise DeviceError(f"torch cannot remap on device '{self.device}': {error}") from error
