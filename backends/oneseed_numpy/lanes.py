"""What Numba cannot say and LLVM does not find: whole blocks of words, numbers read as other types, look-ups of rows.

Each function here becomes a few instructions of LLVM's own language, with vectors of 16 words, which LLVM fits to the
processor: one register with AVX-512, two with AVX2, four with NEON.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from oneseed.stream.philox import MASK, words_of_blocks
from oneseed.stream.quantile import bounds, mulhi64_halves

LANES = 16
"""Words that `cubics` takes at once."""

BLOCKS = 8
"""Philox blocks that `blocks` makes at once."""

GROUP = 4 * BLOCKS
"""The words of these."""

LINE = 64
"""Bytes of a line of the cache."""

SIDE = 16
"""Rows and columns of the squares that `transposed` turns."""

BYTE, WORD, LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
WORDS, PAIRS = ir.VectorType(WORD, LANES), ir.VectorType(LONG, LANES // 2)
COEFFICIENTS = 4
ROW = ir.VectorType(WORD, COEFFICIENTS)
HALVES = ir.VectorType(WORD, LANES // 2)
HALF = 32


def _operator(instruction: str) -> Callable[["Lanes", "Lanes | int"], "Lanes"]:
    def method(self: "Lanes", other: "Lanes | int") -> "Lanes":
        value = ir.Constant(PAIRS, [other] * PAIRS.count) if isinstance(other, int) else other.value
        return Lanes(self.builder, getattr(self.builder, instruction)(self.value, value))

    return method


class Lanes:
    """A vector of 8 numbers of 64 bits in code that is being built: each operator adds an instruction.

    For words in such lanes there is a fast multiply. LLVM sees which bits above them do not count, and takes no
    instruction to clear those.
    """

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    __add__, __mul__ = _operator("add"), _operator("mul")
    __and__, __or__, __xor__ = _operator("and_"), _operator("or_"), _operator("xor")
    __lshift__, __rshift__ = _operator("shl"), _operator("lshr")


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
def widest(_typing):  # type: ignore[no-untyped-def]
    """Let LLVM use the widest vectors there are in the loops of the function that calls this.

    For many processors it chooses half of that, lest their clock slow down, which `blocks` and `cubics` risk anyway.
    """

    def generate(context, builder, _signature, _arguments):  # type: ignore[no-untyped-def]
        # llvmlite's own method refuses what it does not know, as it does every attribute of one processor; and a later
        # one may keep them in another way, which costs some speed, but no bit.
        with suppress(TypeError):
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def prefetch(_typing, array, first):  # type: ignore[no-untyped-def]
    """Have memory fetched while other work goes on, to be written soon: of `GROUP` elements from `first` on."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointer, write, keep, data = BYTE.as_pointer(), WORD(1), WORD(3), WORD(1)
        kind = ir.FunctionType(ir.VoidType(), [pointer, WORD, WORD, WORD])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        memory = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        for element in range(0, GROUP, 8 * LINE // array.dtype.bitwidth):
            place = builder.gep(memory, [builder.add(arguments[1], LONG(element))])
            builder.call(function, [builder.bitcast(place, pointer), write, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def blocks(_typing, first, plane, seed, stream, results):  # type: ignore[no-untyped-def]
    """Write the words of 8 blocks from `first` on, in order, to the address `results`."""

    def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        first, plane, seed, stream = (_everywhere(builder, value) for value in arguments[:4])
        numbers = builder.add(first.value, ir.Constant(PAIRS, list(range(BLOCKS))))
        made = [
            builder.bitcast(word.value, WORDS) for word in words_of_blocks(Lanes(builder, numbers), seed, stream, plane)
        ]
        # The lower half of each lane counts: those of words 0 and 1 of a block go side by side, and of 2 and 3.
        halves = _mask(lane for block in range(0, LANES, 2) for lane in (block, LANES + block))
        pairs = [builder.bitcast(builder.shuffle_vector(a, b, halves), PAIRS) for a, b in (made[:2], made[2:])]
        for part in (0, BLOCKS // 2):
            order = _mask(lane for block in range(part, part + BLOCKS // 2) for lane in (block, BLOCKS + block))
            _store(builder, builder.shuffle_vector(*pairs, order), builder.add(arguments[4], LONG(16 * part)))
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64, types.uint64, types.uint64, types.uintp), generate


@intrinsic
def cubics(_typing, table, offsets, positions, results):  # type: ignore[no-untyped-def]
    """Evaluate the cubic polynomials of 16 words, in fixed point: ``z = c[j] + (z*x >> 32)`` for j = 2, 1, 0.

    All four arguments are addresses: of the table, with rows of four coefficients of 32 bits; of 16 offsets into it in
    bytes, a row's each; of the 16 positions x; and of the place for the 16 results.
    """

    def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        table, offsets, positions, results = arguments
        columns = _transposed(builder, [_row(builder, table, offsets, lane, ROW) for lane in range(LANES)])
        x = Lanes(builder, builder.bitcast(_load(builder, positions, WORDS), PAIRS))
        halves = []
        for odd in (False, True):  # words of even and of odd number
            lanes = [column >> HALF if odd else column for column in columns]
            at = x >> HALF if odd else x & MASK
            z = lanes.pop()
            for coefficient in reversed(lanes):
                z = ((z & MASK) * at >> HALF) + coefficient
            halves.append(z)
        _store(builder, (halves[0] & MASK | halves[1] << HALF).value, results)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.uintp, types.uintp), generate


@intrinsic
def septics(_typing, table, offsets, low, high, results):  # type: ignore[no-untyped-def]
    """Evaluate 8 polynomials in fixed point of 64 bits: ``z = c[j] + (z*x >> 64)`` for j = 6 ... 0.

    All five arguments are addresses: of the table, with rows of eight coefficients of 64 bits; of 8 offsets into it in
    bytes, a row's each, of 32 bits; of the lower and the upper words of the 8 positions x, without which LLVM would see
    the high half of a product and make it one number at a time; and of the place for the 8 results.
    """

    def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        table, offsets, low, high, results = arguments
        rows = [_row(builder, table, offsets, lane, PAIRS) for lane in range(PAIRS.count)]
        *coefficients, z = (Lanes(builder, column) for column in _turned(builder, rows))
        x = [Lanes(builder, builder.zext(_load(builder, words, HALVES), PAIRS)) for words in (low, high)]
        for c, bound in zip(reversed(coefficients), bounds(64)[:-1], strict=True):
            # Of a number that has no upper word LLVM leaves its products out.
            z = mulhi64_halves(z & MASK if bound <= MASK else z, *x) + c
        _store(builder, z.value, results)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.uintp, types.uintp, types.uintp), generate


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
        rows = _turned(builder, rows)
        for number in range(SIDE):
            builder.store(rows[number], at(3, 4, 5, number), align=size)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate


def _everywhere(builder: Any, value: Any) -> Lanes:
    """Return a number of 64 bits in all lanes."""
    one = builder.insert_element(ir.Constant(PAIRS, ir.Undefined), value, WORD(0))
    return Lanes(builder, builder.shuffle_vector(one, one, _mask([0] * PAIRS.count)))


def _load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=4)


def _store(builder: Any, value: Any, address: Any) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer()), align=4)


