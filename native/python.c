/* The library as a Python module, for one binary that all Pythons from 3.11 on load, or for a free-threaded one, which
 * has no limited API: the build defines Py_LIMITED_API or Py_GIL_DISABLED. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "callback.h"
#include "engine.h"

enum {
    UNLOCK = 1 << 13,   /* values below which giving up the interpreter's lock costs more than keeping it */
    SMALLEST = 1 << 16, /* values of a piece, the unit of work of threads */
    LARGEST = 1 << 19,
    BETWEEN_SIGNALS = 32 /* pieces after which the calling thread looks whether it was interrupted */
};

#include "arguments.h"
#include "matrices.h"

/* Work that threads share ------------------------------------------------------------------------------------------ */

static const char *const job_name = "oneseed_numpy._kernel.job";

typedef struct {
    plan *plans;
    Py_buffer *views;
    size_t count;
    size_t pieces, turns, threads; /* a thread begins with pieces of its own span, `turns` of them */
    PyThread_type_lock lock;       /* for what follows */
    PyThread_type_lock finished;   /* held until the last helper has left a closed job */
    size_t next;
    int helpers, closed;
} job;

static void free_job(job *j)
{
    if (j->lock)
        PyThread_free_lock(j->lock);
    if (j->finished)
        PyThread_free_lock(j->finished);
    free(j->plans);
    free(j->views);
    free(j);
}

static void forget(PyObject *capsule) { free_job(PyCapsule_GetPointer(capsule, job_name)); }

/* A job for some draws, which lives as long as the capsule: until the last helper has seen that it is over. */
static PyObject *new_job(size_t count, job **made)
{
    job *j = calloc(1, sizeof *j);
    if (j) {
        j->plans = calloc(count + !count, sizeof *j->plans);
        j->views = calloc(count + !count, sizeof *j->views);
        j->lock = PyThread_allocate_lock();
        j->finished = PyThread_allocate_lock();
        PyObject *capsule = NULL;
        if (j->plans && j->views && j->lock && j->finished && (capsule = PyCapsule_New(j, job_name, forget))) {
            PyThread_acquire_lock(j->finished, WAIT_LOCK);
            *made = j;
            return capsule;
        }
        free_job(j);
    }
    return PyErr_Occurred() ? NULL : PyErr_NoMemory();
}

/* Take a piece: 1, or 0 where none is left. Threads at work lie far apart, for two that first write to neighbouring
 * memory would both have the same large page of it cleared. */
static int take(job *j, size_t *piece)
{
    int taken = 0;
    PyThread_acquire_lock(j->lock, WAIT_LOCK);
    while (!taken && !j->closed && j->next < j->turns * j->threads) {
        *piece = j->next % j->threads * j->turns + j->next / j->threads;
        j->next++;
        taken = *piece < j->pieces;
    }
    PyThread_release_lock(j->lock);
    return taken;
}

static void write_taken(const job *j, size_t piece)
{
    const plan *p = j->plans;
    while (piece >= p->pieces)
        piece -= p->pieces, p++;
    write_piece(p, piece);
}

PyDoc_STRVAR(help_doc, "help(job)\n--\n\nWork on a job until none of it is left. One that is over is left alone.");

static PyObject *help(PyObject *module, PyObject *capsule)
{
    job *j = PyCapsule_GetPointer(capsule, job_name);
    size_t piece;
    (void)module;
    if (!j)
        return NULL;
    PyThread_acquire_lock(j->lock, WAIT_LOCK);
    const int open = !j->closed;
    j->helpers += open;
    PyThread_release_lock(j->lock);
    if (open) {
        PyThreadState *state = PyEval_SaveThread();
        while (take(j, &piece))
            write_taken(j, piece);
        PyThread_acquire_lock(j->lock, WAIT_LOCK);
        const int last = --j->helpers == 0 && j->closed;
        PyThread_release_lock(j->lock);
        if (last)
            PyThread_release_lock(j->finished);
        PyEval_RestoreThread(state);
    }
    Py_RETURN_NONE;
}

/* Look for signals now and then; -1 where one has raised. */
static int interrupted(size_t done, PyThreadState **state)
{
    int raised = 0;
    if (done % BETWEEN_SIGNALS == 0) {
        PyEval_RestoreThread(*state);
        raised = PyErr_CheckSignals();
        *state = PyEval_SaveThread();
    }
    return raised;
}

