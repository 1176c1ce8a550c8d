"""The gallery has every initializer, and its page says what the register says."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))
import make_gallery

from oneseed.initializers.known import GROUPS, KERAS, entries, in_order

SIGNATURE, SIZE_AT = b"\x89PNG\r\n\x1a\n", slice(16, 24)


def test_the_page_is_what_the_script_writes():
    written = make_gallery.PAGE.read_text(encoding="utf-8")
    assert written == make_gallery.page(), "run: python tests/tools/make_gallery.py"


def test_the_pages_of_the_reference_have_every_entry_in_the_same_order():
    written = {file.name: file.read_text(encoding="utf-8") for file in make_gallery.REFERENCE.iterdir()}
    assert written == make_gallery.reference(), "run: python tests/tools/make_gallery.py"


def test_the_reference_is_in_the_order_of_keras():
    """Keras's classes are the first of their pages."""
    named = [entry.cls.__name__ for entry in in_order()]
    assert [name for name in named if name in KERAS] == list(KERAS)
    for group in GROUPS:
        known = [entry.cls.__name__ in KERAS for entry in in_order() if entry.group == group]
        assert known == sorted(known, reverse=True)


def test_every_entry_has_a_picture_and_no_other_is_there():
    files = {file.name: file.read_bytes() for file in make_gallery.PICTURES.iterdir()}
    assert set(files) == {f"{name.lower()}.png" for name in entries()}
    for content in files.values():
        assert content.startswith(SIGNATURE)
        assert tuple(np.frombuffer(content[SIZE_AT], ">u4")) == (420, 260)
    assert sum(map(len, files.values())) < 1_500_000


@pytest.mark.parametrize("name", sorted(entries()))
def test_the_expression_makes_what_the_entry_is_about(name):
    entry = entries()[name]
    with make_gallery.folder_with_a_file():
        initializer = make_gallery.built(entry)
        made = initializer(entry.shape, entry.dtype, backend="numpy")
    assert type(initializer).__name__ == name
    assert made.shape == entry.shape


@pytest.mark.parametrize("name", sorted(set(entries()) - {"FromFile"}))
def test_the_expression_makes_the_same_each_time(name):
    entry = entries()[name]
    first, second = (make_gallery.built(entry)(entry.shape, entry.dtype, backend="numpy") for _ in range(2))
    assert first.tobytes() == second.tobytes()
