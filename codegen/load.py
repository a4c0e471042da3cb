"""Turn the text of a generated module into a module.

Comes in: source text and a name for people. Goes out: the module, in `sys.modules`
under `overbar.codegen.generated.NAME_HASH`; the same one each time. The text is checked
against allowlist.py and kept in the cache folder, where tracebacks, debuggers and
`inspect.getsource` find it. What is executed is the syntax tree that was checked, never
the file, so a damaged file does no harm and is put right.
"""

from __future__ import annotations

import builtins
import hashlib
import os
import re
import sys
import threading
from dataclasses import dataclass
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from overbar.codegen import allowlist
from overbar.codegen.cache import STORE, TAG_PREFIX
from overbar.ir.errors import OverbarError

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Mapping

PACKAGE = "overbar.codegen.generated"
_HASH = 16
_NAME = re.compile(rf"(?a:\w+)_[0-9a-f]{{{_HASH}}}")


def load_module(source: str, stem: str) -> ModuleType:
    """Load a generated module whose `@njit` functions compile with Numba.

    `stem` names the module for people. Raises `OverbarError` where the source holds
    anything but what the printers write.
    """
    return _load(source, stem, COMPILED)


def load_plain(source: str, stem: str) -> ModuleType:
    """Load a generated module to run without Numba, with the same results to the bit.

    Pass `numpy.float64` scalars, under `numpy.errstate(all="ignore")`. Raises
    `OverbarError` where the source holds anything but what the printers write.
    """
    return _load(source, stem, PLAIN)


def load_vector(source: str, stem: str) -> ModuleType:
    """Load a generated module as `load_module` does, with vector math in its loops.

    Where this machine has no vector library that is the same.
    """
    from overbar.codegen import vectormath

    return _load(source, stem, VECTOR if vectormath.available() else COMPILED)


@dataclass(frozen=True)
class Variant:
    """Say how a module is executed: what its imports give, and where its text is kept.

    suffix: added to the module's name.
    tag: the folder inside the cache.
    imports: what `import` gives, by module name.
    builtins: replacements among the builtins.
    adapt: changes the compiled code.
    rewrite: changes the checked syntax tree.
    """

    suffix: str
    tag: Callable[[], str]
    imports: Callable[[], Mapping[str, Any]]
    builtins: Callable[[], Mapping[str, Any]]
    adapt: Callable[[CodeType], CodeType]
    rewrite: Callable[[ast.Module], ast.Module] = lambda tree: tree


def _compiled_tag() -> str:
    from overbar.codegen import jitcache

    return jitcache.tag()


def _compiled_imports() -> Mapping[str, Any]:
    import math

    import numba
    import numpy as np

    from overbar.codegen import jitcache

    names = {name: getattr(numba, name) for name in allowlist.IMPORTS["numba"]}
    namespace = SimpleNamespace(**{**names, "njit": jitcache.njit})
    return {"math": math, "numpy": np, "numba": namespace}


def _vector_imports() -> Mapping[str, Any]:
    from overbar.codegen import vectormath

    return {**_compiled_imports(), **vectormath.modules()}


def _plain_tag() -> str:
    return f"{TAG_PREFIX}plain-{sys.implementation.cache_tag}"


def _plain_imports() -> Mapping[str, Any]:
    from overbar.codegen import libm

    namespace = SimpleNamespace(njit=_identity, prange=range)
    return {"math": libm.MATH, "numpy": libm.NUMPY, "numba": namespace}


def _plain_builtins() -> Mapping[str, Any]:
    import numpy as np

    from overbar.codegen import libm

    return {"float": np.float64, libm.SIZES: libm.sizes}


def _plain_tree(tree: ast.Module) -> ast.Module:
    from overbar.codegen import libm

    return libm.with_ieee_sizes(tree)


def _plain_code(code: CodeType) -> CodeType:
    from overbar.codegen import libm

    return libm.with_ieee_constants(code)


def _identity(function: Any = None, **_: Any) -> Any:
    return _identity if function is None else function


