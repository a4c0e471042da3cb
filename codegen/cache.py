"""Keep files that are as trusted as code in a folder that only the user can write.

Comes in: a name (`TAG/FILE`) and bytes. Goes out: the same bytes later, also in another
process, or None where they are missing or not to be trusted. A folder that cannot be
used safely is replaced by a temporary one, with one warning a process.

Kept are the source of generated modules, the machine code that Numba made of them, and
machine code of our own. Whoever can write here can run code:
the folder is made with mode 0700, and its owner, mode and links are checked.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from overbar.ir.errors import CacheWarning

VARIABLE = "OVERBAR_CACHE_DIR"
TAG_PREFIX = "overbar-"
SUFFIXES = (".py", ".nbc", ".obj", ".tmp")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
# Absent on Windows, where the folder's access list does what modes do elsewhere.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in place of a file must not block
    | getattr(os, "O_BINARY", 0)
)


class CacheInfo(NamedTuple):
    """Describe the cache: its folder, whether it outlives the process, its content."""

    folder: Path | None
    persistent: bool
    files: int
    bytes: int


class Store:
    """Read and write the private folder; there is one a process, `STORE`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._roots: dict[Path | None, Path | None] = {}
        self._temporary: Path | None = None
        self._warned = False

    def root(self) -> Path | None:
        """Return the folder in use, or None where not even a temporary one is left."""
        wish = _wish()
        with self._lock:
            if wish not in self._roots:
                folder, problem = _prepare(wish)
                self._roots[wish] = folder or self._fall_back(problem)
            return self._roots[wish]

    def fetch(self, name: str) -> bytes | None:
        """Return the content of a file, None where it is missing or not only ours."""
        root = self.root()
        return None if root is None else _read(root / name)

    def keep(self, name: str, data: bytes) -> Path | None:
        """Write a file unless it is there already; return its path, None for nowhere.

        The file appears whole or not at all, whatever other processes do.
        """
        problem = ""
        for choose in (self._as_it_is, self._made_anew, self._given_up):
            root = choose(problem)
            if root is not None:
                problem = _write(root / name, data)
                if not problem:
                    return root / name
        return None

    def drop(self, name: str) -> None:
        """Remove a file that turned out to be useless, or what stands in its place."""
        root = self.root()
        if root is not None:
            _remove(root / name)

    def files(self) -> list[Path]:
        """Return our own files, never what else the user may have put there."""
        root = self.root()
        if root is None:
            return []
        found = (p for tag in root.glob(TAG_PREFIX + "*") for p in tag.glob("*"))
        return [p for p in found if p.suffix in SUFFIXES]

    def is_persistent(self) -> bool:
        """Whether the folder in use outlives the process."""
        root = self.root()
        return root is not None and root != self._temporary

    def _as_it_is(self, _: str) -> Path | None:
        return self.root()

    def _made_anew(self, _: str) -> Path | None:
        """Check the folder again: somebody may have removed it meanwhile."""
        with self._lock:
            self._roots.pop(_wish(), None)
        return self.root()

    def _given_up(self, problem: str) -> Path | None:
        with self._lock:
            spare = self._roots[_wish()] = self._fall_back(problem)
        return spare

    def _fall_back(self, problem: str) -> Path | None:
        """Return a temporary folder of this process, warning once; call under lock."""
        if self._temporary is None or not _is_ours(self._temporary):
            self._temporary = None
            with suppress(OSError):
                self._temporary = Path(tempfile.mkdtemp(prefix=TAG_PREFIX))
                atexit.register(_remove_at_exit, self._temporary, os.getpid())
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"expected a cache folder that only you can write, found: {problem}; "
                "compiled code is kept for this process only "
                f"(set {VARIABLE} to a folder of your own)",
                CacheWarning,
                stacklevel=2,
            )
        return self._temporary

    def after_fork(self) -> None:
        """Replace the lock: in a fork's child no thread is left to release it."""
        self._lock = threading.Lock()


STORE = Store()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=STORE.after_fork)


def cache_info() -> CacheInfo:
    """Tell where generated modules are cached and how much there is."""
    sizes = []
    for path in STORE.files():
        with suppress(OSError):  # another process may remove it meanwhile
            sizes.append(path.lstat().st_size)
    return CacheInfo(STORE.root(), STORE.is_persistent(), len(sizes), sum(sizes))


