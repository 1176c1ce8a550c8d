"""Pictures that scripts draw as SVG say what the stored numbers, and the frameworks, say."""

import json
import sys
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from frameworks import ALL

sys.path.insert(0, str(Path(__file__).parent / "tools"))
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import bars
import make_front_picture


@pytest.mark.parametrize("backend", ALL)
def test_the_picture_of_the_first_page_shows_what_a_framework_prints(backend):
    written = make_front_picture.PICTURE.read_text(encoding="utf-8")
    for line in make_front_picture.lines(backend):
        assert f">{escape(line)}</text>" in written, "run: python tests/tools/make_front_picture.py"


def test_the_bars_are_those_of_the_stored_run():
    stored = json.loads(bars.STORED.read_text(encoding="utf-8"))["rows"]
    written = bars.PICTURE.read_text(encoding="utf-8")
    assert written == bars.picture(stored), "run: python benchmarks/bars.py"
    names = [text.text for text in ElementTree.fromstring(written).iter("{http://www.w3.org/2000/svg}text")]
    assert all(row["what"] in names for row in stored)


def test_bars_are_as_long_as_the_logarithms_of_their_ratios():
    one, ten, hundred = map(bars.place, (1, 10, 100))
    assert hundred - ten == pytest.approx(ten - one, abs=0.2)
    assert one - bars.place(0.1) == pytest.approx(ten - one, abs=0.2)
    assert (bars.place(1e-9), bars.place(1e9)) == (bars.place(bars.LEAST), hundred)
