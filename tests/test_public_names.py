"""The public names: none may go, and type checkers know all that the register has."""

import ast
import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))
import make_stub

NAMES = json.loads((Path(__file__).parent / "public_names.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", sorted(NAMES))
def test_every_public_name_is_there(module):
    if (framework := NAMES[module]["framework"]) is not None:
        pytest.importorskip(framework)
    found = import_module(module)
    assert [name for name in NAMES[module]["names"] if not hasattr(found, name)] == []
    # What is loaded at its first use is completed by shells, and is what a traceback suggests for a mistyped name.
    assert [name for name in getattr(found, "__all__", ()) if name not in dir(found)] == []


def test_the_stub_is_what_the_script_writes():
    assert make_stub.STUB.read_text(encoding="utf-8") == make_stub.text(), "run: python tests/tools/make_stub.py"


def test_type_checkers_know_what_a_star_imports():
    assigned = ast.parse(make_stub.STUB.read_text(encoding="utf-8")).body[-1]
    assert ast.literal_eval(assigned.value) == import_module("oneseed.initializers").__all__
