"""Every public name has a docstring that numpydoc finds complete."""

import inspect

import pytest
from numpydoc.validate import validate

import oneseed

MODULES = (
    oneseed,
    oneseed.backend,
    oneseed.config,
    oneseed.initializers,
    oneseed.layouts,
    oneseed.random,
    oneseed.rules,
    oneseed.schemes,
)

# No extended summary (ES), "See Also" (SA) or yields' names; GL01-03 are matters of blank lines; a docstring's first
# line may be a noun phrase (SS05) and unnamed return values are this house's style (RT02).
LEFT_OUT = ("ES01", "SA01", "GL01", "GL02", "GL03", "SS05", "SS06", "RT02", "RT03")


FIELDS = set()
"""Named tuples, which document their fields as attributes."""


def public_names():
    for module in MODULES:
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{value.__module__}.{value.__qualname__}"
            if inspect.isclass(value) and issubclass(value, tuple):
                FIELDS.add(f"{value.__module__}.{value.__qualname__}")
            if inspect.isclass(value):
                # An override says what is special about it; what it overrides has the whole text.
                for method in {name for cls in value.__mro__ for name in vars(cls)}:
                    first = [vars(cls)[method] for cls in value.__mro__ if method in vars(cls)][-1]
                    function = getattr(first, "__func__", first)
                    if inspect.isfunction(function) and (not method.startswith("_") or method == "__call__"):
                        yield f"{function.__module__}.{function.__qualname__}"


@pytest.mark.parametrize("name", sorted(set(public_names())))
def test_the_docstring_is_complete(name):
    found = [f"{code}: {text}" for code, text in validate(name)["errors"] if code not in LEFT_OUT]
    # The methods of the classes share one example, that of the class.
    if name.rpartition(".")[2] in ("get_config", "from_config", "clone", "next", "__call__"):
        found = [error for error in found if not error.startswith("EX01")]
    if name.endswith(".register"):  # the overloads hide a parameter
        found = [error for error in found if not error.startswith("PR02")]
    if name in FIELDS:
        found = [error for error in found if not error.startswith("PR01")]
    assert not found


def test_all_names_exist_and_are_sorted():
    for module in MODULES:
        assert all(hasattr(module, name) for name in module.__all__)
        assert list(module.__all__) == sorted(
            module.__all__, key=lambda name: (name.upper() != name, name[0].islower(), name)
        )
