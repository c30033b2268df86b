"""Replays the launches of a torch module as CUDA graphs, one for each shape that comes back. Knows no network and no file.

A graph saves the time of some forty launches from Python, which is what small windows mostly cost. Large ones are launched plainly: they keep the
device busy anyhow, and a graph holds its shape's memory for good.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

logger = logging.getLogger(__name__)

MOST_CELLS = 1 << 20
"""Cells of a batch, over all its windows, up to which launching takes longer than computing."""
MOST_GRAPHS = 32
_WARM_UPS = 3


class _Graph(NamedTuple):
    graph: Any
    result: Any


class GraphedCalls:
    """`run` on `device`, recorded when a shape comes back in the same memory, and replayed from then on: nothing is copied.

    The results are those of `run` to the bit, which is tried once for each graph; a graph that differs is not used.
    """

    def __init__(self, run: Callable[[Any], Any], device: Any):
        import torch

        self._torch, self._run, self._device = torch, run, device
        self._seen: set[tuple] = set()
        self._graphs: dict[tuple, _Graph] = {}
        self._broken = False
        self._side: Any = None
        self._pool: Any = None

    def __call__(self, channels: Any) -> Any:
        """The result of `run`; with a graph it is overwritten by the next call, of whatever shape, for all graphs work in the same memory."""
        key = (tuple(channels.shape), channels.stride(), channels.data_ptr())  # a graph reads the memory that it was recorded with
        graph = self._graphs.get(key)
        if graph is not None:
            graph.graph.replay()
            return graph.result
        result = self._run(channels)
        if key in self._seen and self._worth_it(channels.shape):
            self._try_to_record(key, channels, result)
        if len(self._seen) >= 8 * MOST_GRAPHS:
            self._seen.clear()
        self._seen.add(key)
        return result

    def _worth_it(self, shape: Any) -> bool:
        return not self._broken and len(self._graphs) < MOST_GRAPHS and shape[0] * shape[2] * shape[3] <= MOST_CELLS

    def _try_to_record(self, key: tuple, channels: Any, expected: Any) -> None:
        shape = key[0]
        try:
            graph = self._record(channels)
            graph.graph.replay()
            if self._torch.equal(graph.result, expected):
                self._graphs[key] = graph
                return
            logger.warning("a CUDA graph for shape %s gives other bits than plain launches: plain launches from now on", shape)
        except Exception as error:  # another library in the process may forbid the capture, or memory is short: slower, not wrong
            logger.warning("no CUDA graph for shape %s, plain launches from now on: %s: %s", shape, type(error).__name__, str(error).split("\n")[0])
        self._broken = True

    def _record(self, channels: Any) -> _Graph:
        """Warm up and capture on a side stream, as the capture must not meet first-call allocations and choices.

        Always on the same one: the memory of a pool is handed on from graph to graph within a stream only.
        """
        cuda = self._torch.cuda
        self._side = side = self._side or cuda.Stream(self._device)
        here = cuda.current_stream(self._device)
        side.wait_stream(here)
        with cuda.stream(side):  # restores the stream too where the capture below breaks off
            for _ in range(_WARM_UPS):
                self._run(channels)
            if self._pool is None:
                self._pool = cuda.graph_pool_handle()
            graph = cuda.CUDAGraph()
            # other threads of the host may use the GPU meanwhile: only this one must keep to what a capture allows
            with cuda.graph(graph, pool=self._pool, stream=side, capture_error_mode="thread_local"):
                result = self._run(channels)
        here.wait_stream(side)
        return _Graph(graph, result)
