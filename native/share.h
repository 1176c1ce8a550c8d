/* Work of a compiled program that is cut into pieces. */
#ifndef ONESEED_SHARE_H
#define ONESEED_SHARE_H

#include "xla.h"

/* The first member of a structure with the rest of what `write` needs. */
typedef struct task {
    int (*write)(const struct task *t, size_t piece); /* 0, or not where it failed */
    size_t pieces, threads; /* the most threads that are of use */
} task;

/* Write all pieces; 0, or not where one failed. */
int write_all(const xla_call *call, const task *t);

#endif
