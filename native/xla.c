/* The function that programs compiled by XLA call to draw.
 *
 * It takes no lock of Python's, so that a program may run while the interpreter ends. A large draw is shared with the
 * threads of XLA's own pool; the calling thread never waits for one that has not begun.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "xla.h"

PyObject *xla_function(PyObject *module, PyObject *threads);

enum {
    PIECE = 1 << 16,    /* the least values of a piece, the unit of work of threads */
    LARGEST = 1 << 19,  /* the most */
    MOST_THREADS = 4096 /* more than any pool has */
};

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
    plan *plans; /* for the first seed */
    uint64_t *seeds;
    size_t count, batch;
    size_t values, pieces;
} work;

static void write_part(const work *w, size_t piece)
{
    const plan *p = w->plans;
    while (piece >= p->pieces * w->batch)
        piece -= p->pieces * w->batch, p++;
    const size_t row = piece / p->pieces;
    if (row == 0) {
        write_piece(p, piece);
        return;
    }
    plan other = *p;
    other.at.seed = w->seeds[row];
    other.memory += row * p->rows * p->columns * oneseed_size(p->what.dtype);
    write_piece(&other, piece % p->pieces);
}

/* Threads ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    const work *todo;
    size_t turns, threads;
    PyThread_type_lock lock;     /* for what follows */
    PyThread_type_lock finished; /* held until the last helper has left a closed share */
    size_t next;
    int helpers, closed, holders;
} share;

static void let_go(share *s)
{
    PyThread_acquire_lock(s->lock, WAIT_LOCK);
    const int last = --s->holders == 0;
    PyThread_release_lock(s->lock);
    if (last) {
        PyThread_free_lock(s->lock);
        PyThread_free_lock(s->finished);
        free(s);
    }
}

/* Write pieces until none is left. Threads begin far apart, so that no two clear one large page of fresh memory. */
static void write_shared(share *s)
{
    for (;;) {
        size_t piece = s->todo->pieces;
        PyThread_acquire_lock(s->lock, WAIT_LOCK);
        for (; piece >= s->todo->pieces && s->next < s->turns * s->threads; s->next++)
            piece = s->next % s->threads * s->turns + s->next / s->threads;
        PyThread_release_lock(s->lock);
        if (piece >= s->todo->pieces)
            return;
        write_part(s->todo, piece);
    }
}

/* What a thread of the pool does. One that comes after the end finds the share closed. */
static void assist(void *data)
{
    share *s = data;
    PyThread_acquire_lock(s->lock, WAIT_LOCK);
    const int open = !s->closed;
    s->helpers += open;
    PyThread_release_lock(s->lock);
    if (open) {
        write_shared(s);
        PyThread_acquire_lock(s->lock, WAIT_LOCK);
        const int last = --s->helpers == 0 && s->closed;
        PyThread_release_lock(s->lock);
        if (last)
            PyThread_release_lock(s->finished);
    }
    let_go(s);
}

/* Whether a function of the interface succeeded; an error is put away. */
static int succeeded(const xla_call *call, xla_error *error)
{
    if (error)
        call->api->destroy_error(&(xla_error_destroy){sizeof(xla_error_destroy), NULL, error});
    return !error;
}

static size_t threads_for(const xla_call *call, const work *w)
{
    int64_t pool = 0;
    size_t threads = w->values / PIECE;
    threads = threads < w->pieces ? threads : w->pieces;
    threads = threads < most_threads ? threads : most_threads;
    if (threads < 2)
        return 1;
    xla_count_threads ask = {sizeof ask, NULL, call->context, &pool};
    if (!succeeded(call, call->api->count_threads(&ask)) || pool < 1)
        return 1;
    return threads < (size_t)pool ? threads : (size_t)pool;
}

static share *new_share(const work *w, size_t threads)
{
    share *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->lock = PyThread_allocate_lock();
    s->finished = PyThread_allocate_lock();
    if (!s->lock || !s->finished) {
        if (s->lock)
            PyThread_free_lock(s->lock);
        if (s->finished)
            PyThread_free_lock(s->finished);
        free(s);
        return NULL;
    }
    PyThread_acquire_lock(s->finished, WAIT_LOCK);
    s->todo = w, s->threads = threads, s->turns = (w->pieces + threads - 1) / threads, s->holders = 1;
    return s;
}

