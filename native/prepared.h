/* Draws whose arguments are read once, for many calls. */

static const char *const plan_name = "oneseed_numpy._kernel.plan";

static void free_plan(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, plan_name)); }

PyDoc_STRVAR(prepare_doc,
    "prepare(sizes, strides, steps, first, distribution)\n--\n\n"
    "Return a draw, as `draw` takes it, that `write` writes to any address, with any seed and stream.");

static PyObject *prepare(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 5 || args[0] == Py_None) {
        PyErr_SetString(PyExc_TypeError, "the arguments must be (sizes, strides, steps, first, distribution)");
        return NULL;
    }
    Py_buffer none = {0};
    plan *p = malloc(sizeof *p);
    PyObject *zero = PyLong_FromLong(0), *capsule = NULL;
    if (!p)
        PyErr_NoMemory();
    else if (zero) {
        PyObject *const fields[FIELDS] = {zero, args[0], args[1], args[2], args[3], zero, zero, args[4]};
        if (!read_plan(fields, p, &none))
            capsule = PyCapsule_New(p, plan_name, free_plan);
    }
    Py_XDECREF(zero);
    if (!capsule)
        free(p);
    return capsule;
}

PyDoc_STRVAR(write_doc,
    "write(plan, address, seed, stream, threads, ask)\n--\n\nWrite what `prepare` has returned into memory, as `draw` does.");

static PyObject *write_prepared(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    (void)module;
    if (n != 6) {
        PyErr_Format(PyExc_TypeError, "there must be 6 arguments. Received: %zd", n);
        return NULL;
    }
    const plan *given = PyCapsule_GetPointer(args[0], plan_name);
    if (!given)
        return NULL;
    plan p = *given;
    p.memory = PyLong_AsVoidPtr(args[1]);
    if (PyErr_Occurred())
        return NULL;
    p.at.seed = PyLong_AsUnsignedLongLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    p.at.stream = PyLong_AsUnsignedLongLong(args[3]);
    if (PyErr_Occurred())
        return NULL;
    const size_t threads = read_threads(args[4]);
    if (PyErr_Occurred() || write_plan(&p, threads, args[5]))
        return NULL;
    Py_RETURN_NONE;
}
