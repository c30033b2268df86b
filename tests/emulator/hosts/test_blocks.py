import netCDF4
import numpy as np
import pytest

from lsbc.emulator.hosts.blocks import block_rows, blocks, rows_sum


@pytest.mark.parametrize(("shape", "size", "rows"), [((7,), 3, [3, 3, 1]), ((5, 4), 8, [2, 2, 1]), ((5, 4), 3, [1] * 5), ((2, 2, 2), 100, [2])])
def test_blocks_are_whole_rows_and_cover_every_cell_once_in_order(shape, size, rows):
    found = list(blocks(shape, size))
    assert [block.rows.stop - block.rows.start for block in found] == rows
    assert np.concatenate([np.arange(int(np.prod(shape)))[block.cells] for block in found]).tolist() == list(range(int(np.prod(shape))))
    assert [block.n_cell for block in found] == [int(np.prod(block.shape)) for block in found]
    assert block_rows(shape, size) >= rows[0]


def test_a_block_reads_and_writes_its_cells_behind_other_dimensions(tmp_path):
    values = np.arange(2 * 3 * 5 * 4.0).reshape(2, 3, 5, 4)
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as data:
        for name, size in (("time", 2), ("part", 3), ("lat", 5), ("lon", 4)):
            data.createDimension(name, size)
        one = data.createVariable("one", "f8", ("time", "part", "lat", "lon"))
        two = data.createVariable("two", "f8", ("time", "part", "lat", "lon"))
        one[:] = values
        for block in blocks((5, 4), 8):
            part = block.read(one, 1)
            np.testing.assert_array_equal(part, values[1].reshape(3, 20)[:, block.cells])
            np.testing.assert_array_equal(block.read(one, 1, 2), values[1, 2].ravel()[block.cells])
            block.put(two, block.read(one))
        np.testing.assert_array_equal(two[:], values)


def test_the_sum_of_rows_runs_from_the_first_to_the_last_however_many_cells_there_are():
    """(1e16 + 1) + 1 loses both, 1 + 1 + 1e16 keeps them."""
    values = np.array([[1e16, 1.0], [1.0, 1.0], [1.0, 1e16]])
    assert rows_sum(values).tolist() == [1e16, 1e16 + 2]
    tall = np.random.default_rng(3).random((17, 1))
    total = 0.0
    for value in tall[:, 0]:
        total += value
    assert rows_sum(tall)[0] == total
