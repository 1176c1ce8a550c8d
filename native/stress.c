/* Calls the library at random, for sanitizers: `stress SEED SECONDS`. Memory is of just the size that is written, and every
 * element is compared with the one that the plain kernel makes alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oneseed.h"

static oneseed_address source;
static uint64_t drawn;

/* The next random integer below `limit`, from the library itself. */
static uint64_t below(uint64_t limit)
{
    const uint64_t word = (uint64_t)oneseed_word(&source, drawn, 0) << 32 | oneseed_word(&source, drawn, 1);
    drawn++;
    return limit ? word % limit : word;
}

static void fail(const char *what, const char *kernel_name, size_t element)
{
    fprintf(stderr, "%s: kernel %s, element %zu, seed %llu\n", what, kernel_name, element,
        (unsigned long long)source.seed);
    exit(1);
}

static oneseed_distribution distribution(void)
{
    static const double numbers[] = {0, 1, -1, 0.02, 0.3, -5, 1e-7, 3, 1e30, 1e300, -1e300};
    oneseed_distribution what;
    for (;;) {
        const int dtype = (int)below(ONESEED_DTYPES + 1) - 1; /* one below is refused */
        const double a = numbers[below(11)], b = numbers[below(11)];
        int refused;
        switch (below(5)) {
        case 0: refused = oneseed_normal(&what, dtype, a, b); break;
        case 1: refused = oneseed_uniform(&what, dtype, a, b); break;
        case 2: refused = oneseed_truncated(&what, dtype, a, b, -2, 2, NULL); break;
        case 3:
            refused = below(2) ? oneseed_integers(&what, dtype, below(0), below((UINT64_C(1) << 32) + 2))
                               : oneseed_integers(&what, dtype, below(256) - 128, below(130)); /* of narrow dtypes */
            break;
        default: refused = oneseed_words(&what, dtype);
        }
        if (!refused)
            return what;
    }
}

static void write_at_random(void)
{
    const oneseed_distribution what = distribution();
    const oneseed_address at = {below(0), below(0)};
    const size_t size = oneseed_size(what.dtype);
    const int axes = (int)below(5), gap = below(4) == 0;
    const uint64_t first = below(3) ? below(1 << 20) : below(UINT64_C(1) << 62);
    size_t sizes[4], count = 1, order[4];
    ptrdiff_t strides[4];
    uint64_t steps[4], step = 1;
    for (int k = 0; k < axes; k++) {
        sizes[k] = below(40) ? 1 + below(below(3) ? 9 : axes < 3 ? 700 : 70) : 0;
        count *= sizes[k], order[k] = (size_t)k;
    }
    for (int k = axes - 1; k > 0; k--) { /* shuffled */
        const size_t other = below((uint64_t)k + 1), held = order[k];
        order[k] = order[other], order[other] = held;
    }
    ptrdiff_t stride = (ptrdiff_t)size << gap;
    for (int k = axes - 1; k >= 0; k--) {
        strides[k] = stride, stride *= (ptrdiff_t)(sizes[k] ? sizes[k] : 1);
        steps[order[k]] = step, step *= (sizes[order[k]] ? sizes[order[k]] : 1) + below(3) * below(4);
    }
    const size_t bytes = (size_t)stride;
    char *expected = malloc(bytes), *found = malloc(bytes), *begin = found;
    if (!expected || !found)
        abort();
    memset(expected, 0xA5, bytes);
    memset(found, 0xA5, bytes);
    oneseed_use_kernel("portable");
    for (size_t k = 0; k < count; k++) {
        size_t rest = k;
        ptrdiff_t place = 0;
        uint64_t index = first;
        for (int axis = axes - 1; axis >= 0; axis--) {
            place += (ptrdiff_t)(rest % sizes[axis]) * strides[axis], index += rest % sizes[axis] * steps[axis];
            rest /= sizes[axis];
        }
        oneseed_fill(expected + place, index, 1, &at, &what);
    }
    for (int axis = 0; axis < axes; axis++)
        if (sizes[axis] && below(3) == 0) { /* from the far end: the last element in memory is the first one here */
            begin += (ptrdiff_t)(sizes[axis] - 1) * strides[axis];
            strides[axis] = -strides[axis];
        }
    const char *name = "portable";
    for (int n = 0; (name = oneseed_kernel_name(n)); n++) {
        oneseed_use_kernel(name);
        memset(found, 0xA5, bytes);
        if (oneseed_write(begin, axes, sizes, strides, steps, first, &at, &what))
            fail("refused", name, 0);
        for (size_t k = 0; k < count; k++) {
            size_t rest = k;
            ptrdiff_t place = 0, turned = 0;
            for (int axis = axes - 1; axis >= 0; axis--) {
                const ptrdiff_t digit = (ptrdiff_t)(rest % sizes[axis]);
                const ptrdiff_t forward = strides[axis] < 0 ? -strides[axis] : strides[axis];
                place += digit * forward, turned += digit * strides[axis];
                rest /= sizes[axis];
            }
            if (memcmp(expected + place, begin + turned, size))
                fail("differs", name, k);
        }
        if (gap) /* what lies between elements is as it was */
            for (size_t k = 0; k < bytes / size; k += 2)
                for (size_t byte = 0; byte < size && count; byte++)
                    if ((unsigned char)found[(k + 1) * size + byte] != 0xA5)
                        fail("written between elements", name, k);
    }
    free(expected);
    free(found);
}

