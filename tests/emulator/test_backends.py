import sys

import numpy as np

from lsbc.emulator.backends import BACKENDS, PRECISIONS, Backend


def test_each_backend_has_known_precisions_and_an_onnx_or_torch_file():
    for name, backend in BACKENDS.items():
        assert backend.name == name and set(backend.precisions) <= {"cpu", "cuda"}
        assert {precision for some in backend.precisions.values() for precision in some} <= set(PRECISIONS)
        assert backend.file_for("float32") in {"unet.onnx", "unet.pt2", "unet.ts.pt"}
    assert BACKENDS["onnxruntime"].file_for("int8") == BACKENDS["openvino"].file_for("int8") == "unet.int8.onnx"


def test_versions_are_known_without_importing_anything():
    assert Backend("n", "numpy", "numpy", "", {}, "f").version == np.__version__
    assert Backend("n", "absent-package", "absent_module", "", {}, "f").version is None
    assert Backend("n", "absent-package", "json", "", {}, "f").version == "unknown"
    before = set(sys.modules)
    assert [backend.version for backend in BACKENDS.values()][0] is not None
    assert not {"onnxruntime", "torch", "openvino"} & (set(sys.modules) - before)


def test_the_install_line_names_the_extra_where_there_is_one():
    assert BACKENDS["openvino"].install == "pip install 'lsbc[openvino]'"
    assert BACKENDS["onnxruntime"].install == "pip install onnxruntime"
