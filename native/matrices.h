/* Orthogonal matrices for `python.c`. */

enum {
    KEEP_LOCK = 1 << 14, /* multiplications below which giving up the interpreter's lock costs more than keeping it */
    UNTIL_SIGNALS = 1 << 24 /* multiplications after which it is looked for signals */
};

/* Matrices in memory, one after the other in their field. */
typedef struct {
    char *memory;
    int dtype; /* of each part of a complex number */
    size_t each; /* parts of a number */
    size_t count, rows, columns;
    ptrdiff_t strides[3];
    double gain;
    uint64_t first;
    oneseed_address at, imaginary;
} matrices;

/* Bytes from the first element to the end of the last one; 0 if there is none, or -1 for what no buffer holds. */
static Py_ssize_t reach(const matrices *m)
{
    const size_t sizes[3] = {m->count, m->rows, m->columns};
    Py_ssize_t bytes = (Py_ssize_t)(m->each * oneseed_size(m->dtype));
    if (m->count == 0 || m->rows == 0 || m->columns == 0)
        return 0;
    for (int k = 0; k < 3; k++) {
        if (m->strides[k] < 0 || (sizes[k] > 1 && m->strides[k] > (PY_SSIZE_T_MAX - bytes) / (Py_ssize_t)(sizes[k] - 1)))
            return -1;
        bytes += (Py_ssize_t)(sizes[k] - 1) * m->strides[k];
    }
    return bytes;
}

static size_t room_for(const matrices *m)
{
    if (m->rows > PY_SSIZE_T_MAX / 2 || m->columns > PY_SSIZE_T_MAX / 2)
        return 0;
    return oneseed_orthogonal_room(m->each * m->rows, m->each * m->columns);
}

/* Read the arguments; a buffer that was opened is for the caller to release. */
static int read_matrices(PyObject *const *args, matrices *m, Py_buffer *view)
{
    size_t sizes[ONESEED_AXES];
    ptrdiff_t strides[ONESEED_AXES];
    if (numbers(args[1], "sizes", 1, sizes) != 3 || numbers(args[2], "strides", 1, strides) != 3) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "`sizes` and `strides` must have three numbers");
        return -1;
    }
    m->count = sizes[0], m->rows = sizes[1], m->columns = sizes[2];
    memcpy(m->strides, strides, sizeof m->strides);
    const long dtype = PyLong_AsLong(args[3]);
    m->gain = PyFloat_AsDouble(args[4]);
    m->first = PyLong_AsUnsignedLongLong(args[5]);
    m->at.seed = PyLong_AsUnsignedLongLong(args[6]), m->at.stream = PyLong_AsUnsignedLongLong(args[7]);
    m->each = args[8] == Py_None ? 1 : 2, m->imaginary.seed = m->at.seed;
    m->imaginary.stream = m->each == 2 ? PyLong_AsUnsignedLongLong(args[8]) : 0;
    if (PyErr_Occurred())
        return -1;
    if ((dtype != ONESEED_FLOAT32 && dtype != ONESEED_FLOAT64) || room_for(m) == 0) {
        PyErr_Format(PyExc_ValueError,
            "the matrices must be small, of float32 or float64. Received: dtype=%ld, rows=%zu, columns=%zu", dtype,
            m->rows, m->columns);
        return -1;
    }
    m->dtype = (int)dtype;
    if (PyLong_Check(args[0])) {
        m->memory = PyLong_AsVoidPtr(args[0]);
        return PyErr_Occurred() ? -1 : 0;
    }
    if (PyObject_GetBuffer(args[0], view, PyBUF_WRITABLE))
        return -1;
    m->memory = view->buf;
    const Py_ssize_t needed = reach(m);
    if (needed < 0 || needed > view->len) {
        PyErr_Format(PyExc_ValueError, "`target` must hold the matrices. Received: %zd bytes", view->len);
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

static int write_matrices(const matrices *m, double *room)
{
    const size_t size = m->rows * m->columns, shorter = m->rows < m->columns ? m->rows : m->columns;
    const size_t work = m->each * m->each * size * shorter + 1;
    const int unlocked = work * m->count > KEEP_LOCK;
    PyThreadState *state = unlocked ? PyEval_SaveThread() : NULL;
    int raised = 0;
    size_t done = 0;
    for (size_t k = 0; k < m->count && !raised; k++) {
        char *place = m->memory + (ptrdiff_t)k * m->strides[0];
        const uint64_t first = m->first + k * size;
        if (m->each == 2)
            (void)oneseed_unitary(place, m->dtype, m->rows, m->columns, m->strides[1], m->strides[2], m->gain, first,
                &m->at, &m->imaginary, room);
        else
            (void)oneseed_orthogonal(
                place, m->dtype, m->rows, m->columns, m->strides[1], m->strides[2], m->gain, first, &m->at, room);
        done += work;
        if (unlocked && done > UNTIL_SIGNALS) {
            PyEval_RestoreThread(state);
            raised = PyErr_CheckSignals();
            state = PyEval_SaveThread();
            done = 0;
        }
    }
    if (unlocked)
        PyEval_RestoreThread(state);
    return raised;
}

PyDoc_STRVAR(orthogonal_doc,
    "orthogonal(target, sizes, strides, dtype, gain, first, seed, stream, imaginary)\n--\n\n"
    "Write small matrices with orthonormal columns, or rows where those are fewer, times `gain`.\n\n"
    "`target` is an object with a writable, contiguous buffer, or an address. `sizes` and `strides`, the latter in bytes,\n"
    "are those of matrices, rows and columns; `dtype` is that of float32 or float64. `first` is the index of the first\n"
    "element of the field of normal values that the matrices are made of. They are complex, pairs of that dtype, if\n"
    "`imaginary` is not None but the number of the stream of the imaginary parts.");

static PyObject *orthogonal(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 9) {
        PyErr_Format(PyExc_TypeError, "there must be 9 arguments. Received: %zd", n);
        return NULL;
    }
    matrices m;
    Py_buffer view = {0};
    if (read_matrices(args, &m, &view))
        return NULL;
    int failed = -1;
    double *room = malloc(room_for(&m) * sizeof *room);
    if (room)
        failed = write_matrices(&m, room);
    else
        PyErr_NoMemory();
    free(room);
    if (view.obj)
        PyBuffer_Release(&view);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}
