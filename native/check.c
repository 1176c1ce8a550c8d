/* Checks the known answers, which `answers.py` writes, in every kernel that the processor can run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oneseed.h"

enum { LONGEST = 1 << 12, AROUND = 37 };

static const char *kernel_name = "";
static unsigned long wrong, checked;

static void expect(int right, const char *line)
{
    checked++;
    if (!right && wrong++ < 20)
        fprintf(stderr, "%s: %s", kernel_name, line);
}

/* The next word of a line, which begins at `*at`. */
static const char *word(const char **at)
{
    static char text[LONGEST];
    int length = 0;
    text[0] = 0;
    if (sscanf(*at, " %4095s%n", text, &length) == 1)
        *at += length;
    return text;
}

static uint64_t decimal(const char **at) { return strtoull(word(at), NULL, 10); }
static uint64_t pattern(const char **at) { return strtoull(word(at), NULL, 16); }
static double real(const char **at) { return strtod(word(at), NULL); }

static uint64_t bits(double value)
{
    uint64_t result;
    memcpy(&result, &value, sizeof result);
    return result;
}

static void check_stream(const char *line, const char *at)
{
    static char texts[64][LONGEST];
    oneseed_part parts[64];
    const uint64_t number = decimal(&at);
    size_t count = 0;
    for (const char *part = word(&at); *part && count < 64; part = word(&at), count++) {
        parts[count].text = NULL;
        if (*part == 'i') {
            parts[count].number = strtoull(part + 1, NULL, 10);
            continue;
        }
        size_t length = 0;
        for (part++; part[0] && part[1]; part += 2, length++) {
            const char byte[3] = {part[0], part[1], 0};
            texts[count][length] = (char)strtoul(byte, NULL, 16);
        }
        parts[count].text = texts[count], parts[count].length = length;
    }
    expect(oneseed_stream(parts, count) == number, line);
}

static void check_word(const char *line, const char *at)
{
    const uint64_t seed = decimal(&at), stream = decimal(&at), index = decimal(&at);
    const oneseed_address address = {seed, stream};
    const uint64_t high = pattern(&at), low = pattern(&at);
    uint64_t both;
    uint32_t one;
    oneseed_distribution words;
    expect(oneseed_word(&address, index, 0) == high && oneseed_word(&address, index, 1) == low, line);
    expect(oneseed_words(&words, ONESEED_INT64) == 0, line);
    oneseed_fill(&both, index, 1, &address, &words);
    expect(both == (high << 32 | low), line);
    expect(oneseed_words(&words, ONESEED_INT32) == 0, line);
    oneseed_fill(&one, index, 1, &address, &words);
    expect(one == high, line);
}

static int read_distribution(const char **at, oneseed_distribution *what)
{
    const int kind = (int)decimal(at), dtype = (int)decimal(at);
    const double a = real(at), b = real(at), lower = real(at), upper = real(at);
    const uint64_t first = decimal(at), width = decimal(at);
    const uint64_t window[2] = {first, width};
    switch (kind) {
    case ONESEED_NORMAL: return oneseed_normal(what, dtype, a, b);
    case ONESEED_UNIFORM: return oneseed_uniform(what, dtype, a, b);
    case ONESEED_INTEGERS: return oneseed_integers(what, dtype, first, width);
    }
    if (lower == -2 && upper == 2) { /* whose window is known */
        oneseed_distribution same;
        if (oneseed_truncated(&same, dtype, a, b, lower, upper, NULL) ||
            oneseed_truncated(what, dtype, a, b, lower, upper, window))
            return -1;
        return same.first != what->first || same.width != what->width;
    }
    return oneseed_truncated(what, dtype, a, b, lower, upper, window);
}

static uint64_t element(const void *memory, size_t k, size_t size)
{
    uint8_t x1;
    uint16_t x2;
    uint32_t x4;
    uint64_t x8;
    const char *at = (const char *)memory + k * size;
    switch (size) {
    case 1: memcpy(&x1, at, 1); return x1;
    case 2: memcpy(&x2, at, 2); return x2;
    case 4: memcpy(&x4, at, 4); return x4;
    default: memcpy(&x8, at, 8); return x8;
    }
}

