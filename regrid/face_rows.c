/* Python face of the sums over rows. */
#include "face.h"

#include <string.h>

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

/* New byte arrays of the sizes asked for; all or none. */
static int new_arrays(PyObject **array, const Py_ssize_t *n_byte, int n) {
  for (int k = 0; k < n; k++) array[k] = NULL;
  for (int k = 0; k < n; k++) {
    array[k] = lsbc_bytes_of(NULL, 0, 1);
    if (array[k] && PyByteArray_Resize(array[k], n_byte[k]) == 0) continue;
    for (int j = 0; j <= k; j++) Py_CLEAR(array[j]);
    return -1;
  }
  return 0;
}

static PyObject *group_entries(PyObject *self, PyObject *args) {
  PyObject *source, *destination, *area, *made[4], *result = NULL;
  Py_ssize_t n_group;
  buffers held = {0};
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOn", &source, &destination, &area, &n_group)) return NULL;
  if (n_group < 0) return PyErr_Format(PyExc_ValueError, "n_destination must not be negative, got %zd.", n_group);
  lsbc_entries from = {.destination = lsbc_hold(&held, destination, "destination", sizeof(int64_t), -1, 0)};
  Py_ssize_t n = from.destination ? lsbc_count_of(&held) : 0, bad = 0;
  if (from.destination && (from.source = lsbc_hold(&held, source, "source", sizeof(int64_t), n, 0)) != NULL &&
      (from.area_sr = lsbc_hold(&held, area, "area_sr", sizeof(double), n, 0)) != NULL) {
    while (bad < n && from.destination[bad] >= 0 && from.destination[bad] < n_group) bad++;
    const Py_ssize_t n_byte[4] = {8 * (n_group + 1), 8 * n, 8 * n, 8 * n};
    if (bad < n) {
      PyErr_Format(PyExc_ValueError, "entry %zd is of destination %lld of %zd.", bad, (long long)from.destination[bad], n_group);
    } else if (new_arrays(made, n_byte, 4) == 0) {
      int64_t *offsets = (int64_t *)PyByteArray_AsString(made[0]);
      lsbc_entries to = {(int64_t *)PyByteArray_AsString(made[1]), (int64_t *)PyByteArray_AsString(made[2]),
                         (double *)PyByteArray_AsString(made[3])};
      Py_BEGIN_ALLOW_THREADS
      lsbc_group_entries(&from, n, n_group, offsets, &to);
      Py_END_ALLOW_THREADS
      result = Py_BuildValue("(NNNN)", made[0], made[1], made[2], made[3]);
    }
  }
  lsbc_release(&held);
  return result;
}

static PyObject *conservative_rows(PyObject *self, PyObject *args) {
  PyObject *offsets, *area, *cell_area, *made[2], *result = NULL;
  int by_cover;
  double full;
  buffers held = {0};
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOpd", &offsets, &area, &cell_area, &by_cover, &full)) return NULL;
  const double *areas = lsbc_hold(&held, area, "area_sr", sizeof(double), -1, 0), *cells;
  Py_ssize_t n = areas ? lsbc_count_of(&held) : 0;
  if (areas && (cells = lsbc_hold(&held, cell_area, "cell_area_sr", sizeof(double), -1, 0)) != NULL) {
    Py_ssize_t n_row = lsbc_count_of(&held);
    const int64_t *first = lsbc_hold(&held, offsets, "offsets", sizeof(int64_t), n_row + 1, 0);
    int ordered = first && first[0] == 0 && first[n_row] == n;
    for (Py_ssize_t k = 0; ordered && k < n_row; k++) ordered = first[k] <= first[k + 1];
    const Py_ssize_t n_byte[2] = {8 * n, 8 * n_row};
    if (first && !ordered) {
      PyErr_SetString(PyExc_ValueError, "offsets must rise from 0 to the number of entries.");
    } else if (first && new_arrays(made, n_byte, 2) == 0) {
      double *weight = (double *)PyByteArray_AsString(made[0]), *share = (double *)PyByteArray_AsString(made[1]);
      Py_BEGIN_ALLOW_THREADS
      memset(weight, 0, (size_t)n_byte[0]);
      lsbc_conservative_rows(n_row, first, areas, cells, by_cover, full, weight, share);
      Py_END_ALLOW_THREADS
      result = Py_BuildValue("(NN)", made[0], made[1]);
    }
  }
  lsbc_release(&held);
  return result;
}

PyMethodDef lsbc_rows_methods[] = {
    {"class_sums", class_sums, METH_VARARGS,
     "class_sums(offsets, index, weight, category, n_category, no_data, sums): integer sums by class, in place"},
    {"weighted_rows", weighted_rows, METH_VARARGS,
     "weighted_rows(offsets, index, weight, values, n_field, out): sums in the order of the entries, in place"},
    {"group_entries", group_entries, METH_VARARGS,
     "group_entries(source, destination, area, n_destination) -> offsets, and the three in stable order by destination"},
    {"conservative_rows", conservative_rows, METH_VARARGS,
     "conservative_rows(offsets, area, cell_area, by_cover, full) -> weights, covered share of each row"},
    {NULL, NULL, 0, NULL}};
