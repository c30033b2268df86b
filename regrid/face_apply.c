/* Python face of the products of weights and fields. */
#include "face.h"
#include "kernel_apply.h"

static PyObject *failure(int64_t status) {
  if (status == -1) return PyErr_NoMemory();
  if (status == -2) PyErr_SetString(PyExc_ValueError, "offsets must rise from 0 to the number of entries.");
  else PyErr_Format(PyExc_ValueError, "entry %lld names a column that is out of range.", (long long)status - 1);
  return NULL;
}

/* scale and least are None or arrays of n_row; 0, or -1 with an exception. */
static int hold_optional(buffers *held, PyObject *object, const char *name, int64_t n_row, const double **out) {
  *out = NULL;
  if (object == Py_None) return 0;
  *out = lsbc_hold(held, object, name, sizeof(double), (Py_ssize_t)n_row, 0);
  return *out ? 0 : -1;
}

static int hold_product(buffers *held, PyObject *parts[5], lsbc_product *product) {
  lsbc_rows *rows = &product->rows;
  rows->offsets = lsbc_hold(held, parts[0], "offsets", sizeof(int64_t), -1, 0);
  if (!rows->offsets) return -1;
  rows->n_row = lsbc_count_of(held) - 1;
  rows->index = lsbc_hold(held, parts[1], "index", sizeof(int32_t), -1, 0);
  if (!rows->index) return -1;
  product->n_entry = lsbc_count_of(held);
  product->weight = lsbc_hold(held, parts[2], "weight", sizeof(double), (Py_ssize_t)product->n_entry, 0);
  if (!product->weight || hold_optional(held, parts[3], "scale", rows->n_row, &product->scale)) return -1;
  return hold_optional(held, parts[4], "least", rows->n_row, &product->least);
}

static int check_range(const lsbc_product *product, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_field, int lanes) {
  int64_t n_row = product->rows.n_row;
  if (n_field >= 1 && 0 <= first && first <= last && last <= n_row && 1 <= lanes && lanes <= lsbc_apply_lanes()) return 0;
  PyErr_Format(PyExc_ValueError, "rows %zd to %zd of %lld, %zd fields, vectors of %d: out of range.", first, last,
               (long long)n_row, n_field, lanes);
  return -1;
}

static PyObject *apply(PyObject *self, PyObject *args) {
  PyObject *parts[5], *values, *out, *result = NULL;
  Py_ssize_t n_field, first, last;
  int lanes;
  buffers held = {0};
  lsbc_product product = {0};
  lsbc_fields fields = {0};
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOOOOnpnniO", &parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &values, &n_field,
                        &fields.is_float, &first, &last, &lanes, &out)) return NULL;
  Py_ssize_t item = fields.is_float ? sizeof(float) : sizeof(double);
  if (hold_product(&held, parts, &product) == 0 && check_range(&product, first, last, n_field, lanes) == 0 &&
      (fields.values = lsbc_hold(&held, values, "values", item, -1, 0)) != NULL) {
    fields.n_field = n_field;
    product.rows.n_column = lsbc_count_of(&held) / n_field;
    fields.out = lsbc_hold(&held, out, "out", item, (Py_ssize_t)product.rows.n_row * n_field, 1);
    if (fields.out) {
      int64_t status;
      Py_BEGIN_ALLOW_THREADS
      status = lsbc_apply(&product, &fields, first, last, lanes);
      Py_END_ALLOW_THREADS
      result = status ? failure(status) : Py_NewRef(Py_None);
    }
  }
  lsbc_release(&held);
  return result;
}

static PyObject *apply_lanes(PyObject *self, PyObject *none) {
  (void)self, (void)none;
  return PyLong_FromLong(lsbc_apply_lanes());
}

PyMethodDef lsbc_apply_methods[] = {
    {"apply", apply, METH_VARARGS,
     "apply(offsets, index, weight, scale, least, values, n_field, is_float, first, last, lanes, out): rows first..last-1 of\n"
     "weights times fields in place; see kernel_apply.h"},
    {"apply_lanes", apply_lanes, METH_NOARGS, "apply_lanes() -> doubles in the widest vector: 2, 4 or 8"},
    {NULL, NULL, 0, NULL}};
