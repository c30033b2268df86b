"""A component that never comes to be: `create` on rank K, for a configuration rankK.toml, tells where its modules came from.

Selected by LSBC_COMPONENT=imports_component:ImportsComponent.
"""

import sys
from pathlib import Path

from lsbc.regrid.comm import agree
from lsbc.regrid.errors import ConfigError


class ImportsComponent:
    @classmethod
    def create(cls, config_path, comm):
        def tell():
            if comm.rank == int(Path(config_path).stem.removeprefix("rank")):
                loaders = [type(getattr(getattr(module, "__spec__", None), "loader", None)).__name__ for module in list(sys.modules.values())]
                raise ConfigError(f"{loaders.count('_Loader')} modules from rank 0, {loaders.count('SourceFileLoader')} from files")

        agree(comm, tell)
