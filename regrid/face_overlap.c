/* Python face of the areas and overlaps. */
#include "face.h"

/* Corner arrays of n_polygon x n_vertex doubles. */
static int hold_polygons(buffers *held, PyObject *lon, PyObject *lat, Py_ssize_t n_vertex, int great_circle,
                         lsbc_polygons *out) {
  if (n_vertex < 1) {
    PyErr_Format(PyExc_ValueError, "n_vertex must be positive, got %zd.", n_vertex);
    return -1;
  }
  out->lon_deg = lsbc_hold(held, lon, "lon_deg", sizeof(double), -1, 0);
  if (!out->lon_deg) return -1;
  Py_ssize_t n = lsbc_count_of(held);
  out->lat_deg = lsbc_hold(held, lat, "lat_deg", sizeof(double), n, 0);
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

static PyObject *polygon_areas(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *area = NULL;
  Py_ssize_t n_vertex;
  int great_circle, status;
  buffers held = {0};
  lsbc_polygons polygons;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOnp", &lon, &lat, &n_vertex, &great_circle)) return NULL;
  if (hold_polygons(&held, lon, lat, n_vertex, great_circle, &polygons) == 0 &&
      (area = lsbc_bytes_of(NULL, 0, 1)) != NULL &&
      PyByteArray_Resize(area, (Py_ssize_t)sizeof(double) * polygons.n_polygon) == 0) {
    double *out = (double *)PyByteArray_AsString(area);
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_polygon_areas(&polygons, out);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
  }
  lsbc_release(&held);
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
      (area = lsbc_bytes_of(NULL, 0, 1)) != NULL &&
      PyByteArray_Resize(area, (Py_ssize_t)sizeof(double) * polygons.n_polygon) == 0) {
    double *out = (double *)PyByteArray_AsString(area);
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_overlap(&polygons, n_lat, n_lon, &found, out);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
    else result = Py_BuildValue("(NNNO)", lsbc_bytes_of(found.polygon, found.n, sizeof(int64_t)),
                                lsbc_bytes_of(found.cell, found.n, sizeof(int64_t)),
                                lsbc_bytes_of(found.area_sr, found.n, sizeof(double)), area);
  }
  lsbc_overlaps_free(&found);
  lsbc_release(&held);
  Py_XDECREF(area);
  return result;
}

PyMethodDef lsbc_overlap_methods[] = {
    {"polygon_areas", polygon_areas, METH_VARARGS,
     "polygon_areas(lon_deg, lat_deg, n_vertex, great_circle) -> signed areas, counter-clockwise positive"},
    {"overlap", overlap, METH_VARARGS,
     "overlap(lon_deg, lat_deg, n_vertex, n_lat, n_lon, great_circle) -> polygon, cell, area, polygon area"},
    {NULL, NULL, 0, NULL}};
