"""What Numba cannot say and LLVM does not find: numbers read as other types, and the look-up of whole rows.

Each function here becomes a few instructions of LLVM's own language, with vectors of 16 words, which LLVM fits to the
processor: one register with AVX-512, two with AVX2, four with NEON.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16
"""Words that `cubics` takes at once."""

SIDE = 16
"""Rows and columns of the squares that `transposed` turns."""

WORD, LONG = ir.IntType(32), ir.IntType(64)
WORDS, PAIRS = ir.VectorType(WORD, LANES), ir.VectorType(LONG, LANES // 2)
COEFFICIENTS = 4
ROW = ir.VectorType(WORD, COEFFICIENTS)


def _same_bits(given: Any, wanted: Any) -> Callable[..., Any]:
    """Return a function for compiled code that reads a number's bits as another type of its width."""

    @intrinsic
    def function(_typing, value):  # type: ignore[no-untyped-def]
        def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
            return builder.bitcast(arguments[0], context.get_value_type(wanted))

        return wanted(given), generate

    made: Callable[..., Any] = function
    return made


bits32, real32 = _same_bits(types.float32, types.uint32), _same_bits(types.uint32, types.float32)
bits64, real64 = _same_bits(types.float64, types.uint64), _same_bits(types.uint64, types.float64)


@intrinsic
def cubics(_typing, table, offsets, positions, results):  # type: ignore[no-untyped-def]
    """Evaluate the cubic polynomials of 16 words, in fixed point: ``z = c[j] + (z*x >> 32)`` for j = 2, 1, 0.

    All four arguments are addresses: of the table, with rows of four coefficients of 32 bits; of 16 offsets into it in
    bytes, a row's each; of the 16 positions x; and of the place for the 16 results.
    """

    def generate(_context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        table, offsets, positions, results = arguments
        columns = _transposed(builder, [_row(builder, table, offsets, lane) for lane in range(LANES)])
        low, half = _splat(0xFFFFFFFF), _splat(32)
        # Words of even and of odd number side by side in lanes of 64 bits, for which there is a fast multiply. What a
        # lane holds above 32 bits does not count, and takes no instruction to clear.
        x = builder.bitcast(_load(builder, positions, WORDS), PAIRS)
        halves = []
        for odd in (False, True):
            lanes = [builder.lshr(column, half) if odd else column for column in columns]
            at = builder.lshr(x, half) if odd else builder.and_(x, low)
            z = lanes.pop()
            for coefficient in reversed(lanes):
                z = builder.add(builder.lshr(builder.mul(builder.and_(z, low), at), half), coefficient)
            halves.append(z)
        joined = builder.or_(builder.and_(halves[0], low), builder.shl(halves[1], half))
        builder.store(joined, builder.inttoptr(results, PAIRS.as_pointer()), align=4)
        return ir.Constant(LONG, 0)

    return types.uintp(types.uintp, types.uintp, types.uintp, types.uintp), generate


@intrinsic
def transposed(_typing, source, first, row, target, place, apart):  # type: ignore[no-untyped-def]
    """Write the columns of a square of 16 x 16 elements as rows.

    The square begins at the element `first` of the array `source`, its rows `row` elements apart. What is written
    begins at the element `place` of the array `target`, of the same dtype, each row `apart` elements after the last.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        def at(array: int, start: int, step: int, number: int) -> Any:
            place = builder.add(arguments[start], builder.mul(arguments[step], LONG(number)))
            data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
            return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())

        size = source.dtype.bitwidth // 8
        kind = ir.VectorType(ir.IntType(8 * size), SIDE)
        rows = [builder.load(at(0, 1, 2, number), align=size) for number in range(SIDE)]
        # Blocks beside the diagonal change places: of 8 x 8 elements, then in each block of 4 x 4, and so on.
        for block in (8, 4, 2, 1):
            upper = [lane if not lane & block else SIDE + lane - block for lane in range(SIDE)]
            lower = [lane + block if not lane & block else SIDE + lane for lane in range(SIDE)]
            for number in range(SIDE):
                if not number & block:
                    a, b = rows[number], rows[number + block]
                    rows[number] = builder.shuffle_vector(a, b, _mask(upper))
                    rows[number + block] = builder.shuffle_vector(a, b, _mask(lower))
        for number in range(SIDE):
            builder.store(rows[number], at(3, 4, 5, number), align=size)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate


def _load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=4)


def _row(builder: Any, table: Any, offsets: Any, lane: int) -> Any:
    """Load the row of a lane, all of it at once, which costs less than gathering columns."""
    offset = _load(builder, builder.add(offsets, LONG(4 * lane)), WORD)
    return _load(builder, builder.add(table, builder.zext(offset, LONG)), ROW)


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Turn 16 rows of four words into four columns of 16, held as 8 pairs."""
    # Rows 4 apart go into one vector, so that all further moves stay within its four quarters.
    quarter = LANES // 4
    a, b, c, d = (_joined(builder, rows[first::quarter]) for first in range(quarter))
    pairs = [[_woven(builder, x, y, 1, upper) for x, y in ((a, b), (c, d))] for upper in (False, True)]
    columns = [_woven(builder, x, y, 2, upper) for x, y in pairs for upper in (False, True)]
    return [builder.bitcast(column, PAIRS) for column in columns]


def _joined(builder: Any, parts: list[Any]) -> Any:
    """Put vectors one after another."""
    while len(parts) > 1:
        both = range(2 * parts[0].type.count)
        parts = [builder.shuffle_vector(a, b, _mask(both)) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _woven(builder: Any, a: Any, b: Any, size: int, upper: bool) -> Any:
    """Take runs of `size` words in turn from the lower or upper half of each quarter of two vectors."""
    mask = []
    for quarter in range(0, LANES, 4):
        for run in range(quarter + 2 * upper, quarter + 2 * upper + 2, size):
            mask += [*range(run, run + size), *range(LANES + run, LANES + run + size)]
    return builder.shuffle_vector(a, b, _mask(mask))


def _mask(lanes: Any) -> Any:
    return ir.Constant(ir.VectorType(WORD, len(lanes)), list(lanes))


def _splat(value: int) -> Any:
    return ir.Constant(PAIRS, [value] * PAIRS.count)