static void write_all(const xla_call *call, const work *w)
{
    const size_t threads = threads_for(call, w);
    share *s = threads > 1 ? new_share(w, threads) : NULL;
    if (!s) {
        for (size_t piece = 0; piece < w->pieces; piece++)
            write_part(w, piece);
        return;
    }
    for (size_t helper = 1; helper < threads; helper++) {
        xla_schedule ask = {sizeof ask, NULL, call->context, assist, s};
        PyThread_acquire_lock(s->lock, WAIT_LOCK);
        s->holders++;
        PyThread_release_lock(s->lock);
        if (!succeeded(call, call->api->schedule(&ask))) {
            let_go(s);
            break;
        }
    }
    write_shared(s);
    PyThread_acquire_lock(s->lock, WAIT_LOCK);
    s->closed = 1;
    const int wait = s->helpers > 0;
    PyThread_release_lock(s->lock);
    if (wait)
        PyThread_acquire_lock(s->finished, WAIT_LOCK);
    let_go(s);
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

/* Read a call; NULL, or what is wrong with it. Of several partitions, the second operand says which one this is, and the
 * attribute `firsts` has the first indices of its results. */
static const char *read_call(const xla_call *call, work *w, const xla_array *how)
{
    const xla_array *draws = attribute(call, "draws"), *firsts = attribute(call, "firsts");
    const xla_buffer *words = call->operands.buffers[0];
    const int64_t *mine = NULL, count = words->sizes[words->rank - 1];
    if (firsts) {
        const xla_buffer *part = call->operands.count > 1 ? call->operands.buffers[1] : NULL;
        if (!part || part->dtype != XLA_U32 || part->rank)
            return "oneseed: the second operand must be the number of the partition";
        const size_t row = *(const uint32_t *)part->data * w->count;
        if (row + w->count > firsts->count)
            return "oneseed: there is no such partition";
        mine = (const int64_t *)firsts->data + row;
    }
    for (size_t row = 0; row < w->batch; row++)
        w->seeds[row] = seed_of((const uint32_t *)words->data + (int64_t)row * count, count, how);
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
        w->pieces += p->pieces * w->batch;
    }
    return NULL;
}

static const char *run(const xla_call *call)
{
    enum { FEW = 2 }; /* plans and seeds that need no memory of their own */
    plan few_plans[FEW];
    uint64_t few_seeds[FEW];
    const xla_array *how = attribute(call, "seed");
    if (call->operands.count < 1 || !how || !how->count || !attribute(call, "draws"))
        return "oneseed: there must be an operand and the attributes `seed` and `draws`";
    const xla_buffer *words = call->operands.buffers[0];
    const int64_t form = *(const int64_t *)how->data, count = words->rank ? words->sizes[words->rank - 1] : 0;
    if (words->dtype != XLA_U32 || form < 0 || form >= FORMS || count < 1 || count > 4 || (form != HASHED && count != 2))
        return "oneseed: the first operand must be the words of seeds";
    work w = {.count = (size_t)call->results.count, .batch = product(words->sizes, words->rank - 1)};
    w.plans = w.count > FEW ? malloc(w.count * sizeof *w.plans) : few_plans;
    w.seeds = w.batch > FEW ? malloc(w.batch * sizeof *w.seeds) : few_seeds;
    const char *wrong = w.plans && w.seeds ? read_call(call, &w, how) : "oneseed: no memory is left";
    if (!wrong)
        write_all(call, &w);
    if (w.plans != few_plans)
        free(w.plans);
    if (w.seeds != few_seeds)
        free(w.seeds);
    return wrong;
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
    const char *wrong = call->stage == XLA_EXECUTE ? run(call) : NULL;
    if (!wrong)
        return NULL;
    return call->api->create_error(&(xla_error_create){sizeof(xla_error_create), NULL, wrong, XLA_INVALID_ARGUMENT});
}

PyObject *xla_function(PyObject *module, PyObject *threads)
{
    (void)module;
    const size_t most = PyLong_AsSize_t(threads);
    if (PyErr_Occurred())
        return NULL;
    if (most == 0 || most > SIZE_MAX / 8) {
        PyErr_SetString(PyExc_ValueError, "`threads` must be at least 1");
        return NULL;
    }
    most_threads = most < MOST_THREADS ? most : MOST_THREADS;
    return PyCapsule_New((void *)called, NULL, NULL);
}
