/* The arguments of the functions in `python.c`, read and checked. */

/* What a draw is told by; more in the description of `draw`. */
enum { MEMORY, SIZES, STRIDES, STEPS, FIRST, SEED, STREAM, DISTRIBUTION, FIELDS };

/* The numbers of a tuple; how many, or -1. */
static int numbers(PyObject *tuple, const char *name, int as_signed, void *to)
{
    const Py_ssize_t count = PyTuple_Check(tuple) ? PyTuple_Size(tuple) : -1;
    if (count < 0 || count > ONESEED_AXES) {
        PyErr_Format(PyExc_TypeError, "`%s` must be a tuple of at most %d int. Received: %s=%R", name, ONESEED_AXES,
            name, tuple);
        return -1;
    }
    for (Py_ssize_t k = 0; k < count; k++) {
        PyObject *item = PyTuple_GetItem(tuple, k);
        if (as_signed)
            ((ptrdiff_t *)to)[k] = PyLong_AsSsize_t(item);
        else
            ((uint64_t *)to)[k] = PyLong_AsUnsignedLongLong(item);
        if (PyErr_Occurred())
            return -1;
    }
    return (int)count;
}

static int read_distribution(PyObject *bytes, oneseed_distribution *what)
{
    char *data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(bytes, &data, &size))
        return -1;
    if (size == sizeof *what) {
        memcpy(what, data, sizeof *what);
        const int real = what->dtype >= ONESEED_FLOAT32 && what->dtype <= ONESEED_FLOAT8_E5M2;
        const int whole = what->dtype >= ONESEED_INT8 && what->dtype <= ONESEED_INT64;
        if ((real && what->kind >= ONESEED_NORMAL && what->kind <= ONESEED_TRUNCATED) ||
            (whole && what->kind == ONESEED_INTEGERS) ||
            (what->dtype == ONESEED_INT64 && what->kind == ONESEED_WORDS))
            return 0;
    }
    PyErr_Format(PyExc_ValueError, "`distribution` must be an oneseed_distribution of %d bytes. Received: %R",
        (int)sizeof *what, bytes);
    return -1;
}

/* Read the fields of a draw; a buffer that was opened is for the caller to release. */
static int read_plan(PyObject *const *args, plan *p, Py_buffer *view)
{
    size_t sizes[ONESEED_AXES];
    ptrdiff_t strides[ONESEED_AXES];
    uint64_t steps[ONESEED_AXES];
    oneseed_distribution what;
    void *memory;
    int axes;
    if (read_distribution(args[DISTRIBUTION], &what))
        return -1;
    const int indices = numbers(args[STEPS], "steps", 0, steps);
    if (indices < 0)
        return -1;
    const uint64_t first = PyLong_AsUnsignedLongLong(args[FIRST]);
    const oneseed_address at = {PyLong_AsUnsignedLongLong(args[SEED]), PyLong_AsUnsignedLongLong(args[STREAM])};
    if (PyErr_Occurred())
        return -1;
    const Py_ssize_t size = (Py_ssize_t)oneseed_size(what.dtype);
    if (args[SIZES] == Py_None) {
        if (PyObject_GetBuffer(args[MEMORY], view, PyBUF_STRIDED))
            return -1;
        memory = view->buf, axes = view->ndim;
        if (view->itemsize != size || axes != indices || axes > ONESEED_AXES) {
            PyErr_Format(PyExc_ValueError,
                "`target` must have %d axes and elements of %zd bytes. Received: %d axes and elements of %zd bytes",
                indices, size, axes, view->itemsize);
            goto refused;
        }
        for (int k = 0; k < axes; k++)
            sizes[k] = (size_t)view->shape[k], strides[k] = view->strides[k];
    } else {
        memory = PyLong_AsVoidPtr(args[MEMORY]);
        axes = PyErr_Occurred() ? -1 : numbers(args[SIZES], "sizes", 1, sizes);
        if (axes < 0)
            return -1;
        for (int k = 0; k < axes; k++)
            if (sizes[k] > PY_SSIZE_T_MAX) {
                PyErr_Format(PyExc_ValueError, "`sizes` must not be negative. Received: sizes=%R", args[SIZES]);
                return -1;
            }
        if (args[STRIDES] == Py_None) { /* contiguous */
            ptrdiff_t stride = size;
            for (int k = axes - 1; k >= 0; k--)
                strides[k] = stride, stride = (ptrdiff_t)((size_t)stride * sizes[k]);
        } else if (numbers(args[STRIDES], "strides", 1, strides) != axes) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "`sizes` and `strides` must be of the same length");
            return -1;
        }
        if (axes != indices) {
            PyErr_SetString(PyExc_ValueError, "`sizes` and `steps` must be of the same length");
            return -1;
        }
    }
    planned(p, memory, axes, sizes, strides, steps, first, &at, &what);
    return 0;
refused:
    PyBuffer_Release(view);
    return -1;
}
