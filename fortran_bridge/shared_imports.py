"""The Python modules that one rank has read, as bytes, and the finder that gives them to another. Knows no ranks and no MPI.

The bytes are marshalled code: they are for the same Python only and come from rank 0 of the same job, never from a file or a user.
On the other ranks this module itself comes that way, before anything but Python's frozen modules is there: it imports no others.
"""

import marshal
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, NamespaceLoader, SourceFileLoader
from importlib.util import MAGIC_NUMBER, spec_from_file_location

VERSION_BYTES = 256
"""Length of what comes first: Python's version, filled up with zeros. share.c compares it before it reads on."""
_HEADER = 16
"""Of a .pyc file: magic number, flags, time and size of the source, each of four bytes."""


def here() -> tuple:
    """What must be the same on two ranks for one to use the other's modules."""
    return (sys.version, sys.implementation.cache_tag, os.uname().machine, sys.prefix, sys.base_prefix, tuple(sys.path), tuple(sys.flags),
            os.environ.get("LSBC_PYTHON", ""))


class Giver:
    """Rank 0's side: imports stage by stage, and gives what each stage has brought."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._true_folders: dict[str, str] = {}
        self._stage = 0

    def early(self) -> bytes | None:
        """The next part: first what Python and the bridge have imported, behind the version of Python and this module's own code; then a part
        for each stage of `startup.EARLY`, which is run for it; None after the last.

        Raises:
            LsbcError: as the stage.
        """
        stages = startup_stages()
        self._stage += 1
        if self._stage == 1:
            code = __spec__.loader.get_code(__name__)
            return sys.version.encode()[: VERSION_BYTES - 1].ljust(VERSION_BYTES, b"\0") + marshal.dumps((code, __file__, self.collect()))
        if self._stage - 2 == len(stages):
            return None
        stages[self._stage - 2]()
        return self.collect()

    def last(self, config_path: bytes) -> bytes:
        """What was imported since, and what the configuration's network brings."""
        from lsbc.fortran_bridge.startup import try_network

        try_network(os.fsdecode(config_path))
        return self.collect()

    def collect(self) -> bytes:
        """Modules imported since the last call, marshalled: (`here()`, [(name, path, true path, places of a package or None, code or None), ...])."""
        rows = []
        for name, module in list(sys.modules.items()):
            if name not in self._seen:
                self._seen.add(name)
                row = _row(name, getattr(module, "__spec__", None))
                if row is not None:
                    rows.append((*row[:2], self._true_path(row[1]), *row[2:]))
        return marshal.dumps((here(), rows))

    def _true_path(self, path: str | None) -> str | None:
        """`path` without links."""
        if path is None or os.path.islink(path):
            return path and os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._true_folders:
            self._true_folders[folder] = os.path.realpath(folder)
        return os.path.join(self._true_folders[folder], name)


def startup_stages() -> tuple:
    """Imported here because another rank has no such module yet when it gets this one."""
    from lsbc.fortran_bridge.startup import EARLY

    return EARLY


def _row(name: str, spec: ModuleSpec | None) -> tuple | None:
    """None for what is built in, comes from an archive or was found by a finder of its own: that goes the usual way on every rank."""
    if spec is None or spec.name != name:
        return None
    places = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
    if isinstance(spec.loader, NamespaceLoader):
        return name, None, places, None
    if type(spec.loader) is ExtensionFileLoader:
        usual = {name.rpartition(".")[2] + suffix for suffix in EXTENSION_SUFFIXES}
        return (name, spec.loader.path, places, None) if os.path.basename(spec.loader.path) in usual else None
    if type(spec.loader) is SourceFileLoader:
        code = _code(name, spec)
        return None if code is None else (name, spec.loader.path, places, code)
    return None


def _code(name: str, spec: ModuleSpec) -> bytes | None:
    """Marshalled code as the .pyc file has it, if that is the source's; else compiled again."""
    try:
        source = os.stat(spec.loader.path)
        with open(spec.cached, "rb") as file:
            content = file.read()
        made_of = tuple(int.from_bytes(content[k:k + 4], "little") for k in (4, 8, 12))
        if content[:4] == MAGIC_NUMBER and made_of == (0, int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF):
            return content[_HEADER:]
    except (OSError, TypeError):
        pass
    try:
        return marshal.dumps(spec.loader.get_code(name))
    except (ImportError, OSError, SyntaxError, ValueError):
        return None


class _Loader(SourceFileLoader):
    """A module whose code is here and whose path is the true one, for resources and tracebacks."""

    def __init__(self, name: str, path: str, finder: "Finder") -> None:
        super().__init__(name, path)
        self.finder = finder

    def get_code(self, fullname: str):
        code = self.finder.take(fullname)
        return super().get_code(fullname) if code is None else marshal.loads(code)


class Finder:
    """First in `sys.meta_path`; what is not in its table goes the usual way. Code leaves the table when it is used."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple] = {}
        self._files: dict[str, tuple[str, str]] = {}
        self.n_taken = 0
        """Modules whose code was used so far."""

    def add(self, part) -> bool:
        """Take what `collect` gave on another rank; False, and nothing taken, where that rank's Python is not the same as this one."""
        origin, rows = marshal.loads(part)
        if origin != here():
            return False
        for name, path, true_path, places, code in rows:
            if name not in sys.modules:
                self._rows[name] = (path, places, code)
            if path is not None:
                self._files[name] = (path, true_path)
        return True

    def tell_inspect(self) -> None:
        """Spare `inspect.getmodule`, which torch calls while it is imported, a look at all folders above the file of every module.

        It keeps what it has found out in two tables: module -> its file, file -> module. Without them it looks, as always.
        """
        import inspect

        files, modules = getattr(inspect, "_filesbymodname", None), getattr(inspect, "modulesbyfile", None)
        if isinstance(files, dict) and isinstance(modules, dict):
            for name, (path, true_path) in self._files.items():
                files.setdefault(name, path)
                modules.setdefault(path, name)
                modules.setdefault(true_path, name)
        self._files.clear()

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        row = self._rows.get(fullname)
        if row is None:
            return None
        origin, places, code = row
        if origin is None:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = places
            return spec
        loader = ExtensionFileLoader(fullname, origin) if code is None else _Loader(fullname, origin, self)
        return spec_from_file_location(fullname, origin, loader=loader, submodule_search_locations=places)

    def take(self, name: str) -> bytes | None:
        """Marshalled code of a module, once: who asks again reads the file."""
        row = self._rows.pop(name, None)
        if row is None:
            return None
        self.n_taken += 1
        return row[2]


class Taker:
    """Another rank's side: its finder, and the stages, which it runs while rank 0 is at the next.

    Raises:
        ImportError: rank 0's Python is not this one's, so that nothing of it can be used here.
    """

    def __init__(self, first_part: bytes) -> None:
        self.finder, self._stage = Finder(), 0
        if not self.finder.add(first_part):
            raise ImportError("Rank 0 runs another Python.")
        sys.meta_path.insert(0, self.finder)

    def take(self, part) -> None:
        """Add a part, and run the stage that rank 0 ran for it; what fails there fails again in this rank's own start, which tells it."""
        if self.finder.add(part):
            self.finder.tell_inspect()
        stages = startup_stages()
        if self._stage < len(stages):
            self._stage += 1
            try:
                stages[self._stage - 1]()
            except Exception:  # noqa: BLE001 - told later, see above
                pass
