/* Python face of the areas and overlaps. */
#include "face.h"

/* Corner arrays of n_polygon x n_vertex doubles. */
static int hold_polygons(buffers *held, PyObject *lon, PyObject *lat, Py_ssize_t n_vertex, int edges,
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
  out->edges = edges;
  return 0;
}

static PyObject *polygon_areas(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *area = NULL;
  Py_ssize_t n_vertex;
  int edges, status;
  buffers held = {0};
  lsbc_polygons polygons;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOni", &lon, &lat, &n_vertex, &edges)) return NULL;
  if (hold_polygons(&held, lon, lat, n_vertex, edges, &polygons) == 0 &&
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

/* Run one of the two overlaps, boxes or (boxes NULL) a lattice, and hand over what it found. */
static PyObject *found_by(const lsbc_polygons *polygons, const lsbc_boxes *boxes, Py_ssize_t n_lat, Py_ssize_t n_lon) {
  lsbc_overlaps found = {0};
  PyObject *result = NULL, *area = lsbc_bytes_of(NULL, 0, 1);
  if (area && PyByteArray_Resize(area, (Py_ssize_t)sizeof(double) * polygons->n_polygon) == 0) {
    double *out = (double *)PyByteArray_AsString(area);
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = boxes ? lsbc_overlap_boxes(polygons, boxes, &found, out)
                   : lsbc_overlap_lattice(polygons, n_lat, n_lon, &found, out);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
    else result = Py_BuildValue("(NNNO)", lsbc_bytes_of(found.polygon, found.n, sizeof(int64_t)),
                                lsbc_bytes_of(found.cell, found.n, sizeof(int64_t)),
                                lsbc_bytes_of(found.area_sr, found.n, sizeof(double)), area);
  }
  lsbc_overlaps_free(&found);
  Py_XDECREF(area);
  return result;
}

static PyObject *overlap_lattice(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *result = NULL;
  Py_ssize_t n_vertex, n_lat, n_lon;
  int edges;
  buffers held = {0};
  lsbc_polygons polygons;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOnnni", &lon, &lat, &n_vertex, &n_lat, &n_lon, &edges)) return NULL;
  if (n_lat < 1 || n_lon < 1) return PyErr_Format(PyExc_ValueError, "lattice of %zd x %zd cells.", n_lat, n_lon);
  if (hold_polygons(&held, lon, lat, n_vertex, edges, &polygons) == 0) result = found_by(&polygons, NULL, n_lat, n_lon);
  lsbc_release(&held);
  return result;
}

/* Rising lines, two or more, within the limit and span: what the kernel takes for granted. */
static int hold_lines(buffers *held, PyObject *object, const char *name, double limit_deg, const double **line, int64_t *n) {
  *line = lsbc_hold(held, object, name, sizeof(double), -1, 0);
  if (!*line) return -1;
  *n = lsbc_count_of(held) - 1;
  int sound = *n >= 1 && (*line)[0] >= -limit_deg && (*line)[*n] <= limit_deg && (*line)[*n] - (*line)[0] < 360.0 + 1e-8;
  for (int64_t k = 0; sound && k < *n; k++) sound = (*line)[k] < (*line)[k + 1];
  if (sound) return 0;
  PyErr_Format(PyExc_ValueError, "%s must rise, hold two lines or more and span a turn at most.", name);
  return -1;
}

static PyObject *overlap_boxes(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *lon_edge, *lat_edge, *result = NULL;
  Py_ssize_t n_vertex;
  int edges;
  buffers held = {0};
  lsbc_polygons polygons;
  lsbc_boxes boxes = {0};
  (void)self;
  if (!PyArg_ParseTuple(args, "OOnOOi", &lon, &lat, &n_vertex, &lon_edge, &lat_edge, &edges)) return NULL;
  if (hold_polygons(&held, lon, lat, n_vertex, edges, &polygons) == 0 &&
      hold_lines(&held, lon_edge, "lon_edge_deg", 720.0, &boxes.lon_deg, &boxes.n_lon) == 0 &&
      hold_lines(&held, lat_edge, "lat_edge_deg", 90.0, &boxes.lat_deg, &boxes.n_lat) == 0)
    result = found_by(&polygons, &boxes, 0, 0);
  lsbc_release(&held);
  return result;
}

PyMethodDef lsbc_overlap_methods[] = {
    {"polygon_areas", polygon_areas, METH_VARARGS,
     "polygon_areas(lon_deg, lat_deg, n_vertex, edges) -> signed areas, counter-clockwise positive"},
    {"overlap_lattice", overlap_lattice, METH_VARARGS,
     "overlap_lattice(lon_deg, lat_deg, n_vertex, n_lat, n_lon, edges) -> polygon, cell, area, polygon area"},
    {"overlap_boxes", overlap_boxes, METH_VARARGS,
     "overlap_boxes(lon_deg, lat_deg, n_vertex, lon_edge_deg, lat_edge_deg, edges) -> polygon, box, area, polygon area"},
    {NULL, NULL, 0, NULL}};
