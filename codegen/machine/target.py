"""Turn LLVM's text into machine code in this process.

Comes in: a module's text, or object code made earlier. Goes out: object code, to be
kept on disk, and the addresses of its functions. Nothing process-wide is touched:
external symbols are given to each piece of code by name, and no option of LLVM's or
Numba's is changed.
"""

from __future__ import annotations

import hashlib
import itertools
from functools import cache
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm

from overbar.ir.errors import OverbarError, UnsupportedError
from overbar.ir.forking import unforked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# llvmlite ships no types.
_Machine = Any

_COUNT = itertools.count()


class Code:
    """Hold loaded machine code, for as long as any of its functions may run.

    addresses: of its functions, by name.
    """

    __slots__ = ("_library", "addresses")

    def __init__(self, library: Any, addresses: Mapping[str, int]) -> None:
        self._library = library
        self.addresses = dict(addresses)


@cache
def features() -> Mapping[str, bool]:
    """Return what this machine's processor can do, by LLVM's names."""
    return dict(llvm.get_host_cpu_features())


@cache
def fingerprint() -> str:
    """Name the processor and the version of LLVM that code is made for and by."""
    text = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    version = ".".join(map(str, llvm.llvm_version_info))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@cache
def _machine(level: int) -> _Machine:
    """Return LLVM's target machine for this processor at a level of 0 to 3."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=level,
        jit=True,
    )


@unforked  # or LLVM's lock would stay taken in the child
def assemble(
    text: str,
    *,
    level: int = 2,
    passes: int = 0,
    vectorise: bool = False,
    inline: bool = False,
) -> bytes:
    """Return the object code of a module.

    level: of instruction selection and register allocation, 0 (quick) to 3.
    passes: the level of LLVM's pipeline of passes that runs before, 0 for none;
        vectorise: with LLVM's vectoriser of loops among them.
    inline: whether functions marked `alwaysinline` are put in place of calls that the
        passes left or made, and what is computed twice is computed once.
    """
    machine = _machine(level)
    try:
        # A module has to end before its context does.
        with (
            llvm.create_context() as context,
            llvm.parse_assembly(text, context=context) as module,
        ):
            module.triple = machine.triple
            module.data_layout = str(machine.target_data)
            module.verify()
            if passes:
                _run_passes(module, machine, passes, vectorise=vectorise)
            if inline:
                _put_in_place(module, machine)
            return machine.emit_object(module)  # type: ignore[no-any-return]
    except RuntimeError as error:
        message = f"expected code that LLVM can read, found: {error}"
        raise OverbarError(message) from None


def assembled(text: str, *, level: int = 2) -> bytes:
    """Return the object code of a module with a core over numbers.

    Variables of branches are in memory, so that the passes pay there; straight code
    has none, and its equal subexpressions are one already.
    """
    branches = "\nbr i1 " in text
    passes = 2 if branches and level else 0
    return assemble(text, level=level, passes=passes, inline="alwaysinline" in text)


def _run_passes(module: Any, machine: _Machine, level: int, *, vectorise: bool) -> None:
    """Run LLVM's pipeline over a module, without its vectoriser of straight code."""
    options = llvm.create_pipeline_tuning_options(level)
    options.loop_vectorization = vectorise
    options.slp_vectorization = False
    with llvm.create_pass_builder(machine, options) as builder:
        builder.getModulePassManager().run(module, builder)


def _put_in_place(module: Any, machine: _Machine) -> None:
    """Inline the functions that are marked so, and drop them."""
    options = llvm.create_pipeline_tuning_options(0)
    with llvm.create_pass_builder(machine, options) as builder:
        manager = llvm.create_new_module_pass_manager()
        manager.add_always_inliner_pass()
        manager.add_new_gvn_pass()
        manager.add_global_dead_code_eliminate_pass()
        manager.run(module, builder)


@cache
def _linker() -> Any:
    return llvm.create_lljit_compiler(_machine(2), use_jit_link=False)


@unforked
def load(
    data: bytes | Sequence[bytes],
    names: Sequence[str],
    symbols: Mapping[str, int] | None = None,
) -> Code:
    """Load object code and return the addresses of the functions named.

    data: of one module, or of several that call each other.
    symbols: addresses of what they call, beyond the C library's functions.
    Raises UnsupportedError where LLVM does not load it: Numba has loaders of its own.
    """
    builder = llvm.JITLibraryBuilder()
    for code in [data] if isinstance(data, bytes) else data:
        builder.add_object_img(code)
    builder.add_current_process()
    for name, address in (symbols or {}).items():
        builder.import_symbol(name, address)
    for name in names:
        builder.export_symbol(name)
    try:
        library = builder.link(_linker(), f"overbar.{next(_COUNT)}")
    except RuntimeError as error:
        message = f"expected machine code that can be loaded, found: {error}"
        raise UnsupportedError(message) from None
    return Code(library, {name: library[name] for name in names})
