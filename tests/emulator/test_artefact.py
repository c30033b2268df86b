import pytest

from lsbc.emulator.artefact import locate, read_artefact
from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.regrid.errors import ModelError

import case


@pytest.fixture
def folder(tmp_path):
    return case.write_artefact(tmp_path / "model")


def test_the_card_gives_lattices_and_tiles(folder):
    artefact = read_artefact(folder)
    assert (artefact.driver.n_lat, artefact.fine.n_lon, artefact.ratio, artefact.window) == (720, 43200, 30, 64)
    assert tuple(channel.name for channel in artefact.channels) == CHANNEL_NAMES


@pytest.mark.parametrize(("replace", "message"), [
    (("format = 1", "format = 2"), "has format 2, this lsbc reads format 1"),
    (('version = "1.0"', 'version = "2.1"'), r"predicts classes \('HILDA\+ merged', '2\.1'"),
    (("static.land", "static.snow"), "asks for channels static.snow"),
    (("core = 60", "core = 64"), "core 64 must be a multiple of 30"),
    (("halo = 2", "halo = 3"), "pooling lattice 2"),
    (("window = 64", "window = 60"), "window 60"),
    (("depth = 1", ""), "lacks or misstates 'depth'"),
    (("[network]", "[network"), "is damaged"),
    (("window = 64", ""), "lacks or misstates 'window'"),
    (('system = "HILDA+ merged"', ""), "lacks or misstates 'system'"),
    (("driver_spacing_deg = 0.25", "driver_spacing_deg = 0"), "lacks or misstates"),
    (("fine_spacing_arcsec = 30", "fine_spacing_arcsec = 7"), "30 fine cells of 7 arc seconds do not make a driver cell of 0.25"),
    (("offset = 0.0", "offset = nan"), "has offset nan"),
    (("weights.safetensors", "weights.bin"), "does not list weights.safetensors"),
])
def test_a_card_that_does_not_fit_is_refused_with_both_sides(folder, replace, message):
    case.write_card(folder, replace=replace)
    with pytest.raises(ModelError, match=message):
        read_artefact(folder)


def test_a_truncated_or_changed_file_is_refused_by_its_hash(folder):
    artefact = read_artefact(folder)
    content = (folder / "unet.onnx").read_bytes()
    (folder / "unet.onnx").write_bytes(content[:-1])
    with pytest.raises(ModelError, match="sha256"):
        artefact.file_bytes("unet.onnx")
    (folder / "unet.onnx").unlink()
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        artefact.file_bytes("unet.onnx")


def test_a_format_that_is_not_in_the_card_is_an_error(folder):
    with pytest.raises(ModelError, match=r"has no file 'unet\.pt2' in its card"):
        read_artefact(folder).file_bytes("unet.pt2")


def test_an_absent_card_names_its_path(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere.model\.toml cannot be read"):
        read_artefact(locate("nowhere", tmp_path))


def test_a_card_that_is_not_the_pinned_one_is_refused(folder):
    import hashlib

    digest = hashlib.sha256((folder / "model.toml").read_bytes()).hexdigest()
    assert read_artefact(folder, digest).name == read_artefact(folder, digest[:16]).name == "closed-form"
    with pytest.raises(ModelError, match=f"has sha256 {digest}, model.sha256 asks for 0123456789abcdef"):
        read_artefact(folder, "0123456789abcdef")


def test_float32_runs_wherever_its_file_is_and_less_only_where_the_card_says_it_passed(folder):
    from dataclasses import replace

    plain = read_artefact(folder)
    more = replace(plain, files=plain.files | {"unet.pt2": "", "unet.int8.onnx": ""},
                   card=plain.card | {"precision": {"torch_float16": {"passed": True}, "onnxruntime_int8": {"passed": False}, "torch_bfloat16": {"passed": "yes"}}})
    assert plain.allows("onnxruntime", "float32") and plain.allows("openvino", "float32") and not plain.allows("torch", "float32")
    allowed = {(backend, precision) for backend in ("torch", "tensorrt", "onnxruntime", "openvino") for precision in ("float16", "tf32", "bfloat16", "int8")
               if more.allows(backend, precision)}
    assert allowed == {("torch", "float16"), ("torch", "tf32"), ("tensorrt", "float16"), ("tensorrt", "tf32")}
    with pytest.raises(ModelError, match=r"may not run in int8 with backend 'onnxruntime': .*\[precision\.onnxruntime_int8\].* says that it failed"
                                         r".*--formats int8 --config CONFIG --data DIR`"):
        more.require("onnxruntime", "int8")
