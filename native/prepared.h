/* Draws whose arguments are read once, for many calls. */

static const char *const writer_name = "oneseed_numpy._kernel.writer";

typedef struct {
    plan plan;
    Py_ssize_t size; /* bytes of contiguous memory; -1 where it is not */
    size_t threads;
    PyObject *ask;
} writer;

static void free_writer(PyObject *capsule)
{
    writer *w = PyCapsule_GetPointer(capsule, writer_name);
    Py_XDECREF(w->ask);
    free(w);
}

/* Copy a plan without the axes that it does not have, which take most of the space. */
static void copy_plan(plan *to, const plan *from)
{
    memcpy(to, from, offsetof(plan, sizes));
    for (int k = 0; k < from->axes; k++)
        to->sizes[k] = from->sizes[k], to->strides[k] = from->strides[k], to->steps[k] = from->steps[k];
}

PyDoc_STRVAR(write_doc,
    "write(target, seed, stream)\n--\n\n"
    "Write the draw into memory, as `draw` does. `target` is an address; or, where the memory is contiguous, an object\n"
    "with a writable buffer of as many bytes.");

static PyObject *write_prepared(PyObject *capsule, PyObject *const *args, Py_ssize_t n)
{
    const writer *w = PyCapsule_GetPointer(capsule, writer_name);
    if (!w)
        return NULL;
    if (n != 3) {
        PyErr_Format(PyExc_TypeError, "there must be 3 arguments. Received: %zd", n);
        return NULL;
    }
    plan p;
    copy_plan(&p, &w->plan);
    p.at.seed = PyLong_AsUnsignedLongLong(args[1]);
    if (PyErr_Occurred())
        return NULL;
    p.at.stream = PyLong_AsUnsignedLongLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    Py_buffer view = {0};
    if (PyLong_Check(args[0])) {
        p.memory = PyLong_AsVoidPtr(args[0]);
        if (PyErr_Occurred())
            return NULL;
    } else {
        if (PyObject_GetBuffer(args[0], &view, PyBUF_WRITABLE))
            return NULL;
        p.memory = view.buf;
    }
    int failed = -1;
    if (view.obj && view.len != w->size)
        PyErr_Format(PyExc_ValueError, "`target` must have %zd bytes. Received: %zd bytes", w->size, view.len);
    else
        failed = write_plan(&p, w->threads, w->ask);
    if (view.obj)
        PyBuffer_Release(&view);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef write_method = {"write", (PyCFunction)(void (*)(void))write_prepared, METH_FASTCALL, write_doc};

PyDoc_STRVAR(prepare_doc,
    "prepare(sizes, strides, steps, first, distribution, threads, ask)\n--\n\n"
    "Return a function of target, seed and stream that writes a draw; the arguments are those of `draw`.");

static PyObject *prepare(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 7 || args[0] == Py_None) {
        PyErr_SetString(
            PyExc_TypeError, "the arguments must be (sizes, strides, steps, first, distribution, threads, ask)");
        return NULL;
    }
    Py_buffer none = {0};
    const size_t threads = read_threads(args[5]);
    PyObject *zero = PyErr_Occurred() ? NULL : PyLong_FromLong(0), *capsule = NULL, *function = NULL;
    writer *w = zero ? calloc(1, sizeof *w) : NULL;
    if (zero && !w)
        PyErr_NoMemory();
    if (w) {
        PyObject *const fields[FIELDS] = {zero, args[0], args[1], args[2], args[3], zero, zero, args[4]};
        if (!read_plan(fields, &w->plan, &none))
            capsule = PyCapsule_New(w, writer_name, free_writer);
    }
    if (capsule) {
        const plan *p = &w->plan;
        w->size = args[1] == Py_None ? (Py_ssize_t)(p->rows * p->columns * oneseed_size(p->what.dtype)) : -1;
        w->threads = threads;
        w->ask = Py_NewRef(args[6]);
        function = PyCFunction_NewEx(&write_method, capsule, NULL);
        Py_DECREF(capsule);
    } else {
        free(w);
    }
    Py_XDECREF(zero);
    return function;
}