/* Write a plan in this thread alone. */
static int write_alone(plan *p)
{
    int raised = 0;
    cut(p, SMALLEST);
    if (p->rows * p->columns < UNLOCK) {
        for (size_t piece = 0; piece < p->pieces; piece++)
            write_piece(p, piece);
        return 0;
    }
    PyThreadState *state = PyEval_SaveThread();
    for (size_t piece = 0; piece < p->pieces && !raised; piece++) {
        write_piece(p, piece);
        raised = interrupted(piece + 1, &state);
    }
    PyEval_RestoreThread(state);
    return raised;
}

/* Write the plans of a job. Where there is enough to do, `ask(capsule, helpers)` has other threads help. Whatever is
 * raised meanwhile, no thread writes any more when this returns. */
static int write_together(job *j, PyObject *capsule, size_t threads, PyObject *ask)
{
    size_t total = 0, piece;
    for (size_t k = 0; k < j->count; k++)
        total += j->plans[k].rows * j->plans[k].columns;
    const size_t share = total / (4 * threads);
    for (size_t k = 0; k < j->count; k++) {
        cut(j->plans + k, share < SMALLEST ? SMALLEST : share < LARGEST ? share : LARGEST);
        j->pieces += j->plans[k].pieces;
    }
    threads = total < 2 * SMALLEST ? 1 : threads < j->pieces ? threads : j->pieces;
    j->threads = threads;
    j->turns = (j->pieces + threads - 1) / threads;
    int raised = 0;
    if (threads > 1) {
        PyObject *helpers = PyLong_FromSize_t(threads - 1);
        PyObject *asked = helpers ? PyObject_CallFunctionObjArgs(ask, capsule, helpers, NULL) : NULL;
        raised = asked ? 0 : -1;
        Py_XDECREF(asked);
        Py_XDECREF(helpers);
    }
    PyThreadState *state = PyEval_SaveThread();
    for (size_t done = 1; !raised && take(j, &piece); done++) {
        write_taken(j, piece);
        raised = interrupted(done, &state);
    }
    PyThread_acquire_lock(j->lock, WAIT_LOCK);
    j->closed = 1;
    const int wait = j->helpers > 0;
    PyThread_release_lock(j->lock);
    if (wait)
        PyThread_acquire_lock(j->finished, WAIT_LOCK);
    PyEval_RestoreThread(state);
    return raised;
}

/* Write a plan, by several threads where it is large. */
static int write_plan(plan *p, size_t threads, PyObject *ask)
{
    if (threads == 1 || p->rows * p->columns < 2 * SMALLEST)
        return write_alone(p);
    job *j;
    PyObject *capsule = new_job(1, &j);
    if (!capsule)
        return -1;
    j->plans[0] = *p, j->count = 1;
    const int failed = write_together(j, capsule, threads, ask);
    Py_DECREF(capsule);
    return failed;
}

static size_t read_threads(PyObject *number)
{
    const size_t threads = PyLong_AsSize_t(number);
    if (!PyErr_Occurred() && threads == 0)
        PyErr_SetString(PyExc_ValueError, "`threads` must be at least 1. Received: threads=0");
    return threads;
}

