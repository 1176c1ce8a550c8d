"""Build the kernels with the package; without a compiler it is installed without them."""

import hashlib
import os
import re
import shutil
import sys
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

KERNELS = ["portable", "avx2", "avx512", "neon", "fill", "orthogonal", "stream", "share", "xla", "callback", "python"]
MODULES = {"backends/oneseed_numpy/_kernel": [*KERNELS, "tables"], "src/oneseed/initializers/_recall": ["recall"]}
"""Where each compiled module lies in an editable install, and the sources it is made of."""
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Whether this Python has no limited API, so that the binary is for its version alone."""
# Windows has one pyconfig.h for both kinds of Python, which therefore does not say which one it is.
MACROS = [("Py_GIL_DISABLED", "1") if FREE_THREADED else ("Py_LIMITED_API", "0x030B0000")]
FLAGS = {"msvc": ["/std:c11", "/O2", "/fp:precise"]}
"""The flags of compilers that do not take those of GCC."""
VARIABLES = ["CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED", "ARCHFLAGS", "MACOSX_DEPLOYMENT_TARGET"]
"""What of the environment decides how compilers are called."""
LIKE_GCC = ["-std=c11", "-O3", "-fno-math-errno", "-fvisibility=hidden", "-g0"]
# What users set in CFLAGS comes before, and must not change a bit. GCC 12 fuses neighbouring products and sums whatever
# -ffp-contract says, and compares bytes as plain char.
EXACT = ["-ffp-contract=off", "-fno-fast-math", "-fno-unsafe-math-optimizations", "-fno-associative-math"]
EXACT += ["-fno-reciprocal-math", "-fno-finite-math-only", "-fsigned-zeros", "-fno-tree-slp-vectorize", "-fsigned-char"]
LINK = ["-O3", "-fno-fast-math", "-fno-unsafe-math-optimizations"]
"""Without these GCC adds code that has the whole process round tiny numbers to zero, if CFLAGS asks for fast math."""


RELATIVE = re.compile(r"""(\]\(|(?:src|srcset|href)=["'])(?![a-z]+:|#)([^)"'\s]+)""")
"""The target of a link of Markdown or HTML, after its beginning."""


class Readme(MetadataHookInterface):
    """Have the README's links lead to the repository, for it is read on package indexes too."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the text."""
        source = metadata["urls"]["Source"]

        def absolute(link: re.Match[str]) -> str:
            how = "raw" if link[2].endswith((".png", ".svg")) else "blob"
            return f"{link[1]}{source}/{how}/main/{link[2]}"

        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": RELATIVE.sub(absolute, text)}


class Kernels(BuildHookInterface):
    """Compile ``native/`` to modules of the packages.

    Where that fails, the package works without, and the build says so; with ``ONESEED_REQUIRE_KERNEL`` set it fails.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and add the modules to the wheel; an editable install gets them beside its sources."""
        places = [Path(self.root, place) for place in MODULES]
        if version == "editable":  # a wheel leaves those of an editable install alone
            for place in places:
                for old in [*place.parent.glob(f"{place.name}.*.so"), *place.parent.glob(f"{place.name}*.pyd")]:
                    old.unlink()  # it would be imported in place of none, or before a newer one
        if sys.implementation.name != "cpython":
            return
        try:
            built = self._compiled()
        except Exception as error:  # of setuptools, which has many; or because there is no setuptools
            if os.environ.get("ONESEED_REQUIRE_KERNEL"):
                raise
            self.app.display_warning(
                f"oneseed is installed without its compiled kernels ({error}). It draws with NumPy, the same bits more "
                "slowly. With a C compiler, install it again."
            )
            return
        modules = {place.parent: next(built.glob(f"{place.name}.*")) for place in places}
        if version == "editable":
            for folder, module in modules.items():
                shutil.copy(module, folder)
            return
        for folder, module in modules.items():
            package = folder.relative_to(self.root).parts[1:]
            build_data["force_include"][str(module)] = "/".join((*package, module.name))
        build_data["pure_python"] = False
        if FREE_THREADED:
            build_data["infer_tag"] = True
        else:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"

    def _compiled(self) -> Path:
        """Return the folder of the modules; what was built of the same sources in the same way is used again."""
        native, build = Path(self.root) / "native", Path(self.root) / "build" / "kernel"
        sources = {path.name: path.read_bytes() for path in sorted(native.glob("*.[ch]"))}
        sources["tables.c"] = _tables(native / "tables.py").encode("ascii")
        python = sysconfig.get_platform(), sysconfig.get_config_vars("EXT_SUFFIX", *VARIABLES)
        how = MODULES, MACROS, FLAGS, LIKE_GCC, EXACT, LINK, python, [os.environ.get(name) for name in VARIABLES]
        built = build / hashlib.sha256(repr((sources, how)).encode()).hexdigest()[:16]
        if not built.is_dir():
            unfinished = build / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            (unfinished / "tables.c").write_bytes(sources["tables.c"])
            self._compile(native, unfinished)
            for old in build.iterdir():
                if old != unfinished:
                    shutil.rmtree(old)
            unfinished.rename(built)
        return built / "lib"

    def _compile(self, native: Path, to: Path) -> None:
        from setuptools import Distribution, Extension
        from setuptools.command.build_ext import build_ext

        class Build(build_ext):
            def build_extensions(self) -> None:  # when the compiler is known
                kind = self.compiler.compiler_type
                for module in self.extensions:
                    module.extra_compile_args = FLAGS.get(kind, [*LIKE_GCC, *EXACT])
                    module.extra_link_args = [] if kind in FLAGS else LINK
                super().build_extensions()

        modules = [
            Extension(
                place.rpartition("/")[2],
                [str((to if part == "tables" else native) / f"{part}.c") for part in parts],
                include_dirs=[str(native)],
                define_macros=MACROS,
                py_limited_api=not FREE_THREADED,
            )
            for place, parts in MODULES.items()
        ]
        command = Build(Distribution({"name": "oneseed", "ext_modules": modules}))
        command.build_lib, command.build_temp = str(to / "lib"), str(to / "temp")
        command.ensure_finalized()
        command.run()


def _tables(script: Path) -> str:
    spec = spec_from_file_location("tables", script)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    source: str = module.source()
    return source
