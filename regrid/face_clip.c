/* Python face of the intersections of any two polygons. */
#include "face.h"
#include "kernel_clip.h"

static int hold_cells(buffers *held, PyObject *lon, PyObject *lat, PyObject *live, lsbc_cells *out) {
  out->live = lsbc_hold(held, live, "live", 1, -1, 0);
  if (!out->live) return -1;
  out->n_cell = lsbc_count_of(held);
  out->lon_deg = lsbc_hold(held, lon, "lon_deg", sizeof(double), -1, 0);
  if (!out->lon_deg) return -1;
  Py_ssize_t n = lsbc_count_of(held);
  out->n_vertex = out->n_cell ? n / out->n_cell : 0;
  out->lat_deg = lsbc_hold(held, lat, "lat_deg", sizeof(double), n, 0);
  if (!out->lat_deg) return -1;
  if (out->n_cell * out->n_vertex == n) return 0;
  PyErr_Format(PyExc_ValueError, "%zd corners are not a multiple of %zd cells.", n, (Py_ssize_t)out->n_cell);
  return -1;
}

static PyObject *pairs_of(const lsbc_pairs *pairs) {
  return Py_BuildValue("(NNNNiL)", lsbc_bytes_of(pairs->i, pairs->n, sizeof *pairs->i),
                       lsbc_bytes_of(pairs->j, pairs->n, sizeof *pairs->j),
                       lsbc_bytes_of(pairs->area_sr, pairs->n, sizeof *pairs->area_sr),
                       lsbc_bytes_of(pairs->moment, pairs->moment ? 3 * pairs->n : 0, sizeof *pairs->moment),
                       pairs->bad_side, (long long)pairs->bad_cell);
}

static PyObject *clip(PyObject *self, PyObject *args) {
  PyObject *a[3], *b[3], *result = NULL;
  int edges, with_moment, status;
  buffers held = {0};
  lsbc_cells cells_a, cells_b;
  lsbc_pairs pairs = {0};
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOOOOii", &a[0], &a[1], &a[2], &b[0], &b[1], &b[2], &edges, &with_moment)) return NULL;
  if (hold_cells(&held, a[0], a[1], a[2], &cells_a) == 0 && hold_cells(&held, b[0], b[1], b[2], &cells_b) == 0) {
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_clip(&cells_a, &cells_b, edges, with_moment, &pairs);
    Py_END_ALLOW_THREADS
    result = status < 0 ? PyErr_NoMemory() : pairs_of(&pairs);
  }
  lsbc_pairs_free(&pairs);
  lsbc_release(&held);
  return result;
}

static PyObject *cell_moments(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *live, *area, *moment, *result = NULL;
  int edges, with_moment, status;
  int64_t bad_cell = -1;
  buffers held = {0};
  lsbc_cells cells;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOiiOO", &lon, &lat, &live, &edges, &with_moment, &area, &moment)) return NULL;
  if (hold_cells(&held, lon, lat, live, &cells) == 0) {
    double *area_sr = lsbc_hold(&held, area, "area_sr", sizeof(double), cells.n_cell, 1);
    double *out = area_sr ? lsbc_hold(&held, moment, "moment", sizeof(double), 3 * cells.n_cell, 1) : NULL;
    if (out) {
      Py_BEGIN_ALLOW_THREADS
      status = lsbc_cell_moments(&cells, edges, with_moment, area_sr, out, &bad_cell);
      Py_END_ALLOW_THREADS
      result = status < 0 ? PyErr_NoMemory() : PyLong_FromLongLong(bad_cell);
    }
  }
  lsbc_release(&held);
  return result;
}

PyMethodDef lsbc_clip_methods[] = {
    {"clip", clip, METH_VARARGS,
     "clip(lon_a, lat_a, live_a, lon_b, lat_b, live_b, edges, with_moment) -> i, j, areas, moments, bad side, bad cell"},
    {"cell_moments", cell_moments, METH_VARARGS,
     "cell_moments(lon, lat, live, edges, with_moment, area, moment) -> bad cell or -1; fills area (n) and moment (n, 3)"},
    {NULL, NULL, 0, NULL}};
