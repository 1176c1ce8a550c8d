"""The known answers of initializers, on every backend: rows of tests/known_answers, one file for each family.

A row says what is asked for and what must come out: the fingerprint, or, where linear algebra of the machine takes part
and the last bit may be another, the values and a tolerance in units of the dtype's precision. Functions such as exp are
not rounded to the nearest float64, but give the same bits everywhere: their rows have both. A complex value is the list
of its two parts.
"""

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from frameworks import PLACES

import oneseed
from oneseed import initializers
from oneseed.host_arrays import to_numpy

ROWS = [
    pytest.param(row, id=f"{file.stem}-{number}-{row['initializer']['class_name']}-{row['dtype']}")
    for file in sorted((Path(__file__).parent / "known_answers").glob("*.json"))
    for number, row in enumerate(json.loads(file.read_text(encoding="utf-8")))
]


def made(row, backend, device):
    """Draw what a row asks for; JAX has dtypes of 64 bits only where it is told so."""
    init = initializers.get(row["initializer"])
    call = {key: row[key] for key in ("axes", "path", "partition_shape", "partition_offset") if key in row}

    def draw():
        return init(tuple(row["shape"]), row["dtype"], backend=backend, device=device, **call)

    if backend == "jax":
        import jax

        with jax.enable_x64(True):
            return to_numpy(draw())
    return to_numpy(draw())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("row", ROWS)
def test_known_answer(row, place):
    found = made(row, *place)
    assert found.dtype.name == row["dtype"]
    if "fingerprint" in row:
        assert oneseed.fingerprint(found) == row["fingerprint"]
    if "values" in row:
        wide = np.stack([found.real, found.imag], -1) if found.dtype.kind == "c" else found.astype(np.float64)
        bound = row["tolerance"] * float(ml_dtypes.finfo(found.dtype).eps)
        np.testing.assert_allclose(wide, np.array(row["values"]), rtol=0, atol=bound * np.abs(wide).max())
