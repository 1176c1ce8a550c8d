/* Work of a compiled program, shared with the threads of XLA's own pool.
 *
 * It takes no lock of Python's, so that a program may run while the interpreter ends. The calling thread never waits for
 * a thread that has not begun.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>

#include "share.h"

typedef struct {
    const task *todo;
    size_t turns, threads;
    PyThread_type_lock lock;     /* for what follows */
    PyThread_type_lock finished; /* held until the last helper has left a closed share */
    size_t next;
    int failed, helpers, closed, holders;
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
    for (int failed = 0;;) {
        size_t piece = s->todo->pieces;
        PyThread_acquire_lock(s->lock, WAIT_LOCK);
        s->failed |= failed;
        for (; piece >= s->todo->pieces && s->next < s->turns * s->threads; s->next++)
            piece = s->next % s->threads * s->turns + s->next / s->threads;
        PyThread_release_lock(s->lock);
        if (piece >= s->todo->pieces)
            return;
        failed = s->todo->write(s->todo, piece);
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

static size_t threads_for(const xla_call *call, const task *t)
{
    int64_t pool = 0;
    const size_t threads = t->threads < t->pieces ? t->threads : t->pieces;
    if (threads < 2)
        return 1;
    xla_count_threads ask = {sizeof ask, NULL, call->context, &pool};
    if (!succeeded(call, call->api->count_threads(&ask)) || pool < 1)
        return 1;
    return threads < (size_t)pool ? threads : (size_t)pool;
}

static share *new_share(const task *t, size_t threads)
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
    s->todo = t, s->threads = threads, s->turns = (t->pieces + threads - 1) / threads, s->holders = 1;
    return s;
}

int write_all(const xla_call *call, const task *t)
{
    int failed = 0;
    const size_t threads = threads_for(call, t);
    share *s = threads > 1 ? new_share(t, threads) : NULL;
    if (!s) {
        for (size_t piece = 0; piece < t->pieces; piece++)
            failed |= t->write(t, piece);
        return failed;
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
    failed = s->failed;
    let_go(s);
    return failed;
}
