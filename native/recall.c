/* `recall` of `oneseed.initializers.plans`, which says the same in Python: what a repeated call costs beside its values
 * is mostly this. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The fields of a `Kept`, those of `Settings` that decide a draw, and the arguments. */
enum { OWNER, KIND, ATTRIBUTES, STATE, MAKERS };
enum { DEFAULT_BACKEND = 0, FLOATX = 1, RNG = 4 };
enum { INITIALIZER, SHAPE, DTYPE, AXES, PATH, BACKEND, SETTINGS, ARGUMENTS };

typedef struct {
    PyObject *held; /* a dict from the addresses of initializers to what is kept of them */
} state;

static int is_text(PyObject *value) { return value == Py_None || PyUnicode_CheckExact(value); }

/* What is kept of an initializer, as a new reference; NULL where nothing is. */
static PyObject *kept_of(PyObject *held, PyObject *initializer)
{
    PyObject *number = PyLong_FromVoidPtr(initializer), *kept = NULL;
    if (number) {
#ifdef Py_GIL_DISABLED
        (void)PyDict_GetItemRef(held, number, &kept);
#else
        kept = PyDict_GetItemWithError(held, number);
        Py_XINCREF(kept);
#endif
        Py_DECREF(number);
    }
    return kept;
}

/* The shape as a tuple of nothing but integers; NULL otherwise. */
static PyObject *as_sizes(PyObject *shape)
{
    if (!PyTuple_Check(shape) && !PyList_Check(shape))
        return NULL;
    PyObject *sizes = PyTuple_CheckExact(shape) ? Py_NewRef(shape) : PySequence_Tuple(shape);
    const Py_ssize_t rank = sizes ? PyTuple_Size(sizes) : 0;
    for (Py_ssize_t k = 0; k < rank; k++)
        if (!PyLong_CheckExact(PyTuple_GetItem(sizes, k))) {
            Py_CLEAR(sizes);
            break;
        }
    return sizes;
}

/* Whether an initializer is what it was. Its attributes must be the same objects, which are held here, so that it does not
 * matter if another thread replaces one meanwhile. */
static int holds(PyObject *kept, PyObject *initializer)
{
    PyObject *then = PyTuple_GetItem(kept, STATE), *name, *value;
    PyObject *now = PyObject_GenericGetDict(initializer, NULL);
    int same = now == PyTuple_GetItem(kept, ATTRIBUTES) && (PyObject *)Py_TYPE(initializer) == PyTuple_GetItem(kept, KIND) &&
        PyDict_Size(now) == PyDict_Size(then);
    for (Py_ssize_t at = 0; same && PyDict_Next(then, &at, &name, &value);)
        same = PyDict_GetItemWithError(now, name) == value;
    Py_XDECREF(now);
    return same;
}

static PyObject *made_by(PyObject *kept, PyObject *sizes, PyObject *const *args)
{
    PyObject *backend = args[BACKEND], *set = args[SETTINGS];
    if (backend == Py_None)
        backend = PyTuple_GetItem(set, DEFAULT_BACKEND);
    PyObject *key = PyTuple_Pack(8, sizes, (PyObject *)Py_TYPE(args[DTYPE]), args[DTYPE], args[AXES], args[PATH], backend,
        PyTuple_GetItem(set, FLOATX), PyTuple_GetItem(set, RNG));
    PyObject *make = key ? PyObject_GetItem(PyTuple_GetItem(kept, MAKERS), key) : NULL;
    Py_XDECREF(key);
    return make;
}

PyDoc_STRVAR(recall_doc,
    "recall(initializer, shape, dtype, axes, path, backend, settings)\n--\n\n"
    "Return what makes the tensor of a call, if it is known; see `oneseed.initializers.plans`.");

static PyObject *recall(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != ARGUMENTS) {
        PyErr_Format(PyExc_TypeError, "there must be %d arguments. Received: %zd", ARGUMENTS, n);
        return NULL;
    }
    if (!is_text(args[AXES]) || !is_text(args[PATH]) || !is_text(args[BACKEND]))
        Py_RETURN_NONE;
    const state *own = PyModule_GetState(module);
    PyObject *kept = kept_of(own->held, args[INITIALIZER]), *make = NULL;
    if (kept) {
        PyObject *sizes = as_sizes(args[SHAPE]);
        if (sizes && holds(kept, args[INITIALIZER]))
            make = made_by(kept, sizes, args);
        Py_XDECREF(sizes);
        Py_DECREF(kept);
    }
    if (make)
        return make;
    /* Of this call nothing is kept; an argument is not hashable. */
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return NULL;
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"recall", (PyCFunction)(void (*)(void))recall, METH_FASTCALL, recall_doc},
    {NULL, NULL, 0, NULL},
};

static int started(PyObject *module)
{
    state *own = PyModule_GetState(module);
    own->held = PyDict_New();
    return own->held ? PyModule_AddObjectRef(module, "held", own->held) : -1;
}

static int visited(PyObject *module, visitproc visit, void *arg)
{
    const state *own = PyModule_GetState(module);
    if (own)
        Py_VISIT(own->held);
    return 0;
}

static int cleared(PyObject *module)
{
    state *own = PyModule_GetState(module);
    if (own)
        Py_CLEAR(own->held);
    return 0;
}

static void ended(void *module) { (void)cleared(module); }

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, started},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_recall", "What initializers have prepared, looked up.", sizeof(state), methods, slots, visited,
    cleared, ended};

PyMODINIT_FUNC PyInit__recall(void) { return PyModuleDef_Init(&definition); }