/* Functions -------------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(draw_all_doc,
    "draw_all(draws, threads, ask)\n--\n\n"
    "Write several draws, each a tuple of the first eight arguments of `draw`, by up to `threads` threads.");

static PyObject *draw_all(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 3 || !PyTuple_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "the arguments must be (draws, threads, ask), with a tuple of draws");
        return NULL;
    }
    job *j;
    const Py_ssize_t count = PyTuple_Size(args[0]);
    const size_t threads = read_threads(args[1]);
    PyObject *capsule = PyErr_Occurred() ? NULL : new_job((size_t)count, &j);
    if (!capsule)
        return NULL;
    int failed = 0;
    for (Py_ssize_t k = 0; k < count && !failed; k++) {
        PyObject *each = PyTuple_GetItem(args[0], k), *fields[FIELDS];
        if (!PyTuple_Check(each) || PyTuple_Size(each) != FIELDS) {
            PyErr_Format(PyExc_TypeError, "a draw must be a tuple of %d. Received: %R", FIELDS, each);
            failed = -1;
            break;
        }
        for (int field = 0; field < FIELDS; field++)
            fields[field] = PyTuple_GetItem(each, field);
        failed = read_plan(fields, j->plans + k, j->views + k);
        j->count += !failed;
    }
    if (!failed)
        failed = write_together(j, capsule, threads, args[2]);
    for (size_t k = 0; k < j->count; k++)
        if (j->views[k].obj)
            PyBuffer_Release(j->views + k);
    Py_DECREF(capsule);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(draw_doc,
    "draw(target, sizes, strides, steps, first, seed, stream, distribution, threads, ask)\n--\n\n"
    "Write a draw into memory.\n\n"
    "`target` is an object with a writable buffer, with None for `sizes` and `strides`; or an address, with the sizes of\n"
    "the axes and their strides in bytes, None where the memory is contiguous. `steps` are by how much the index of an\n"
    "element grows along each axis, `first` is the index of the first one, `distribution` the bytes of an\n"
    "`oneseed_distribution`. A large draw is shared by up to `threads` threads: `ask(job, helpers)` is called, which has\n"
    "as many other threads call `help(job)`; with one thread it is not.");

static PyObject *draw(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != FIELDS + 2) {
        PyErr_Format(PyExc_TypeError, "there must be %d arguments. Received: %zd", FIELDS + 2, n);
        return NULL;
    }
    plan p;
    Py_buffer view = {0};
    const size_t threads = read_threads(args[FIELDS]);
    if (PyErr_Occurred() || read_plan(args, &p, &view))
        return NULL;
    const int failed = write_plan(&p, threads, args[FIELDS + 1]);
    if (view.obj)
        PyBuffer_Release(&view);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

#include "prepared.h"

PyDoc_STRVAR(kernel_doc, "kernel()\n--\n\nReturn the name of the kernel in use.");

static PyObject *kernel_name(PyObject *module, PyObject *none)
{
    (void)module, (void)none;
    return PyUnicode_FromString(oneseed_kernel());
}

PyDoc_STRVAR(use_doc, "use(name)\n--\n\nUse another of `kernels` from here on; ValueError if there is none of this name.");

static PyObject *use(PyObject *module, PyObject *name)
{
    (void)module;
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    if (!text)
        return NULL;
    if (oneseed_use_kernel(text)) {
        PyErr_Format(PyExc_ValueError, "this processor has no kernel %R", name);
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(xla_doc,
    "xla(threads, make)\n--\n\n"
    "Return, as a capsule, the function that programs compiled by XLA call to draw, see `xla.c`. Up to `threads` threads\n"
    "of XLA's pool share a large draw. What no kernel makes, `make(name, seeds, out)` writes into memory: `name` is the\n"
    "bytes of the attribute `computed`, the others are views of memory, of the seeds as uint64 and of the result. It\n"
    "returns None, or a str that says what went wrong. It is called until `close_xla` is called.");

PyObject *xla_function(PyObject *module, PyObject *const *args, Py_ssize_t n);

PyDoc_STRVAR(close_xla_doc,
    "close_xla()\n--\n\n"
    "Wait until no call of the `make` of `xla` is at work, and let later ones fail: to be called before Python ends.");

static PyObject *close_xla(PyObject *module, PyObject *none)
{
    (void)module, (void)none;
    close_callback();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"draw", (PyCFunction)(void (*)(void))draw, METH_FASTCALL, draw_doc},
    {"draw_all", (PyCFunction)(void (*)(void))draw_all, METH_FASTCALL, draw_all_doc},
    {"prepare", (PyCFunction)(void (*)(void))prepare, METH_FASTCALL, prepare_doc},
    {"help", help, METH_O, help_doc},
    {"orthogonal", (PyCFunction)(void (*)(void))orthogonal, METH_FASTCALL, orthogonal_doc},
    {"kernel", kernel_name, METH_NOARGS, kernel_doc},
    {"use", use, METH_O, use_doc},
    {"xla", (PyCFunction)(void (*)(void))xla_function, METH_FASTCALL, xla_doc},
    {"close_xla", close_xla, METH_NOARGS, close_xla_doc},
    {NULL, NULL, 0, NULL},
};

/* Choose a kernel, and name those that this processor can run. */
static int started(PyObject *module)
{
    int count = 0;
    while (oneseed_kernel_name(count))
        count++;
    PyObject *names = PyTuple_New(count);
    if (!names)
        return -1;
    for (int k = 0; k < count; k++) {
        PyObject *name = PyUnicode_FromString(oneseed_kernel_name(k));
        if (!name || PyTuple_SetItem(names, k, name)) {
            Py_DECREF(names);
            return -1;
        }
    }
    const int failed = PyModule_AddObjectRef(module, "kernels", names);
    Py_DECREF(names);
    (void)oneseed_kernel();
    return failed;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, started},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "The kernels of stream v1; see `native/oneseed.h`.", 0, methods, slots, NULL, NULL,
    NULL};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&definition); }
