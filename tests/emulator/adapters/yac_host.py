"""The example's host with one fault: python yac_host.py CONFIG FOLDER FAULT. Started by test_yac.py, on a rank of its own."""

import importlib.util
import sys
import time
from pathlib import Path

import numpy as np

PLACE = Path(__file__).resolve().parents[3] / "examples" / "yac_host.py"
spec = importlib.util.spec_from_file_location("yac_example", PLACE)
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)


class FaultyHost(example.Host):
    """Does one thing wrong, or, as "coarse", has cells that are not lsbc's."""

    def __init__(self, config: Path, fault: str) -> None:
        super().__init__(config)
        self.fault = fault

    def start(self) -> None:
        if self.fault == "stays away":
            example.MPI.Init()
            time.sleep(60)
        super().start()

    def read_cells(self) -> None:
        super().read_cells()
        if self.fault == "nan":
            self.states[2001]["c3ann"][40] = np.nan
        if self.fault == "west only":
            self._keep(self.cells["clon"] < 9.3)
        if self.fault == "coarse":
            self._coarsen()

    def _keep(self, chosen) -> None:
        self.cells = {name: values[chosen] for name, values in self.cells.items()}
        self.states = {year: {name: values[chosen] for name, values in states.items()} for year, states in self.states.items()}
        self.position = np.arange(len(self.cells["clon"]))

    def _coarsen(self) -> None:
        """Columns of three of the 9 x 9 cells each, which have the same states: meridians are great circles, so they fit to the bit."""
        row = np.arange(81) // 9
        south, north = (self.cells["clat_vertices"][row % 3 == k] for k in (0, 2))
        self._keep(row % 3 == 1)
        self.cells["clat_vertices"] = np.column_stack([south[:, :2], north[:, 2:]])

    def couple(self, year: int):
        if self.fault == "ends early" and year == 2001:
            sys.exit(0)
        return super().couple(year)


if __name__ == "__main__":
    fault = sys.argv[3]
    if fault == "time step":
        example.TIME_STEP = "P2Y"
    if fault == "no range":
        example.STATES = example.STATES[:-1]
    example.main(FaultyHost(Path(sys.argv[1]), fault), Path(sys.argv[2]))
