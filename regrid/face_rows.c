/* Python face of the sums over rows. */
#include "face.h"

static PyObject *bad_entry(int64_t status) {
  if (status == 0) Py_RETURN_NONE;
  return PyErr_Format(PyExc_ValueError, "entry %lld names a column or a class that is out of range.", (long long)status - 1);
}

static PyObject *class_sums(PyObject *self, PyObject *args) {
  PyObject *offsets, *index, *weight, *category, *sums, *result = NULL;
  int n_category, no_data;
  buffers held = {0};
  lsbc_rows rows;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOOiiO", &offsets, &index, &weight, &category, &n_category, &no_data, &sums)) return NULL;
  if (n_category < 1) return PyErr_Format(PyExc_ValueError, "n_category must be positive, got %d.", n_category);
  const uint8_t *classes = lsbc_hold(&held, category, "category", 1, -1, 0);
  const int64_t *weights;
  int64_t *out;
  if (classes && lsbc_hold_rows(&held, offsets, index, lsbc_count_of(&held), &rows) == 0 &&
      (weights = lsbc_hold(&held, weight, "weight", sizeof(int64_t), (Py_ssize_t)rows.offsets[rows.n_row], 0)) != NULL &&
      (out = lsbc_hold(&held, sums, "sums", sizeof(int64_t), (Py_ssize_t)rows.n_row * n_category, 1)) != NULL) {
    int64_t status;
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_class_sums(&rows, weights, classes, n_category, no_data, out);
    Py_END_ALLOW_THREADS
    result = bad_entry(status);
  }
  lsbc_release(&held);
  return result;
}

static PyObject *weighted_rows(PyObject *self, PyObject *args) {
  PyObject *offsets, *index, *weight, *values, *out_array, *result = NULL;
  Py_ssize_t n_field;
  buffers held = {0};
  lsbc_rows rows;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOOnO", &offsets, &index, &weight, &values, &n_field, &out_array)) return NULL;
  if (n_field < 1) return PyErr_Format(PyExc_ValueError, "n_field must be positive, got %zd.", n_field);
  const double *value = lsbc_hold(&held, values, "values", sizeof(double), -1, 0), *weights;
  double *out;
  if (value && lsbc_hold_rows(&held, offsets, index, lsbc_count_of(&held) / n_field, &rows) == 0 &&
      (weights = lsbc_hold(&held, weight, "weight", sizeof(double), (Py_ssize_t)rows.offsets[rows.n_row], 0)) != NULL &&
      (out = lsbc_hold(&held, out_array, "out", sizeof(double), (Py_ssize_t)rows.n_row * n_field, 1)) != NULL) {
    int64_t status;
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_weighted_rows(&rows, weights, value, n_field, out);
    Py_END_ALLOW_THREADS
    result = bad_entry(status);
  }
  lsbc_release(&held);
  return result;
}

static PyObject *group_by(PyObject *self, PyObject *args) {
  PyObject *group, *result = NULL, *offsets = NULL, *order = NULL;
  Py_ssize_t n_group;
  buffers held = {0};
  (void)self;
  if (!PyArg_ParseTuple(args, "On", &group, &n_group)) return NULL;
  if (n_group < 0) return PyErr_Format(PyExc_ValueError, "n_group must not be negative, got %zd.", n_group);
  const int64_t *of = lsbc_hold(&held, group, "group", sizeof(int64_t), -1, 0);
  Py_ssize_t n = of ? lsbc_count_of(&held) : 0, bad = 0;
  while (of && bad < n && of[bad] >= 0 && of[bad] < n_group) bad++;
  if (of && bad < n) PyErr_Format(PyExc_ValueError, "item %zd is in group %lld of %zd.", bad, (long long)of[bad], n_group);
  else if (of && (offsets = lsbc_bytes_of(NULL, 0, 1)) && (order = lsbc_bytes_of(NULL, 0, 1)) &&
           PyByteArray_Resize(offsets, (Py_ssize_t)sizeof(int64_t) * (n_group + 1)) == 0 &&
           PyByteArray_Resize(order, (Py_ssize_t)sizeof(int64_t) * n) == 0) {
    int64_t *first = (int64_t *)PyByteArray_AsString(offsets), *list = (int64_t *)PyByteArray_AsString(order);
    Py_BEGIN_ALLOW_THREADS
    lsbc_group_by(of, n, n_group, first, list);
    Py_END_ALLOW_THREADS
    result = Py_BuildValue("(OO)", offsets, order);
  }
  Py_XDECREF(offsets);
  Py_XDECREF(order);
  lsbc_release(&held);
  return result;
}

PyMethodDef lsbc_rows_methods[] = {
    {"class_sums", class_sums, METH_VARARGS,
     "class_sums(offsets, index, weight, category, n_category, no_data, sums): integer sums by class, in place"},
    {"weighted_rows", weighted_rows, METH_VARARGS,
     "weighted_rows(offsets, index, weight, values, n_field, out): sums in the order of the entries, in place"},
    {"group_by", group_by, METH_VARARGS, "group_by(group, n_group) -> offsets of the groups, stable order by group"},
    {NULL, NULL, 0, NULL}};
