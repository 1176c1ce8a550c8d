/* A function of Python that compiled programs call for tensors which are not made by kernels. */
#ifndef ONESEED_CALLBACK_H
#define ONESEED_CALLBACK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "xla.h"

/* Have the function make the result of a call for some seeds; NULL, or an error. */
xla_error *call_back(const xla_call *call, uint64_t *seeds, size_t batch, const xla_array *of);

/* Say what is wrong with a call. */
xla_error *xla_failed(const xla_call *call, int code, const char *wrong);

/* Set the function, which stays the same; 0, or not where an error has been raised. */
int set_callback(PyObject *function);

/* Refuse calls from here on, and wait until none is at work. */
void close_callback(void);

#endif
