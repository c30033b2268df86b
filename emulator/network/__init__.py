"""One face over the network formats: `load_network` for one process, `network_for` for all ranks together."""

from lsbc.emulator.network.face import Network, Scratch
from lsbc.emulator.network.together import Loaded, load_network, load_spare, network_for

__all__ = ["Loaded", "Network", "Scratch", "load_network", "load_spare", "network_for"]
