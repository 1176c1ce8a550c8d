/* What a function must know of XLA's interface to be called by a compiled program, version 0.1, which later ones keep.
 *
 * The layout is that of `xla/ffi/api/c_api.h` of the OpenXLA project, as far as it is read here.
 */
#ifndef ONESEED_XLA_H
#define ONESEED_XLA_H

#include <stddef.h>
#include <stdint.h>

enum { XLA_MAJOR = 0, XLA_MINOR = 1 };

enum { XLA_EXECUTE = 3 };          /* the stage of a call */
enum { XLA_INVALID_ARGUMENT = 3, XLA_INTERNAL = 13 }; /* codes of errors */
enum { XLA_ARRAY = 1 };            /* the type of an attribute */
enum { XLA_S64 = 5, XLA_U32 = 8, XLA_F32 = 11, XLA_F64 = 12, XLA_C64 = 15, XLA_C128 = 18 }; /* types of elements */
enum { XLA_METADATA = 1 };         /* the type of an extension */

typedef struct xla_error xla_error;
typedef struct xla_context xla_context;

typedef struct xla_extension {
    size_t struct_size;
    int type;
    struct xla_extension *next;
} xla_extension;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    int major, minor;
} xla_version;

typedef struct {
    size_t struct_size;
    xla_version version;
    uint32_t traits;
} xla_metadata;

typedef struct {
    xla_extension base;
    xla_metadata *metadata;
} xla_metadata_extension;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    const char *message;
    int code;
} xla_error_create;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    xla_error *error;
} xla_error_destroy;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    xla_context *context;
    void (*task)(void *data);
    void *data;
} xla_schedule;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    xla_context *context;
    int64_t *threads;
} xla_count_threads;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    xla_version version;
    const void *internal;
    xla_error *(*create_error)(xla_error_create *);
    void *get_message;
    void (*destroy_error)(xla_error_destroy *);
    void *not_used_here[8]; /* of registrations, streams, types, states and memory */
    xla_error *(*schedule)(xla_schedule *);
    xla_error *(*count_threads)(xla_count_threads *);
} xla_api;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    int dtype;
    void *data;
    int64_t rank;
    int64_t *sizes;
} xla_buffer;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    int64_t count;
    int *types;
    xla_buffer **buffers;
} xla_buffers;

typedef struct {
    const char *text;
    size_t length;
} xla_text;

typedef struct {
    int dtype;
    size_t count;
    void *data;
} xla_array;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    int64_t count;
    int *types;
    xla_text **names;
    void **values;
} xla_attributes;

typedef struct {
    size_t struct_size;
    xla_extension *extensions;
    const xla_api *api;
    xla_context *context;
    int stage;
    xla_buffers operands, results;
    xla_attributes attributes;
} xla_call;

#endif