static void fill_at_random(void)
{
    const oneseed_distribution what = distribution();
    const oneseed_address at = {below(0), below(0)};
    const size_t size = oneseed_size(what.dtype), count = below(below(4) ? 200 : 5000);
    const uint64_t first = below(UINT64_C(1) << 62);
    char *memory = malloc(count * size + 1), one[8];
    if (!memory)
        abort();
    for (int n = 0; oneseed_kernel_name(n); n++) {
        oneseed_use_kernel(oneseed_kernel_name(n));
        memory[count * size] = 0x5A;
        oneseed_fill(memory, first, count, &at, &what);
        for (size_t k = 0; k < count; k += 1 + below(50)) {
            oneseed_fill(one, first + k, 1, &at, &what);
            if (memcmp(one, memory + k * size, size))
                fail("alone it differs", oneseed_kernel_name(n), k);
        }
        if (memory[count * size] != 0x5A)
            fail("written beyond the end", oneseed_kernel_name(n), count);
    }
    free(memory);
}

/* Matrices of any strides, in memory of just their size and with scratch memory of just the size that is asked for. */
static void orthogonal_at_random(void)
{
    const oneseed_address at = {below(0), below(0)}, imaginary = {at.seed, below(0)};
    const size_t sides[2] = {below(40), below(10) ? below(40) : below(2100)}, turned = below(2);
    const size_t rows = sides[turned], columns = sides[!turned], gap = 1 + below(2), across = below(2);
    const size_t each = 1 + below(2), part = below(2) ? sizeof(float) : sizeof(double), size = each * part;
    const size_t bytes = rows * columns * size * gap;
    const int dtype = part == sizeof(float) ? ONESEED_FLOAT32 : ONESEED_FLOAT64;
    const uint64_t first = below(UINT64_C(1) << 60);
    const ptrdiff_t row_stride = (ptrdiff_t)(size * gap * (across ? 1 : columns));
    const ptrdiff_t column_stride = (ptrdiff_t)(size * gap * (across ? rows : 1));
    const size_t numbers = oneseed_orthogonal_room(each * rows, each * columns);
    if (!numbers) {
        if (each * rows <= 2048 && each * columns <= 2048)
            fail("a small matrix was refused", "", rows);
        return;
    }
    double *room = malloc(numbers * sizeof *room), one;
    char *expected = malloc(bytes + 1), *found = malloc(bytes + 1);
    if (!room || !expected || !found)
        abort();
    for (int n = 0; oneseed_kernel_name(n); n++) {
        char *memory = n ? found : expected;
        oneseed_use_kernel(oneseed_kernel_name(n));
        memset(memory, 0x5A, bytes + 1);
        if (each == 2 ? oneseed_unitary(memory, dtype, rows, columns, row_stride, column_stride, 0.7, first, &at,
                            &imaginary, room)
                      : oneseed_orthogonal(
                            memory, dtype, rows, columns, row_stride, column_stride, 0.7, first, &at, room))
            fail("refused", oneseed_kernel_name(n), 0);
        if (n && memcmp(expected, found, bytes))
            fail("another matrix", oneseed_kernel_name(n), 0);
        for (size_t k = 0; k < bytes / size; k += gap)
            for (size_t byte = size; byte < gap * size; byte++)
                if (memory[k * size + byte] != 0x5A)
                    fail("written between elements of a matrix", oneseed_kernel_name(n), k);
        if (memory[bytes] != 0x5A)
            fail("written beyond a matrix", oneseed_kernel_name(n), bytes);
    }
    double length = 0;
    for (size_t j = 0; j < each * columns && rows && rows <= columns && part == sizeof one; j++) { /* of the first row */
        memcpy(&one, expected + (ptrdiff_t)(j / each) * column_stride + (ptrdiff_t)(j % each * part), sizeof one);
        length += one * one;
    }
    if (length != 0 && (length < 0.49 - 1e-12 || length > 0.49 + 1e-12))
        fail("a row of another length than the gain", "", columns);
    free(room);
    free(expected);
    free(found);
}

static void stream_at_random(void)
{
    char text[300];
    oneseed_part parts[20];
    const size_t count = below(20);
    for (size_t k = 0; k < sizeof text; k++)
        text[k] = (char)below(256);
    for (size_t k = 0; k < count; k++) {
        parts[k].text = below(2) ? text : NULL;
        parts[k].length = below(sizeof text + 1), parts[k].number = below(0);
    }
    if (oneseed_stream(parts, count) != oneseed_stream(parts, count) || (count == 0) != (oneseed_stream(parts, count) == 0))
        fail("stream", "", count);
}

int main(int argc, char **argv)
{
    const time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 10);
    unsigned long calls = 0;
    source.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    for (; time(NULL) < end; calls++) {
        write_at_random();
        fill_at_random();
        orthogonal_at_random();
        stream_at_random();
        const uint64_t u = below(0);
        if (oneseed_quantile32((uint32_t)u) > 0 && !(u >> 31 & 1))
            fail("sign", "", 0);
        if (oneseed_quantile64(u) > 0 && !(u >> 63))
            fail("sign", "", 0);
    }
    printf("%lu rounds\n", calls);
    return 0;
}