static void check_value(const char *line, const char *at)
{
    oneseed_distribution what;
    uint64_t memory[2 * AROUND * AROUND];
    const int refused = read_distribution(&at, &what);
    expect(!refused, line);
    if (refused)
        return;
    const size_t size = oneseed_size(what.dtype);
    const uint64_t seed = decimal(&at), stream = decimal(&at), index = decimal(&at), answer = pattern(&at);
    const oneseed_address address = {seed, stream};
    oneseed_fill(memory, index, 1, &address, &what);
    expect(element(memory, 0, size) == answer, line);
    const uint64_t before = index < AROUND ? index : AROUND; /* alone, within a run, and across a matrix */
    oneseed_fill(memory, index - before, 2 * AROUND, &address, &what);
    expect(element(memory, before, size) == answer, line);
    const size_t sizes[2] = {2 * AROUND, AROUND};
    const ptrdiff_t strides[2] = {(ptrdiff_t)size, (ptrdiff_t)(size * sizes[0])};
    const uint64_t steps[2] = {1 << 20, 1};
    expect(oneseed_write(memory, 2, sizes, strides, steps, index, &address, &what) == 0, line);
    expect(element(memory, 0, size) == answer, line);
}

/* A matrix of numbers of `each` parts, in float64, and in float32 transposed in memory. */
static void check_matrix(const char *line, const char *at, size_t each)
{
    const size_t rows = decimal(&at), columns = decimal(&at), size = each * rows * columns;
    const double gain = real(&at);
    const uint64_t seed = decimal(&at);
    const oneseed_address first_part = {seed, decimal(&at)}, second_part = {seed, each == 2 ? decimal(&at) : 0};
    const uint64_t first = decimal(&at);
    double *room = malloc(oneseed_orthogonal_room(each * rows, each * columns) * sizeof *room);
    double *wide = malloc(size * sizeof *wide);
    float *narrow = malloc(size * sizeof *narrow);
    if (!room || !wide || !narrow)
        abort();
    const ptrdiff_t across = (ptrdiff_t)(each * sizeof *wide), short_down = (ptrdiff_t)(each * sizeof *narrow);
    const ptrdiff_t down = across * (ptrdiff_t)columns, short_across = short_down * (ptrdiff_t)rows;
    int refused;
    if (each == 2)
        refused = oneseed_unitary(wide, ONESEED_FLOAT64, rows, columns, down, across, gain, first, &first_part,
                      &second_part, room) ||
                  oneseed_unitary(narrow, ONESEED_FLOAT32, rows, columns, short_down, short_across, gain, first,
                      &first_part, &second_part, room);
    else
        refused = oneseed_orthogonal(
                      wide, ONESEED_FLOAT64, rows, columns, down, across, gain, first, &first_part, room) ||
                  oneseed_orthogonal(
                      narrow, ONESEED_FLOAT32, rows, columns, short_down, short_across, gain, first, &first_part, room);
    expect(!refused, line);
    size_t count = 0;
    for (const char *row = word(&at); *row && !refused; row = word(&at), count++) {
        const size_t i = strtoull(row, NULL, 10), j = decimal(&at);
        for (size_t part = 0; part < each; part++) {
            const double number = wide[each * (i * columns + j) + part];
            expect(bits(number) == pattern(&at), line);
            expect(narrow[each * (j * rows + i) + part] == (float)number, line);
        }
    }
    expect(count > 0, line);
    free(room);
    free(wide);
    free(narrow);
}

static void check_orthogonal(const char *line, const char *at) { check_matrix(line, at, 1); }
static void check_unitary(const char *line, const char *at) { check_matrix(line, at, 2); }

static void check_prepared(const char *line, const char *at)
{
    oneseed_distribution what;
    const int refused = read_distribution(&at, &what);
    expect(!refused, line);
    if (refused)
        return;
    const uint64_t shifted = decimal(&at);
    const uint64_t scale = pattern(&at), offset = pattern(&at), low = pattern(&at), high = pattern(&at);
    const uint64_t first = decimal(&at), width = decimal(&at);
    expect((uint64_t)what.shifted == shifted && bits(what.scale) == scale && bits(what.offset) == offset &&
               bits(what.low) == low && bits(what.high) == high && what.first == first && what.width == width,
        line);
}

