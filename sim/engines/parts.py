"""How numba makes one machine of many functions: each is typed and lowered by itself, all are optimised once, together.

Left to itself, numba optimises every function in the library of each of its callers anew and makes each executable,
with wrappers for Python: for a kernel of some hundred small functions that is three quarters of the compile.
"""

from __future__ import annotations

from typing import Any, Final

from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, PassManager
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class Part(CPUCodeLibrary):  # type: ignore[misc]  # numba ships no types
    """The code of a function and of all that it calls, kept for the kernel that it will be linked into."""

    def finalize(self) -> None:
        """Links what the function calls; nothing is optimised or made executable here."""
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerPart(NativeLowering):  # type: ignore[misc]
    """Lowers a function into a `Part`, which other functions can call but Python cannot."""

    _name = "lower_part"

    def run_pass(self, state: Any) -> bool:
        """Lowers the function that is being compiled."""
        library = Part(state.targetctx.codegen(), state.func_id.func_qualname)
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


class PartCompiler(CompilerBase):  # type: ignore[misc]
    """numba's own pipeline, but for the last of its steps."""

    def define_pipelines(self) -> list[Any]:
        """The passes in order."""
        standard = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager = PassManager("part")
        for each, description in standard.passes:
            manager.add_pass(LowerPart if each is NativeLowering else each, description)
        manager.finalize()
        return [manager]


WHOLE: Final[dict[str, Any]] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
"""Options for a kernel that Python calls. Never `fastmath`: both engines must round alike. No rule divides by zero, so
no check for it. Nothing is allocated, so no reference counts (`_nrt`)."""

PART: Final[dict[str, Any]] = {
    **WHOLE,
    "no_cpython_wrapper": True,
    "pipeline_class": PartCompiler,
    "forceinline": False,
}
"""Options for the functions that a kernel is made of. What is not said of inlining, numba takes from the caller."""
