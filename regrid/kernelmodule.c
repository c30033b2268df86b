/* Python face of the kernels: buffers in, byte arrays out, nothing computed here. Stable ABI only. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel.h"

#define MAX_BUFFER 8

/* The buffers of one call, so that every way out releases them. */
typedef struct {
  int n;
  Py_buffer view[MAX_BUFFER];
} buffers;

static void release(buffers *held) {
  while (held->n > 0) PyBuffer_Release(&held->view[--held->n]);
}

/* A C-contiguous buffer of `count` items of `item` bytes (count -1: any number); NULL with an exception otherwise. */
static void *hold(buffers *held, PyObject *object, const char *name, Py_ssize_t item, Py_ssize_t count, int writable) {
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

static Py_ssize_t count_of(const buffers *held) {
  const Py_buffer *view = &held->view[held->n - 1];
  return view->len / view->itemsize;
}

/* Corner arrays of n_polygon x n_vertex doubles. */
static int hold_polygons(buffers *held, PyObject *lon, PyObject *lat, Py_ssize_t n_vertex, int great_circle,
                         lsbc_polygons *out) {
  if (n_vertex < 1) {
    PyErr_Format(PyExc_ValueError, "n_vertex must be positive, got %zd.", n_vertex);
    return -1;
  }
  out->lon_deg = hold(held, lon, "lon_deg", sizeof(double), -1, 0);
  if (!out->lon_deg) return -1;
  Py_ssize_t n = count_of(held);
  out->lat_deg = hold(held, lat, "lat_deg", sizeof(double), n, 0);
  if (!out->lat_deg) return -1;
  if (n % n_vertex) {
    PyErr_Format(PyExc_ValueError, "%zd corners are not a multiple of n_vertex = %zd.", n, n_vertex);
    return -1;
  }
  out->n_polygon = n / n_vertex;
  out->n_vertex = n_vertex;
  out->great_circle = great_circle;
  return 0;
}

static PyObject *bytes_of(const void *data, int64_t n, size_t item) {
  return PyByteArray_FromStringAndSize(n ? data : NULL, (Py_ssize_t)((size_t)n * item));
}

static PyObject *polygon_areas(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *area = NULL;
  Py_ssize_t n_vertex;
  int great_circle, status;
  buffers held = {0};
  lsbc_polygons polygons;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOnp", &lon, &lat, &n_vertex, &great_circle)) return NULL;
  if (hold_polygons(&held, lon, lat, n_vertex, great_circle, &polygons) == 0 &&
      (area = bytes_of(NULL, 0, 1)) != NULL &&
      PyByteArray_Resize(area, (Py_ssize_t)sizeof(double) * polygons.n_polygon) == 0) {
    double *out = (double *)PyByteArray_AsString(area);
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_polygon_areas(&polygons, out);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
  }
  release(&held);
  if (PyErr_Occurred()) Py_CLEAR(area);
  return area;
}

static PyObject *overlap(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *area = NULL, *result = NULL;
  Py_ssize_t n_vertex, n_lat, n_lon;
  int great_circle, status;
  buffers held = {0};
  lsbc_polygons polygons;
  lsbc_overlaps found = {0};
  (void)self;
  if (!PyArg_ParseTuple(args, "OOnnnp", &lon, &lat, &n_vertex, &n_lat, &n_lon, &great_circle)) return NULL;
  if (n_lat < 1 || n_lon < 1) return PyErr_Format(PyExc_ValueError, "lattice of %zd x %zd cells.", n_lat, n_lon);
  if (hold_polygons(&held, lon, lat, n_vertex, great_circle, &polygons) == 0 &&
      (area = bytes_of(NULL, 0, 1)) != NULL &&
      PyByteArray_Resize(area, (Py_ssize_t)sizeof(double) * polygons.n_polygon) == 0) {
    double *out = (double *)PyByteArray_AsString(area);
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_overlap(&polygons, n_lat, n_lon, &found, out);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
    else result = Py_BuildValue("(NNNO)", bytes_of(found.polygon, found.n, sizeof(int64_t)),
                                bytes_of(found.cell, found.n, sizeof(int64_t)),
                                bytes_of(found.area_sr, found.n, sizeof(double)), area);
  }
  lsbc_overlaps_free(&found);
  release(&held);
  Py_XDECREF(area);
  return result;
}

static int hold_rows(buffers *held, PyObject *offsets, PyObject *index, Py_ssize_t n_column, lsbc_rows *rows) {
  rows->offsets = hold(held, offsets, "offsets", sizeof(int64_t), -1, 0);
  if (!rows->offsets) return -1;
  rows->n_row = count_of(held) - 1;
  rows->index = hold(held, index, "index", sizeof(int32_t), -1, 0);
  if (!rows->index) return -1;
  int64_t n_entry = count_of(held);
  rows->n_column = n_column;
  int ordered = rows->n_row >= 0 && rows->offsets[0] == 0 && rows->offsets[rows->n_row] == n_entry;
  for (int64_t k = 0; ordered && k < rows->n_row; k++) ordered = rows->offsets[k] <= rows->offsets[k + 1];
  if (ordered) return 0;
  PyErr_SetString(PyExc_ValueError, "offsets must rise from 0 to the number of entries.");
  return -1;
}

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
  const uint8_t *classes = hold(&held, category, "category", 1, -1, 0);
  const int64_t *weights;
  int64_t *out;
  if (classes && hold_rows(&held, offsets, index, count_of(&held), &rows) == 0 &&
      (weights = hold(&held, weight, "weight", sizeof(int64_t), (Py_ssize_t)rows.offsets[rows.n_row], 0)) != NULL &&
      (out = hold(&held, sums, "sums", sizeof(int64_t), (Py_ssize_t)rows.n_row * n_category, 1)) != NULL) {
    int64_t status;
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_class_sums(&rows, weights, classes, n_category, no_data, out);
    Py_END_ALLOW_THREADS
    result = bad_entry(status);
  }
  release(&held);
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
  const double *value = hold(&held, values, "values", sizeof(double), -1, 0), *weights;
  double *out;
  if (value && hold_rows(&held, offsets, index, count_of(&held) / n_field, &rows) == 0 &&
      (weights = hold(&held, weight, "weight", sizeof(double), (Py_ssize_t)rows.offsets[rows.n_row], 0)) != NULL &&
      (out = hold(&held, out_array, "out", sizeof(double), (Py_ssize_t)rows.n_row * n_field, 1)) != NULL) {
    int64_t status;
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_weighted_rows(&rows, weights, value, n_field, out);
    Py_END_ALLOW_THREADS
    result = bad_entry(status);
  }
  release(&held);
  return result;
}

static PyMethodDef methods[] = {
    {"polygon_areas", polygon_areas, METH_VARARGS,
     "polygon_areas(lon_deg, lat_deg, n_vertex, great_circle) -> signed areas, counter-clockwise positive"},
    {"overlap", overlap, METH_VARARGS,
     "overlap(lon_deg, lat_deg, n_vertex, n_lat, n_lon, great_circle) -> polygon, cell, area, polygon area"},
    {"class_sums", class_sums, METH_VARARGS,
     "class_sums(offsets, index, weight, category, n_category, no_data, sums): integer sums by class, in place"},
    {"weighted_rows", weighted_rows, METH_VARARGS,
     "weighted_rows(offsets, index, weight, values, n_field, out): sums in the order of the entries, in place"},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "lsbc.regrid._kernel",
                                    "Overlap areas and sums in C; see kernel.h.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&module); }
