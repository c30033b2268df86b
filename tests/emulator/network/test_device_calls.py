"""lsbc.emulator.network.device_calls: which windows go together, and that cores come back whole."""

import numpy as np
import pytest

from lsbc.emulator.network.device_calls import Cores, Job, calls
from lsbc.emulator.network.device_channels import WindowShape
from lsbc.emulator.tile_engine import Rectangle

LARGE, SMALL = WindowShape(2, 64, 64), WindowShape(3, 24, 24)


class Open:
    def __init__(self, too_many_open):
        self.too_many_open = too_many_open


def jobs_of(text):
    """A job for each letter: L large, s small; positions count up."""
    return [Job(k, Rectangle(0, 0, 1, 1), LARGE if letter == "L" else SMALL, None) for k, letter in enumerate(text)]


def positions(jobs, too_many_open=False):
    return [("L" if shape is LARGE else "s", [job.position for job in together]) for shape, together in calls(jobs, Open(too_many_open))]


def test_calls_are_full_and_only_the_last_of_each_size_is_not():
    assert positions(jobs_of("LsLssLs")) == [("L", [0, 2]), ("s", [1, 3, 4]), ("s", [6]), ("L", [5])]


def test_when_too_many_cores_are_open_the_windows_that_wait_longest_go_first():
    assert positions(jobs_of("sL"), too_many_open=True) == [("s", [0]), ("L", [1])]


def test_no_windows_make_no_calls():
    assert positions([]) == []


def test_a_core_is_handed_over_once_when_its_last_rectangle_is_there():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    got = []
    cores = Cores(4, "classes", {7: 2, 9: 1, 3: 0}, lambda k, core: got.append((k, core.copy())))
    cores.hand_over_empty()
    assert [k for k, _ in got] == [3] and not got[0][1].any()
    cores.put(7, Rectangle(0, 0, 2, 4), torch.full((2, 4), 5, dtype=torch.uint8))
    cores.put(9, Rectangle(1, 1, 2, 2), torch.full((2, 2), 6, dtype=torch.uint8))
    cores.put(7, Rectangle(2, 2, 2, 2), torch.full((2, 2), 4, dtype=torch.uint8))
    assert [k for k, _ in got] == [3, 9, 7]
    assert got[1][1].tolist() == [[0, 0, 0, 0], [0, 6, 6, 0], [0, 6, 6, 0], [0, 0, 0, 0]]
    assert got[2][1].tolist() == [[5] * 4, [5] * 4, [0, 0, 4, 4], [0, 0, 4, 4]]


def test_scores_keep_their_values_and_static_classes_have_none():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    got = []
    cores = Cores(2, "scores", {0: 1}, lambda k, core: got.append(core.copy()))
    part = torch.arange(24, dtype=torch.float16).view(6, 2, 2) / 8
    cores.put(0, Rectangle(0, 0, 2, 2), part)
    assert got[0].dtype == np.float32 and got[0].shape == (8, 2, 2)
    assert np.array_equal(got[0][1:7], part.float().numpy()) and not got[0][[0, 7]].any()