COMPILED = Variant("", _compiled_tag, _compiled_imports, dict, lambda code: code)
PLAIN = Variant(
    "_plain", _plain_tag, _plain_imports, _plain_builtins, _plain_code, _plain_tree
)
VECTOR = Variant("_vector", _compiled_tag, _vector_imports, dict, lambda code: code)
VARIANTS = (PLAIN, VECTOR, COMPILED)


class _Modules:
    """Hold the modules of this process, each made once."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.made: dict[str, ModuleType] = {}

    def get(self, name: str, source: str, variant: Variant) -> ModuleType:
        """Return the module of a name, made from `source` if there is none yet."""
        with self.lock:
            module = self.made.get(name)
            if module is None:
                module = _execute(name, source, variant)
                self.made[name] = sys.modules[module.__name__] = module
        return module

    def after_fork(self) -> None:
        """Replace the lock: in a fork's child no thread is left to release it."""
        self.lock = threading.RLock()


_MODULES = _Modules()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_MODULES.after_fork)


def _load(source: str, stem: str, variant: Variant) -> ModuleType:
    name = _name(source, stem)
    module = _MODULES.made.get(name + variant.suffix)
    return module or _MODULES.get(name + variant.suffix, source, variant)


def _name(source: str, stem: str) -> str:
    """Return the module's name: the stem, made an identifier, and the text's hash."""
    digest = hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()
    readable = re.sub(r"\W+", "_", stem, flags=re.ASCII)[:40].strip("_") or "module"
    start = "_" if readable[0].isdigit() else ""
    return f"{start}{readable}_{digest[:_HASH]}"


def _execute(name: str, source: str, variant: Variant) -> ModuleType:
    """Check the source, keep it on disk, and make the module."""
    tree = allowlist.check(source)
    base = name.removesuffix(variant.suffix)
    path = STORE.keep(f"{variant.tag()}/{base}.py", source.encode())
    # Without a disk the loader serves the text, under the name of no file.
    origin = str(path or Path(__file__) / f"{name}.py")
    loader = GeneratedLoader(name, source, variant)
    spec = ModuleSpec(f"{PACKAGE}.{name}", loader, origin=origin)
    module = ModuleType(spec.name)
    vars(module).update(
        __spec__=spec, __loader__=loader, __package__=PACKAGE, __file__=origin
    )
    try:
        code = compile(variant.rewrite(tree), origin, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"expected a generated module that compiles, found: {error}"
        raise OverbarError(message) from None
    _run(variant.adapt(code), module, variant)
    return module


class GeneratedLoader(Loader):
    """Give Python's import system a module, and `linecache` its text."""

    def __init__(self, name: str, source: str, variant: Variant) -> None:
        self.name = name
        self.source = source
        self.variant = variant

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002
        """Return the module, executed already."""
        return _MODULES.get(self.name, self.source, self.variant)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: a module is executed when it is made."""

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        """Return the text, also where the file is gone."""
        return self.source


class GeneratedFinder:
    """Find generated modules on disk, when a pickle names one in another process."""

    def find_spec(self, fullname: str, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return how to load a module whose text has the hash that its name says."""
        name = fullname.rpartition(".")[2]
        variant = next(v for v in VARIANTS if name.endswith(v.suffix))
        base = name.removesuffix(variant.suffix)
        if not _NAME.fullmatch(base):
            return None
        data = STORE.fetch(f"{variant.tag()}/{base}.py")
        if data is None or hashlib.sha256(data).hexdigest()[:_HASH] != base[-_HASH:]:
            return None
        return ModuleSpec(fullname, GeneratedLoader(name, data.decode(), variant))


def _run(code: CodeType, module: ModuleType, variant: Variant) -> None:
    """Execute a module that sees the listed builtins and modules, and nothing else."""
    imports = variant.imports()

    def give(name: str, *_: Any) -> Any:
        return imports[name]

    allowed = {name: getattr(builtins, name) for name in allowlist.BUILTINS}
    allowed.update(variant.builtins(), __import__=give)
    space = vars(module)
    space["__builtins__"] = allowed
    exec(code, space)  # noqa: S102 - the tree was checked node by node
    # Functions keep the builtins they were made with; a debugger gets all of them.
    space["__builtins__"] = builtins
