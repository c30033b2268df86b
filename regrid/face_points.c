/* Python face of the nearest cells and bilinear patches. */
#include "face.h"

#include <string.h>

#include "kernel_patch.h"
#include "kernel_place.h"

/* Two arrays of doubles of one length, longitude and latitude in degrees; the length, or -1 with an exception. */
static Py_ssize_t hold_places(buffers *held, PyObject *lon, PyObject *lat, const double **lon_deg, const double **lat_deg) {
  *lon_deg = lsbc_hold(held, lon, "lon_deg", sizeof(double), -1, 0);
  if (!*lon_deg) return -1;
  Py_ssize_t n = lsbc_count_of(held);
  *lat_deg = lsbc_hold(held, lat, "lat_deg", sizeof(double), n, 0);
  return *lat_deg ? n : -1;
}

/* A byte array of n items to be filled. */
static void *new_array(PyObject **array, Py_ssize_t n, size_t item) {
  *array = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)((size_t)n * item));
  return *array ? PyByteArray_AsString(*array) : NULL;
}

static PyObject *nearest(PyObject *self, PyObject *args) {
  PyObject *source_lon, *source_lat, *lon, *lat, *result = NULL;
  const double *source[2], *point[2];
  Py_ssize_t n_source, n_point;
  buffers held = {0};
  int64_t *out;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOO", &source_lon, &source_lat, &lon, &lat)) return NULL;
  if ((n_source = hold_places(&held, source_lon, source_lat, &source[0], &source[1])) >= 0 &&
      (n_point = hold_places(&held, lon, lat, &point[0], &point[1])) >= 0 &&
      (out = new_array(&result, n_point, sizeof *out)) != NULL) {
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_nearest(n_source, source[0], source[1], n_point, point[0], point[1], out);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
  }
  lsbc_release(&held);
  if (PyErr_Occurred()) Py_CLEAR(result);
  return result;
}

static PyObject *place_vectors(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *result = NULL;
  const double *point[2];
  Py_ssize_t n;
  buffers held = {0};
  double *out;
  (void)self;
  if (!PyArg_ParseTuple(args, "OO", &lon, &lat)) return NULL;
  if ((n = hold_places(&held, lon, lat, &point[0], &point[1])) >= 0 && (out = new_array(&result, 3 * n, sizeof *out)) != NULL)
    for (Py_ssize_t k = 0; k < n; k++) memcpy(&out[3 * k], lsbc_place_at(point[0][k], point[1][k]).xyz, 3 * sizeof *out);
  lsbc_release(&held);
  return result;
}

static PyObject *same_place(PyObject *self, PyObject *args) {
  PyObject *lon, *lat, *result = NULL;
  const double *point[2];
  double reach;
  Py_ssize_t n;
  buffers held = {0};
  int64_t *out;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOd", &lon, &lat, &reach)) return NULL;
  if ((n = hold_places(&held, lon, lat, &point[0], &point[1])) >= 0 && (out = new_array(&result, n, sizeof *out)) != NULL) {
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_same_place(n, point[0], point[1], reach, out);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
  }
  lsbc_release(&held);
  if (PyErr_Occurred()) Py_CLEAR(result);
  return result;
}

/* Nodes and the corners of the patches between them; 0, or -1 with an exception. */
static int hold_patches(buffers *held, PyObject *lon, PyObject *lat, PyObject *corner, lsbc_patches *patches) {
  patches->n_node = hold_places(held, lon, lat, &patches->lon_deg, &patches->lat_deg);
  if (patches->n_node < 0) return -1;
  patches->corner = lsbc_hold(held, corner, "corner", sizeof(int64_t), -1, 0);
  if (!patches->corner) return -1;
  Py_ssize_t n = lsbc_count_of(held);
  patches->n_patch = n / 4;
  int sound = n % 4 == 0;
  for (Py_ssize_t k = 0; sound && k < n; k++)
    sound = patches->corner[k] < patches->n_node && patches->corner[k] >= (k % 4 == 3 ? -1 : 0);
  if (sound) return 0;
  PyErr_SetString(PyExc_ValueError, "corner must hold four nodes a patch, the last -1 for a triangle.");
  return -1;
}

static PyObject *patch_locate(PyObject *self, PyObject *args) {
  PyObject *node_lon, *node_lat, *corner, *lon, *lat, *out[3] = {NULL, NULL, NULL}, *result = NULL;
  const double *point[2];
  Py_ssize_t n;
  buffers held = {0};
  lsbc_patches patches;
  int64_t *patch, *node;
  double *weight;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOOO", &node_lon, &node_lat, &corner, &lon, &lat)) return NULL;
  if (hold_patches(&held, node_lon, node_lat, corner, &patches) == 0 &&
      (n = hold_places(&held, lon, lat, &point[0], &point[1])) >= 0 && (patch = new_array(&out[0], n, sizeof *patch)) &&
      (node = new_array(&out[1], 4 * n, sizeof *node)) && (weight = new_array(&out[2], 4 * n, sizeof *weight))) {
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_patch_locate(&patches, n, point[0], point[1], patch, node, weight);
    Py_END_ALLOW_THREADS
    if (status) PyErr_NoMemory();
    else result = Py_BuildValue("OOO", out[0], out[1], out[2]);
  }
  lsbc_release(&held);
  for (int k = 0; k < 3; k++) Py_XDECREF(out[k]);
  return result;
}

PyMethodDef lsbc_points_methods[] = {
    {"nearest", nearest, METH_VARARGS, "nearest(source_lon_deg, source_lat_deg, lon_deg, lat_deg) -> int64 of each point."},
    {"place_vectors", place_vectors, METH_VARARGS, "place_vectors(lon_deg, lat_deg) -> float64 [n][3] on the unit sphere."},
    {"same_place", same_place, METH_VARARGS, "same_place(lon_deg, lat_deg, reach) -> int64, the lowest point within reach."},
    {"patch_locate", patch_locate, METH_VARARGS,
     "patch_locate(node_lon_deg, node_lat_deg, corner, lon_deg, lat_deg) -> (patch, node[4], weight[4]) of each point."},
    {NULL, NULL, 0, NULL}};
