"""The table of network backends: which package each needs, which file it reads, on which device, in which precisions. Loads nothing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

PRECISIONS = ("float32", "tf32", "float16", "bfloat16", "int8")


@dataclass(frozen=True)
class Backend:
    """One way to run the network."""

    name: str
    package: str
    """What `pip install` calls it."""
    module: str
    extra: str
    """The extra of lsbc that brings it; empty: comes with lsbc."""
    precisions: Mapping[str, tuple[str, ...]]
    """Device kind -> precisions, the usual one first."""
    model_file: str
    other_files: Mapping[str, str] = field(default_factory=dict)
    """Precision -> file, where it is not `model_file`."""

    def file_for(self, precision: str) -> str:
        """The artefact's file that is read for a precision."""
        return self.other_files.get(precision, self.model_file)

    @property
    def install(self) -> str:
        """The command that brings it."""
        return f"pip install 'lsbc[{self.extra}]'" if self.extra else f"pip install {self.package}"

    @property
    def version(self) -> str | None:
        """Installed version, None where it is not; imports nothing."""
        if importlib.util.find_spec(self.module) is None:
            return None
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return "unknown"


BACKENDS = {backend.name: backend for backend in (
    Backend("onnxruntime", "onnxruntime", "onnxruntime", "", {"cpu": ("float32", "int8")}, "unet.onnx", {"int8": "unet.int8.onnx"}),
    Backend("torch", "torch", "torch", "torch", {"cpu": ("float32", "bfloat16"), "cuda": ("float16", "float32", "tf32")}, "unet.pt2"),
    Backend("torchscript", "torch", "torch", "torch", {"cpu": ("float32",), "cuda": ("float32",)}, "unet.ts.pt"),
    Backend("tensorrt", "torch-tensorrt", "torch_tensorrt", "tensorrt", {"cuda": ("float16", "float32")}, "unet.pt2"),
    Backend("openvino", "openvino", "openvino", "openvino", {"cpu": ("float32", "bfloat16", "int8")}, "unet.onnx", {"int8": "unet.int8.onnx"}),
)}
