/* Calls of Python from threads of XLA, which know nothing of the interpreter's end.
 *
 * A thread that asks for the interpreter once it has begun to end is ended by Python, in the midst of XLA's code, which
 * aborts the process. So calls are counted: at the end, `close_callback` waits for those at work, and later ones fail
 * before they ask.
 */
#include "callback.h"

static struct {
    PyThread_type_lock lock; /* for what follows */
    PyThread_type_lock idle; /* held until the last call has left a closed function */
    PyObject *function;
    size_t at_work;
    int closed;
} callback;

static const char closed[] = "oneseed: a tensor cannot be made any more, since Python is about to end";

int set_callback(PyObject *function)
{
    if (callback.function == function)
        return 0;
    PyThread_type_lock lock = PyThread_allocate_lock(), idle = PyThread_allocate_lock();
    if (lock && idle && !callback.function) {
        PyThread_acquire_lock(idle, WAIT_LOCK);
        Py_INCREF(function);
        callback.lock = lock, callback.idle = idle, callback.function = function;
        return 0;
    }
    if (callback.function)
        PyErr_SetString(PyExc_ValueError, "`make` must be the function that was given first");
    else
        PyErr_NoMemory();
    if (lock)
        PyThread_free_lock(lock);
    if (idle)
        PyThread_free_lock(idle);
    return -1;
}

void close_callback(void)
{
    if (!callback.lock)
        return;
    PyThread_acquire_lock(callback.lock, WAIT_LOCK);
    const int wait = !callback.closed && callback.at_work > 0;
    callback.closed = 1;
    PyThread_release_lock(callback.lock);
    if (wait) {
        PyThreadState *state = PyEval_SaveThread();
        PyThread_acquire_lock(callback.idle, WAIT_LOCK);
        PyEval_RestoreThread(state);
    }
}

/* Begin a call, unless it is too late. */
static int enter(void)
{
    PyThread_acquire_lock(callback.lock, WAIT_LOCK);
    const int open = !callback.closed;
    callback.at_work += (size_t)open;
    PyThread_release_lock(callback.lock);
    return open;
}

/* End a call; this thread has given back the interpreter. */
static void leave(void)
{
    PyThread_acquire_lock(callback.lock, WAIT_LOCK);
    const int last = --callback.at_work == 0 && callback.closed;
    PyThread_release_lock(callback.lock);
    if (last)
        PyThread_release_lock(callback.idle);
}

xla_error *xla_failed(const xla_call *call, int code, const char *wrong)
{
    return call->api->create_error(&(xla_error_create){sizeof(xla_error_create), NULL, wrong, code});
}

/* The bytes of an element of each type; 0 for types that no tensor has. */
static size_t size_of(int dtype)
{
    static const unsigned char sizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 0, 0, 8, 2, 0, 16, 1, 1};
    return dtype >= 0 && dtype < (int)sizeof sizes ? sizes[dtype] : 0;
}

/* Call the function with the name of what is to be made, the seeds, and the memory for it. */
static PyObject *called(uint64_t *seeds, size_t batch, const xla_array *of, void *memory, size_t size)
{
    PyObject *answer = NULL;
    PyObject *name = PyBytes_FromStringAndSize(of->data, (Py_ssize_t)(of->count * sizeof(int64_t)));
    PyObject *given = PyMemoryView_FromMemory((char *)seeds, (Py_ssize_t)(batch * sizeof *seeds), PyBUF_READ);
    PyObject *out = PyMemoryView_FromMemory(memory, (Py_ssize_t)size, PyBUF_WRITE);
    if (name && given && out)
        answer = PyObject_CallFunctionObjArgs(callback.function, name, given, out, NULL);
    Py_XDECREF(name);
    Py_XDECREF(given);
    Py_XDECREF(out);
    return answer;
}

xla_error *call_back(const xla_call *call, uint64_t *seeds, size_t batch, const xla_array *of)
{
    const xla_buffer *out = call->results.buffers[0];
    size_t size = size_of(out->dtype);
    if (call->results.count != 1 || !size)
        return xla_failed(call, XLA_INVALID_ARGUMENT, "oneseed: the attribute `computed` does not fit the result");
    for (int64_t k = 0; k < out->rank; k++)
        size *= (size_t)out->sizes[k];
    if (!size) /* and perhaps no memory */
        return NULL;
    if (!enter())
        return xla_failed(call, XLA_INTERNAL, closed);
    xla_error *error = NULL;
    const PyGILState_STATE state = PyGILState_Ensure();
    PyObject *answer = called(seeds, batch, of, out->data, size);
    const char *wrong = NULL;
    if (answer != Py_None) {
        wrong = answer ? PyUnicode_AsUTF8AndSize(answer, NULL) : NULL;
        error = xla_failed(call, XLA_INTERNAL, wrong ? wrong : "oneseed: Python could not be called");
        PyErr_Clear();
    }
    Py_XDECREF(answer);
    PyGILState_Release(state);
    leave();
    return error;
}
