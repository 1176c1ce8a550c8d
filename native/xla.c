/* The function that programs compiled by XLA call to draw. It takes no lock of Python's, but where Python makes a tensor. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "callback.h"
#include "engine.h"
#include "share.h"

PyObject *xla_function(PyObject *module, PyObject *const *args, Py_ssize_t n);

enum {
    PIECE = 1 << 16,     /* the least values of a piece, the unit of work of threads */
    LARGEST = 1 << 19,   /* the most */
    MOST_THREADS = 4096, /* more than any pool has */
    FEW = 2,             /* plans and seeds that need no memory of their own */
    MATRIX_FIELDS = 5,   /* in the attribute `orthogonal`: rows, columns, gain, and two streams */
    SIDE = 1 << 15       /* more than a matrix that is made here has */
};

static const char without_memory[] = "oneseed: no memory is left";

/* The most threads that share a draw. */
static volatile size_t most_threads = 1;

/* How the words of an operand make a seed. */
enum { HALVES, THREEFRY, HASHED, FORMS };

/* The fields of a draw in the attribute `draws`, before the steps of its axes. */
enum {
    WHAT_FIELDS = (sizeof(oneseed_distribution) + 7) / 8, /* the distribution as it lies in memory */
    STREAM_FIELD = WHAT_FIELDS,
    FIRST_FIELD,
    AXES_FIELD,
    DRAW_FIELDS
};

/* Draws that are made together: each result has one for each seed. */
typedef struct {
    task shared;
    plan *plans; /* for the first seed */
    const uint64_t *seeds;
    size_t count, batch, values;
} work;

static int write_part(const task *t, size_t piece)
{
    const work *w = (const work *)t;
    const plan *p = w->plans;
    while (piece >= p->pieces * w->batch)
        piece -= p->pieces * w->batch, p++;
    const size_t row = piece / p->pieces;
    if (row == 0) {
        write_piece(p, piece);
        return 0;
    }
    plan other = *p;
    other.at.seed = w->seeds[row];
    other.memory += row * p->rows * p->columns * oneseed_size(p->what.dtype);
    write_piece(&other, piece % p->pieces);
    return 0;
}

/* Calls ------------------------------------------------------------------------------------------------------------ */

static const xla_array *attribute(const xla_call *call, const char *name)
{
    for (int64_t k = 0; k < call->attributes.count; k++) {
        const xla_text *found = call->attributes.names[k];
        if (found->length == strlen(name) && memcmp(found->text, name, found->length) == 0) {
            const xla_array *array = call->attributes.values[k];
            return call->attributes.types[k] == XLA_ARRAY && array->dtype == XLA_S64 ? array : NULL;
        }
    }
    return NULL;
}

