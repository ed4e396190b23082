"""How numba makes one machine of many functions: each is typed and lowered by itself, all are optimised once, together.

Left to itself, numba optimises every function in the library of each of its callers anew and makes each executable,
with wrappers for Python: for a kernel of some hundred small functions that is three quarters of the compile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from llvmlite import binding
from numba import types
from numba.core import cgutils
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, PassManager
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.sigutils import normalize_signature
from numba.core.typed_passes import (
    AnnotateTypes,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import FixupArgs, ReconstructSSA, TranslateByteCode

from sim.engines.addresses import KIND
from sim.engines.machine import OF_C


class PartLibrary(CPUCodeLibrary):  # type: ignore[misc]  # numba ships no types
    """The code of a function, and whose code it calls, kept for the kernel that it will be linked into."""

    _whole: Any = None

    def add_ir_module(self, ir_module: Any) -> None:
        """Takes the function's code as it was lowered: the kernel alone is optimised."""
        self._final_module = binding.parse_assembly(cgutils.normalize_ir_text(str(ir_module)))
        self._final_module.name = ir_module.name

    def finalize(self) -> None:
        """Nothing is linked, optimised or made executable here."""
        self._finalized = True

    def reached(self) -> dict[CPUCodeLibrary, None]:
        """This library and all that it calls, each once."""
        found: dict[CPUCodeLibrary, None] = {}
        ahead: list[CPUCodeLibrary] = [self]
        while ahead:
            library = ahead.pop()
            if library not in found:
                found[library] = None
                if isinstance(library, PartLibrary):
                    ahead.extend(library._linking_libraries)
        return found

    def bitcode(self) -> bytes:
        """All of it, linked and not yet optimised: what the kernels of all kinds are made of."""
        whole = self._get_module_for_linking()
        unknown = {each.name for each in whole.functions if each.name.startswith("numba_")} - OF_C.keys()
        if unknown:
            raise NotImplementedError(f"`machine` knows no place for {', '.join(sorted(unknown))}")
        linked: bytes = whole.as_bitcode()
        return linked

    def _get_module_for_linking(self) -> Any:
        """What the kernel links: the code of this function and of all that it calls, once."""
        if self._whole is None:
            self._whole = self._final_module
            for library in self.reached():
                if library is self:
                    continue
                is_part = isinstance(library, PartLibrary)
                module = library._final_module if is_part else library._get_module_for_linking()
                self._whole.link_in(module, preserve=True)
            for function in self._whole.functions:
                if not function.is_declaration and function.linkage == binding.Linkage.external:
                    function.linkage = "linkonce_odr"
        return self._whole


class Lowering(Lower):  # type: ignore[misc]
    """From numba's typed code to LLVM's, without what a debugger would like to know."""

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:
        """Room for a variable."""
        return cgutils.alloca_once(self.builder, lltype, name=name, zfill=False)


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerPart(NativeLowering):  # type: ignore[misc]
    """Lowers a function into a `PartLibrary`, which other functions can call but Python cannot."""

    _name = "lower_part"
    lowering_class = Lowering

    def run_pass(self, state: Any) -> bool:
        """Lowers the function that is being compiled."""
        library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library = library
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        description = lowered.fndesc
        # numba's dispatcher knows a compiled function by a builtin, which Python would call: this one only complains.
        known_by = f"{{0.{description.qualname} is a part of a kernel and cannot be called by itself}}".format
        state.targetctx.insert_user_function(known_by, description, [library])
        state["cr"] = lowered._replace(cfunc=known_by)
        return True


class Passes(PassManager):  # type: ignore[misc]
    """Passes one after another: each leaves what it changes in order, so nothing is told, timed or analysed between."""

    def run(self, state: Any) -> None:
        """Runs the passes."""
        for each, _ in self.passes:
            each().run_pass(state)


class PartCompiler(CompilerBase):  # type: ignore[misc]
    """Those steps of numba's own pipeline that plain functions over numbers and addresses need."""

    def define_pipelines(self) -> list[Any]:
        """The passes in order."""
        manager = Passes("part")
        for each in (
            TranslateByteCode,
            FixupArgs,
            ReconstructSSA,
            NopythonTypeInference,
            PreLowerStripPhis,
            AnnotateTypes,
            LowerPart,
            NoPythonBackend,
        ):
            manager.add_pass(each, each.__name__)
        manager.finalize()
        return [manager]


@contextmanager
def remembered_types() -> Iterator[None]:
    """Has numba remember what a builtin function gives for arguments of these types: else it searches for every `+`."""
    search = types.Function.get_call_type
    found: dict[tuple[int, ...], Any] = {}

    def get_call_type(function: Any, context: Any, arguments: Any, keywords: Any) -> Any:
        if keywords:
            return search(function, context, arguments, keywords)
        known_by = (function._code, *(of._code for of in arguments))
        if known_by not in found:
            found[known_by] = search(function, context, arguments, keywords)
        return found[known_by]

    types.Function.get_call_type = get_call_type
    try:
        yield
    finally:
        types.Function.get_call_type = search


OPTIONS: Final[dict[str, Any]] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
"""Never `fastmath`: both engines must round alike. No rule divides by zero, so no check for it. Nothing is allocated,
so no reference counts (`_nrt`)."""


class PartFunction(CPUDispatcher):  # type: ignore[misc]
    """A function compiled for the kernel that calls it, once for each set of types that it is called with."""

    def __init__(self, function: Callable[..., Any], inlined: bool) -> None:
        options = OPTIONS | {"nopython": True, "no_cpython_wrapper": True, "forceinline": inlined}
        super().__init__(function, locals={}, targetoptions=options, pipeline_class=PartCompiler)

    def get_call_template(self, arguments: Any, keywords: Any) -> Any:
        """What a call is typed by: a constant is a number like others, not a type and a function of its own."""
        return super().get_call_template(tuple(map(types.unliteral, arguments)), keywords)

    def compile(self, signature: Any) -> Any:
        """Compiles for arguments of these types, without the timers and the cache that a function of its own has."""
        arguments, _ = normalize_signature(signature)
        if arguments not in self.overloads:
            self.add_overload(self._compiler.compile(arguments, None))
        return self.overloads[arguments].entry_point


def linked_kernel(function: Callable[[int, int], int]) -> tuple[str, bytes]:
    """(the symbol, LLVM's bitcode) of a function of two whole numbers, and of all that it calls.

    By numba's convention the symbol stands for a function of (where to put the result, where to put an error, the
    arguments …) that gives 0 if all went well; see `machine`.
    """
    entry = PartFunction(function, inlined=False)
    types_of_arguments = (types.int64, types.int64)
    with global_compiler_lock, remembered_types():
        entry.compile(types_of_arguments)
        made = entry.overloads[types_of_arguments]
        return made.fndesc.mangled_name, made.library.bitcode()


def machine_code_of(symbol: str, bitcode: bytes, kind: int) -> bytes:
    """An object file: a linked kernel for one kind of scenarios, optimised, with its entry alone seen from outside.

    What has one caller and is seen by nobody else, LLVM inlines more readily: some 7 % of an event.
    """
    codegen = cpu_target.target_context.codegen()
    kernel = binding.parse_bitcode(bitcode)
    kernel.link_in(binding.parse_assembly(f"@{KIND} = constant i8 {kind}"))
    kernel.get_global_variable(KIND).linkage = "internal"
    for function in kernel.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == symbol else "internal"
    passes, builder = codegen._module_pass_manager()
    passes.run(kernel, builder)
    machine_code: bytes = codegen._tm.emit_object(kernel)
    return machine_code
