#include "face.h"

void lsbc_release(buffers *held) {
  while (held->n > 0) PyBuffer_Release(&held->view[--held->n]);
}

void *lsbc_hold(buffers *held, PyObject *object, const char *name, Py_ssize_t item, Py_ssize_t count, int writable) {
  Py_buffer *view = &held->view[held->n];
  if (PyObject_GetBuffer(object, view, writable ? PyBUF_CONTIG : PyBUF_CONTIG_RO)) return NULL;
  held->n++;
  if (view->itemsize != item || (count >= 0 && view->len != item * count)) {
    PyErr_Format(PyExc_ValueError, "%s has %zd items of %zd bytes; expected %zd of %zd.", name,
                 view->itemsize ? view->len / view->itemsize : 0, view->itemsize, count, item);
    return NULL;
  }
  static const double nothing;
  return view->buf ? view->buf : (void *)&nothing;
}

Py_ssize_t lsbc_count_of(const buffers *held) {
  const Py_buffer *view = &held->view[held->n - 1];
  return view->len / view->itemsize;
}

PyObject *lsbc_bytes_of(const void *data, int64_t n, size_t item) {
  return PyByteArray_FromStringAndSize(n ? data : NULL, (Py_ssize_t)((size_t)n * item));
}

int lsbc_hold_rows(buffers *held, PyObject *offsets, PyObject *index, Py_ssize_t n_column, lsbc_rows *rows) {
  rows->offsets = lsbc_hold(held, offsets, "offsets", sizeof(int64_t), -1, 0);
  if (!rows->offsets) return -1;
  rows->n_row = lsbc_count_of(held) - 1;
  rows->index = lsbc_hold(held, index, "index", sizeof(int32_t), -1, 0);
  if (!rows->index) return -1;
  int64_t n_entry = lsbc_count_of(held);
  rows->n_column = n_column;
  int ordered = rows->n_row >= 0 && rows->offsets[0] == 0 && rows->offsets[rows->n_row] == n_entry;
  for (int64_t k = 0; ordered && k < rows->n_row; k++) ordered = rows->offsets[k] <= rows->offsets[k + 1];
  if (ordered) return 0;
  PyErr_SetString(PyExc_ValueError, "offsets must rise from 0 to the number of entries.");
  return -1;
}