/* Threefry2x32, the generator of JAX's keys: the key that `fold_in` makes of a number, and `split` at a place. */
static void derive(uint32_t key[2], uint32_t number)
{
    static const int turns[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
    uint32_t x = keys[0], y = number + keys[1];
    for (uint32_t group = 0; group < 5; group++) {
        for (int k = 0; k < 4; k++) {
            const int turn = turns[group % 2][k];
            x += y;
            y = (y << turn | y >> (32 - turn)) ^ x;
        }
        x += keys[(group + 1) % 3], y += keys[(group + 2) % 3] + group + 1;
    }
    key[0] = x, key[1] = y;
}

/* The seed of the words of a key, or of its low and high half. The attribute `seed` has the form of the words, and the
 * numbers by which the key is derived from the one that they are. */
static uint64_t seed_of(const uint32_t *words, int64_t count, const xla_array *how)
{
    const int64_t *numbers = how->data;
    uint32_t w[4] = {0};
    memcpy(w, words, (size_t)count * sizeof *w);
    if (numbers[0] == HALVES)
        return (uint64_t)w[1] << 32 | w[0];
    if (numbers[0] == THREEFRY) {
        for (size_t k = 1; k < how->count; k++)
            derive(w, (uint32_t)numbers[k]);
        return (uint64_t)w[0] << 32 | w[1];
    }
    /* The counter is (w0, w1, w2, w3), whatever the bits of w1 would mean for an element. */
    const oneseed_address at = {0x6B657973u, (uint64_t)w[3] << 32 | w[2]};
    const uint64_t block = (uint64_t)(w[1] & 0x1FFFFFFFu) << 32 | w[0];
    const int plane = (int)(w[1] >> 29);
    return (uint64_t)oneseed_word(&at, block << 2 | 1, plane) << 32 | oneseed_word(&at, block << 2, plane);
}

static size_t product(const int64_t *sizes, int64_t count)
{
    size_t total = 1;
    for (int64_t k = 0; k < count; k++)
        total *= (size_t)sizes[k];
    return total;
}

/* Prepare a result; the number of fields read, or 0 where they do not describe it. */
static size_t prepare(plan *p, const xla_buffer *out, const int64_t *fields, size_t left, const int64_t *first, const work *w)
{
    oneseed_distribution what;
    uint64_t steps[ONESEED_AXES];
    size_t sizes[ONESEED_AXES];
    ptrdiff_t strides[ONESEED_AXES];
    if (left < DRAW_FIELDS)
        return 0;
    const int64_t axes = fields[AXES_FIELD], lead = out->rank - axes;
    if (axes < 0 || axes > ONESEED_AXES || lead < 0 || left < DRAW_FIELDS + (size_t)axes ||
        product(out->sizes, lead) != w->batch)
        return 0;
    memcpy(&what, fields, sizeof what);
    if (what.kind < 0 || what.kind >= ONESEED_KINDS || what.dtype < 0 || what.dtype >= ONESEED_DTYPES)
        return 0;
    ptrdiff_t stride = (ptrdiff_t)oneseed_size(what.dtype);
    for (int64_t k = axes - 1; k >= 0; k--) {
        sizes[k] = (size_t)out->sizes[lead + k], strides[k] = stride, steps[k] = (uint64_t)fields[DRAW_FIELDS + k];
        stride *= (ptrdiff_t)sizes[k];
    }
    const oneseed_address at = {w->batch ? w->seeds[0] : 0, (uint64_t)fields[STREAM_FIELD]};
    planned(p, out->data, (int)axes, sizes, strides, steps, (uint64_t)(first ? *first : fields[FIRST_FIELD]), &at, &what);
    return DRAW_FIELDS + (size_t)axes;
}

/* Prepare the draws of a call; NULL, or what is wrong with it. Of several partitions, the second operand says which one this is, and the
 * attribute `firsts` has the first indices of its results. */
static const char *read_draws(const xla_call *call, work *w, const xla_array *draws)
{
    const xla_array *firsts = attribute(call, "firsts");
    const int64_t *mine = NULL;
    if (firsts) {
        const xla_buffer *part = call->operands.count > 1 ? call->operands.buffers[1] : NULL;
        if (!part || part->dtype != XLA_U32 || part->rank)
            return "oneseed: the second operand must be the number of the partition";
        const size_t row = *(const uint32_t *)part->data * w->count;
        if (row + w->count > firsts->count)
            return "oneseed: there is no such partition";
        mine = (const int64_t *)firsts->data + row;
    }
    size_t at = 0;
    for (size_t k = 0; k < w->count; k++) {
        plan *p = w->plans + k;
        const size_t used = prepare(p, call->results.buffers[k], (const int64_t *)draws->data + at, draws->count - at,
            mine ? mine + k : NULL, w);
        if (!used)
            return "oneseed: the attribute `draws` does not fit the results";
        at += used;
        w->values += p->rows * p->columns * w->batch;
    }
    const size_t part = w->values / (4 * most_threads);
    for (size_t k = 0; k < w->count; k++) {
        plan *p = w->plans + k;
        cut(p, part < PIECE ? PIECE : part < LARGEST ? part : LARGEST);
        w->shared.pieces += p->pieces * w->batch;
    }
    w->shared.threads = w->values / PIECE < most_threads ? w->values / PIECE : most_threads;
    return NULL;
}

static const char *run_draws(const xla_call *call, const uint64_t *seeds, size_t batch, const xla_array *draws)
{
    plan few[FEW];
    work w = {.shared.write = write_part, .seeds = seeds, .count = (size_t)call->results.count, .batch = batch};
    w.plans = w.count > FEW ? malloc(w.count * sizeof *w.plans) : few;
    const char *wrong = w.plans ? read_draws(call, &w, draws) : without_memory;
    if (!wrong)
        write_all(call, &w.shared);
    if (w.plans != few)
        free(w.plans);
    return wrong;
}

/* Orthogonal matrices of each seed, one after the other; complex ones have a second stream. */
typedef struct {
    task shared;
    const uint64_t *seeds;
    char *memory;
    int dtype, parts; /* the dtype of the parts of a number, one or two */
    size_t count, rows, columns;
    double gain;
    uint64_t streams[2];
} matrices;

static int write_matrix(const task *t, size_t piece)
{
    const matrices *m = (const matrices *)t;
    const size_t parts = (size_t)m->parts, size = m->rows * m->columns, number = parts * oneseed_size(m->dtype);
    const uint64_t seed = m->seeds[piece / m->count], first = piece % m->count * size;
    const oneseed_address real = {seed, m->streams[0]}, imaginary = {seed, m->streams[1]};
    const ptrdiff_t across = (ptrdiff_t)number, down = (ptrdiff_t)(m->columns * number);
    char *out = m->memory + piece * size * number;
    double *room = malloc(oneseed_orthogonal_room(parts * m->rows, parts * m->columns) * sizeof *room);
    if (!room)
        return -1;
    const int failed = parts == 1
        ? oneseed_orthogonal(out, m->dtype, m->rows, m->columns, down, across, m->gain, first, &real, room)
        : oneseed_unitary(out, m->dtype, m->rows, m->columns, down, across, m->gain, first, &real, &imaginary, room);
    free(room);
    return failed;
}

static const char *run_matrices(const xla_call *call, const uint64_t *seeds, size_t batch, const xla_array *haar)
{
    static const int types[] = {XLA_F32, XLA_F64, XLA_C64, XLA_C128};
    const xla_buffer *out = call->results.buffers[0];
    const int64_t *fields = haar->data;
    size_t kind = 0;
    while (kind < 4 && types[kind] != out->dtype)
        kind++;
    if (call->results.count != 1 || kind == 4 || haar->count != MATRIX_FIELDS)
        return "oneseed: the attribute `orthogonal` does not fit the result";
    const size_t values = product(out->sizes, out->rank), rows = (size_t)fields[0], columns = (size_t)fields[1];
    const int parts = kind < 2 ? 1 : 2;
    if (!values)
        return NULL;
    if (!rows || !columns || rows > SIDE || columns > SIDE || values % (batch * rows * columns) ||
        !oneseed_orthogonal_room((size_t)parts * rows, (size_t)parts * columns))
        return "oneseed: the attribute `orthogonal` does not fit the result";
    matrices m = {.seeds = seeds, .memory = out->data, .parts = parts, .rows = rows, .columns = columns};
    m.dtype = kind % 2 ? ONESEED_FLOAT64 : ONESEED_FLOAT32;
    m.count = values / (batch * rows * columns);
    m.streams[0] = (uint64_t)fields[3], m.streams[1] = (uint64_t)fields[4];
    memcpy(&m.gain, fields + 2, sizeof m.gain);
    m.shared.write = write_matrix, m.shared.pieces = m.count * batch;
    const size_t threads = values * (rows < columns ? rows : columns) / PIECE;
    m.shared.threads = threads < most_threads ? threads : most_threads;
    return write_all(call, &m.shared) ? without_memory : NULL;
}

/* Run a call with one of the attributes that say what to make; NULL, or an error. */
static xla_error *run(const xla_call *call)
{
    uint64_t few[FEW] = {0};
    const xla_array *how = attribute(call, "seed"), *draws = attribute(call, "draws"), *haar = attribute(call, "orthogonal");
    const xla_array *computed = attribute(call, "computed");
    if (call->operands.count < 1 || call->results.count < 1 || !how || !how->count || !draws + !haar + !computed != 2)
        return xla_failed(call, XLA_INVALID_ARGUMENT,
            "oneseed: there must be an operand and the attributes `seed` and one of `draws`, `orthogonal` and `computed`");
    const xla_buffer *words = call->operands.buffers[0];
    const int64_t form = *(const int64_t *)how->data, count = words->rank ? words->sizes[words->rank - 1] : 0;
    if (words->dtype != XLA_U32 || form < 0 || form >= FORMS || count < 1 || count > 4 || (form != HASHED && count != 2))
        return xla_failed(call, XLA_INVALID_ARGUMENT, "oneseed: the first operand must be the words of seeds");
    const size_t batch = product(words->sizes, words->rank - 1);
    uint64_t *seeds = batch > FEW ? malloc(batch * sizeof *seeds) : few;
    if (!seeds)
        return xla_failed(call, XLA_INVALID_ARGUMENT, without_memory);
    for (size_t row = 0; row < batch; row++)
        seeds[row] = seed_of((const uint32_t *)words->data + row * (size_t)count, count, how);
    xla_error *error;
    if (computed)
        error = call_back(call, seeds, batch, computed);
    else {
        const char *wrong = draws ? run_draws(call, seeds, batch, draws) : run_matrices(call, seeds, batch, haar);
        error = wrong ? xla_failed(call, XLA_INVALID_ARGUMENT, wrong) : NULL;
    }
    if (seeds != few)
        free(seeds);
    return error;
}

static xla_error *called(xla_call *call)
{
    for (xla_extension *e = call->extensions; e; e = e->next)
        if (e->type == XLA_METADATA) {
            xla_metadata *metadata = ((xla_metadata_extension *)e)->metadata;
            metadata->version.major = XLA_MAJOR, metadata->version.minor = XLA_MINOR;
            metadata->traits = 0;
            return NULL;
        }
    return call->stage == XLA_EXECUTE ? run(call) : NULL;
}

PyObject *xla_function(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 2) {
        PyErr_Format(PyExc_TypeError, "the arguments must be (threads, make). Received: %zd", n);
        return NULL;
    }
    const size_t most = PyLong_AsSize_t(args[0]);
    if (PyErr_Occurred())
        return NULL;
    if (most == 0 || most > SIZE_MAX / 8) {
        PyErr_SetString(PyExc_ValueError, "`threads` must be at least 1");
        return NULL;
    }
    if (set_callback(args[1]))
        return NULL;
    most_threads = most < MOST_THREADS ? most : MOST_THREADS;
    return PyCapsule_New((void *)called, NULL, NULL);
}