static void check_refusals(void)
{
    const uint64_t many = UINT64_C(1) << 32;
    const double zero = 0.0;
    const struct {
        int dtype;
        uint64_t low, count;
        int held;
    } integers[] = {{ONESEED_INT8, 0, 256, 1}, {ONESEED_INT8, 0, 257, 0}, {ONESEED_INT8, 256, 1, 0},
        {ONESEED_INT8, UINT64_C(0) - 128, 256, 1}, {ONESEED_INT8, UINT64_C(0) - 128, 257, 0},
        {ONESEED_INT8, UINT64_C(0) - 129, 1, 0}, {ONESEED_INT16, UINT64_C(0) - 1, 32769, 1},
        {ONESEED_INT16, UINT64_C(0) - 1, 32770, 0}, {ONESEED_INT32, 0, many, 1}, {ONESEED_INT32, 1, many, 0},
        {ONESEED_INT32, UINT64_C(0) - many / 2, many, 1}, {ONESEED_INT64, UINT64_C(0) - 1, many, 1},
        {ONESEED_INT64, 0, many + 1, 0}, {ONESEED_INT64, 0, 0, 0}, {ONESEED_FLOAT32, 0, 2, 0}, {ONESEED_DTYPES, 0, 2, 0}};
    oneseed_distribution what;
    for (size_t k = 0; k < sizeof integers / sizeof *integers; k++)
        expect((oneseed_integers(&what, integers[k].dtype, integers[k].low, integers[k].count) == 0) == integers[k].held,
            "integers that a dtype does not hold are refused, and others are not\n");
    for (int dtype = -1; dtype <= ONESEED_DTYPES; dtype++) {
        const int real = dtype >= ONESEED_FLOAT32 && dtype <= ONESEED_FLOAT8_E5M2;
        expect((oneseed_size(dtype) != 0) == (dtype >= 0 && dtype < ONESEED_DTYPES), "the size of a dtype\n");
        expect((oneseed_normal(&what, dtype, 0, 1) == 0) == real && (oneseed_uniform(&what, dtype, 0, 1) == 0) == real &&
                (oneseed_truncated(&what, dtype, 0, 1, -2, 2, NULL) == 0) == real,
            "dtypes that do not fit a distribution are refused\n");
    }
    expect(oneseed_normal(&what, ONESEED_FLOAT32, 0, -1) && oneseed_normal(&what, ONESEED_FLOAT32, zero / zero, 1) &&
            oneseed_normal(&what, ONESEED_FLOAT16, 0, 1e5) && oneseed_uniform(&what, ONESEED_FLOAT32, 1, 0) &&
            oneseed_uniform(&what, ONESEED_FLOAT64, -1e308, 1e308) &&
            oneseed_truncated(&what, ONESEED_FLOAT32, 0, 1, 1, 1, NULL),
        "numbers out of range are refused\n");
}

int main(void)
{
    check_refusals();
    static char line[LONGEST];
    static const struct {
        const char *word;
        void (*check)(const char *line, const char *at);
    } checks[] = {
        {"stream", check_stream}, {"word", check_word}, {"value", check_value}, {"orthogonal", check_orthogonal},
        {"unitary", check_unitary}, {"prepared", check_prepared}};
    while (fgets(line, sizeof line, stdin)) {
        const char *at = line;
        const char *first = word(&at);
        int known = 0;
        for (size_t k = 0; k < sizeof checks / sizeof *checks; k++)
            if (strcmp(first, checks[k].word) == 0) {
                known = 1;
                for (int n = 0; (kernel_name = oneseed_kernel_name(n)); n++) {
                    oneseed_use_kernel(kernel_name);
                    checks[k].check(line, at);
                }
            }
        kernel_name = "";
        expect(known, line);
    }
    printf("kernels:");
    for (int n = 0; oneseed_kernel_name(n); n++)
        printf(" %s", oneseed_kernel_name(n));
    printf("; %lu checks, %lu wrong\n", checked, wrong);
    return wrong != 0 || checked == 0;
}
