"""Build the kernels with the package; without a compiler it is installed without them."""

import os
import shutil
import sys
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "_kernel"
PACKAGE = "oneseed_numpy"
PARTS = ["portable", "avx2", "avx512", "neon", "fill", "orthogonal", "stream", "python"]
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Whether this Python has no limited API, so that the binary is for its version alone."""


class Kernels(BuildHookInterface):
    """Compile ``native/`` to a module of the package.

    Where that fails, the package works without, and the build says so; with ``ONESEED_REQUIRE_KERNEL`` set it fails.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and add the module to the wheel; an editable install gets it beside its sources."""
        beside = Path(self.root) / "backends" / PACKAGE
        for old in [*beside.glob(f"{NAME}.*.so"), *beside.glob(f"{NAME}*.pyd")]:
            old.unlink()  # it would be imported in place of none, or before a newer one
        if sys.implementation.name != "cpython":
            return
        try:
            module = self._compiled()
        except Exception as error:  # of setuptools, which has many; or because there is no setuptools
            if os.environ.get("ONESEED_REQUIRE_KERNEL"):
                raise
            self.app.display_warning(
                f"oneseed is installed without its compiled kernels ({error}). It draws with NumPy, the same bits more "
                "slowly. With a C compiler, install it again."
            )
            return
        if version == "editable":
            shutil.copy(module, beside / module.name)
            return
        build_data["force_include"][str(module)] = f"{PACKAGE}/{module.name}"
        build_data["pure_python"] = False
        if FREE_THREADED:
            build_data["infer_tag"] = True
        else:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"

    def _compiled(self) -> Path:
        from setuptools import Distribution, Extension

        native, build = Path(self.root) / "native", Path(self.root) / "build"
        build.mkdir(exist_ok=True)
        tables = build / "tables.c"
        tables.write_text(_tables(native / "tables.py"), encoding="ascii")
        flags = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-g0"]
        kernels = Extension(
            NAME,
            [*(str(native / f"{part}.c") for part in PARTS), str(tables)],
            include_dirs=[str(native)],
            extra_compile_args=["/std:c11", "/O2"] if os.name == "nt" else flags,
            py_limited_api=not FREE_THREADED,
        )
        command = Distribution({"name": "oneseed", "ext_modules": [kernels]}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(build / "lib"), str(build / "temp")
        command.force = True
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(NAME))


def _tables(script: Path) -> str:
    spec = spec_from_file_location("tables", script)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    source: str = module.source()
    return source