def purge() -> CacheInfo:
    """Remove every cached file, of all versions; return what was there.

    Modules that are loaded stay loaded, and are cached again when next compiled.
    """
    info = cache_info()
    paths = STORE.files()
    for path in paths:
        _remove(path)
    for folder in {path.parent for path in paths}:
        with suppress(OSError):  # not empty: something there is not ours
            folder.rmdir()
    return info


def _wish() -> Path | None:
    """Return the folder that the user asks for, None where there is no home."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser().absolute()
    import platformdirs

    path = platformdirs.user_cache_path("overbar", appauthor=False)
    return path if path.is_absolute() else None  # "~" stays where there is no home


def _prepare(wish: Path | None) -> tuple[Path | None, str]:
    """Make the folder and check it; return it, or None and the problem."""
    if wish is None:
        return None, "no home folder"
    try:
        wish.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Links above are followed once, here, so that they cannot be turned later.
        folder = Path(os.path.realpath(wish.parent)) / wish.name
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        problem = _problem(folder) or _problem_above(folder)
        if not problem:
            with tempfile.TemporaryFile(dir=folder):
                return folder, ""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        problem = f"{wish}: {error}"
    return None, problem


def _is_ours(path: Path) -> bool:
    try:
        return not _problem(path)
    except OSError:
        return False


def _problem(path: Path) -> str:
    """Return why a folder is not ours alone, "" where it is."""
    info = path.lstat()
    if stat.S_ISLNK(info.st_mode):
        return f"{path} is a symbolic link"
    if not stat.S_ISDIR(info.st_mode):
        return f"{path} is not a folder"
    return _shared(path, info)


def _shared(path: Path, info: os.stat_result) -> str:
    """Return who else may write what `info` describes, "" for nobody."""
    if sys.platform == "win32":
        return ""
    if info.st_uid != os.getuid():
        return f"{path} belongs to user {info.st_uid}, not to you ({os.getuid()})"
    if info.st_mode & _OTHERS_WRITE:
        return f"{path} can be written by others (mode {info.st_mode & 0o777:04o})"
    return ""


def _problem_above(folder: Path) -> str:
    """Return why somebody else could move the folder away, "" where nobody can."""
    if sys.platform == "win32":
        return ""
    shared = False
    for parent in reversed(folder.parents):
        info = parent.stat()
        if shared and info.st_uid not in {0, os.getuid()}:
            return f"{folder} lies below {parent}, which belongs to user {info.st_uid}"
        shared = bool(info.st_mode & stat.S_IWOTH)
        if shared and not info.st_mode & stat.S_ISVTX:
            return f"{folder} lies below {parent}, which every user can write"
    return ""


def _read(path: Path) -> bytes | None:
    """Return the content of a regular file that only we can write, else None."""
    try:
        with open(path, "rb", opener=_open) as file:
            info = os.fstat(file.fileno())
            mine = stat.S_ISREG(info.st_mode) and not _shared(path, info)
            return file.read() if mine else None
    except OSError:  # missing, a link, unreadable
        return None


def _open(path: str, _: int) -> int:
    return os.open(path, _OPEN_FLAGS)


def _write(path: Path, data: bytes) -> str:
    """Put `data` at `path` in one step; return the problem, "" where there is none."""
    if _read(path) == data:
        return ""
    try:
        problem = _prepare_tag(path.parent)
        if not problem:
            _replace(path, data)
    except OSError as error:
        # Another process may have written the same file while we failed to.
        return "" if _read(path) == data else str(error)
    return problem


def _prepare_tag(folder: Path) -> str:
    """Make the folder of one tag, anew where something else stands in its place."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if _problem(folder):
        _remove(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
    return _problem(folder)


def _replace(path: Path, data: bytes) -> None:
    """Write beside `path`, then rename over whatever stands there."""
    handle, written = tempfile.mkstemp(suffix=".tmp", dir=path.parent)  # mode 0600
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a handle, no path
            file.write(data)
        if path.is_dir() and not path.is_symlink():
            _remove(path)
        Path(written).replace(path)
    except BaseException:
        _remove(Path(written))
        raise


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, if that can be done."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove_at_exit(folder: Path, process: int) -> None:
    """Remove the temporary folder, but not from a fork's child."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
