"""Compile with Numba, and keep the machine code in Overbar's own folder.

Comes in: a function of a generated module. Goes out: a Numba dispatcher that loads its
machine code from disk, or compiles and saves it.

Numba's own cache keeps an index a function. It raises on every later call once that is
damaged, runs the wrong code where two data files are swapped or two processes add a
signature each at the same time, and lets a full disk fail the user's call. So our
dispatchers get a cache of ours: one file a signature, whose name tells all that the
code depends on and whose content starts with a digest of name and content. Whatever is
wrong with a file, it is dropped and the function compiled again. Nothing of Numba is
patched: `Dispatcher._cache` is replaced, for our dispatchers alone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import pickle
import platform
import sys
import warnings
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite
import llvmlite.binding
import numba
from numba.core import config, sigutils
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from overbar.codegen.cache import STORE, TAG_PREFIX
from overbar.codegen.entry import Unfit
from overbar.ir.errors import CacheWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

# Numba's types are incomplete.
_normalize: Any = sigutils.normalize_signature
_dumps: Any = dumps
_rebuild: Any = CompileResult._rebuild  # noqa: SLF001 - what Numba's own cache calls
_DIGEST = 32
# Settings of Numba that change the code it makes.
_SETTINGS = ("OPT", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "USING_SVML")


def own_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return importlib.metadata.version("overbar")
    except importlib.metadata.PackageNotFoundError:
        return "0"


@cache
def tag() -> str:
    """Name the folder for machine code that this very set-up can run."""
    features = llvmlite.binding.get_host_cpu_features().flatten()
    libc = "".join(platform.libc_ver())
    machine = hashlib.sha256(f"{features} {libc}".encode()).hexdigest()[:8]
    return "-".join(
        (
            TAG_PREFIX + own_version(),
            f"numba{numba.__version__}",
            f"llvmlite{llvmlite.__version__}",
            sys.implementation.cache_tag or sys.implementation.name,
            llvmlite.binding.get_host_cpu_name() or platform.machine(),
            machine,
        )
    )


def njit(function: FunctionType | None = None, **options: Any) -> Any:
    """Stand for `numba.njit` in generated modules: the same, with our cache."""
    if function is None:
        return partial(njit, **options)
    cached = options.pop("cache", False)
    dispatcher: Any = numba.njit(**options)(function)
    if cached and dispatcher is not function:  # it is, under NUMBA_DISABLE_JIT
        dispatcher._cache = DiskCache(function)  # noqa: SLF001 - the place for a cache
    return dispatcher


def exact(dispatcher: Any, kinds: tuple[Any, ...]) -> Any:
    """Return a dispatcher's function for arguments of these very types alone.

    It raises `Unfit` for all others, where the dispatcher would compile once more:
    Numba's check of the arguments, in C, is all that is left before the machine code.
    """
    dispatcher.compile(kinds)
    strict: Any = numba.njit(dispatcher.py_func)
    compiled = dispatcher.overloads[kinds]
    codes = [kind._code for kind in kinds]  # noqa: SLF001 - as Numba does
    strict._insert(codes, compiled.entry_point, objectmode=False)  # noqa: SLF001
    strict._compile_for_args = _refuse  # noqa: SLF001 - what it calls for other types
    strict.kept = dispatcher, compiled  # whose end would unload the code
    return strict


def _refuse(*_: Any, **__: Any) -> Any:
    raise Unfit


class DiskCache(_Cache):
    """Load and save the machine code of one function, one file a signature."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._module = function.__module__.rpartition(".")[2]
        self._function = function.__qualname__
        self._enabled = True

    @property
    def cache_path(self) -> str:
        """The folder, as Numba's statistics show it."""
        return str((STORE.root() or Path()) / tag())

    def enable(self) -> None:
        """Use the disk."""
        self._enabled = True

    def disable(self) -> None:
        """Leave the disk alone."""
        self._enabled = False

    def flush(self) -> None:
        """Forget what is on disk (called by `Dispatcher.recompile`)."""
        for path in STORE.files():
            if path.name.startswith(f"{self._module}-") and path.suffix == ".nbc":
                STORE.drop(f"{path.parent.name}/{path.name}")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, None where it must be compiled."""
        if not self._enabled:
            return None
        target_context.refresh()
        name = self._name(sig, target_context.codegen())
        data = STORE.fetch(name)
        if data is None:
            return None
        try:
            result = _rebuild(target_context, *_unseal(name, data))
            if result.signature.args == _normalize(sig)[0]:
                return result
        except Exception:  # noqa: BLE001, S110 - a bad pickle raises anything
            pass
        STORE.drop(name)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the compiled function where Numba can load it again."""
        if not self._enabled or data.lifted or data.library.has_dynamic_globals:
            return
        try:
            name = self._name(sig, data.codegen)
            STORE.keep(name, _seal(name, _dumps(data._reduce())))  # noqa: SLF001 - the same
        except CacheWarning:  # made an error by the user's filters
            raise
        except Exception as error:  # noqa: BLE001 - never fail a call for a cache
            warnings.warn(f"not cached: {error!r}", CacheWarning, stacklevel=2)

    def _name(self, sig: Any, codegen: Any) -> str:
        settings = [getattr(config, name, None) for name in _SETTINGS]
        signature = _normalize(sig)
        key = (self._function, signature, codegen.magic_tuple(), settings)
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
        return f"{tag()}/{self._module}-{digest}.nbc"


def _seal(name: str, payload: bytes) -> bytes:
    return hashlib.sha256(name.encode() + payload).digest() + payload


def _unseal(name: str, data: bytes) -> Any:
    payload = data[_DIGEST:]
    if _seal(name, payload) != data:
        raise ValueError("a damaged file, or one under another name")
    return pickle.loads(payload)  # noqa: S301 - the folder is ours alone
