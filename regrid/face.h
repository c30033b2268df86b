/* What the Python faces of the kernels share: buffers in, byte arrays out, nothing computed. Stable ABI only. */
#ifndef LSBC_FACE_H
#define LSBC_FACE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

#include "kernel.h"

#define MAX_BUFFER 16

/* The buffers of one call, so that every way out releases them. */
typedef struct {
  int n;
  Py_buffer view[MAX_BUFFER];
} buffers;

void lsbc_release(buffers *held);

/* A C-contiguous buffer of `count` items of `item` bytes (count -1: any number); NULL with an exception otherwise. */
void *lsbc_hold(buffers *held, PyObject *object, const char *name, Py_ssize_t item, Py_ssize_t count, int writable);

/* Items of the buffer held last. */
Py_ssize_t lsbc_count_of(const buffers *held);

/* Row offsets and columns of a sparse matrix; 0, or -1 with an exception. */
int lsbc_hold_rows(buffers *held, PyObject *offsets, PyObject *index, Py_ssize_t n_column, lsbc_rows *rows);

/* A byte array with a copy of n items. */
PyObject *lsbc_bytes_of(const void *data, int64_t n, size_t item);

/* The functions of the module, by topic; each face_*.c ends with its own list. */
extern PyMethodDef lsbc_overlap_methods[], lsbc_rows_methods[], lsbc_clip_methods[], lsbc_points_methods[], lsbc_apply_methods[];

#endif