def _row(builder: Any, table: Any, offsets: Any, lane: int, kind: Any) -> Any:
    """Load the row of a lane, all of it at once, which costs less than gathering columns."""
    offset = _load(builder, builder.add(offsets, LONG(4 * lane)), WORD)
    return _load(builder, builder.add(table, builder.zext(offset, LONG)), kind)


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """Return the columns of a square, a power of two large, as vectors, given its rows."""
    side, rows = len(rows), list(rows)
    block = side // 2
    # Blocks beside the diagonal change places: the largest, then in each block the next smaller, and so on.
    while block:
        upper = _mask(lane if not lane & block else side + lane - block for lane in range(side))
        lower = _mask(lane + block if not lane & block else side + lane for lane in range(side))
        for number in range(side):
            if not number & block:
                a, b = rows[number], rows[number + block]
                rows[number] = builder.shuffle_vector(a, b, upper)
                rows[number + block] = builder.shuffle_vector(a, b, lower)
        block //= 2
    return rows


def _transposed(builder: Any, rows: list[Any]) -> list[Lanes]:
    """Turn 16 rows of four words into four columns of 16, two words in a lane."""
    # Rows 4 apart go into one vector, so that all further moves stay within its four quarters.
    quarter = LANES // 4
    a, b, c, d = (_joined(builder, rows[first::quarter]) for first in range(quarter))
    pairs = [[_woven(builder, x, y, 1, upper) for x, y in ((a, b), (c, d))] for upper in (False, True)]
    columns = [_woven(builder, x, y, 2, upper) for x, y in pairs for upper in (False, True)]
    return [Lanes(builder, builder.bitcast(column, PAIRS)) for column in columns]


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


def _mask(lanes: Iterable[int]) -> Any:
    chosen = list(lanes)
    return ir.Constant(ir.VectorType(WORD, len(chosen)), chosen)
