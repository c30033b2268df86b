/* Python face of the products of weights and fields. */
#include "face.h"
#include "kernel_apply.h"

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

/* Checks what is not the length of a buffer; 0, or -1 with an exception. */
static int check_numbers(const lsbc_product *product, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_field, int lanes) {
  const int64_t n_row = product->rows.n_row;
  const int is_width = lanes == 1 || lanes == 2 || lanes == 4 || lanes == 8;
  if (n_field >= 1 && 0 <= first && first <= last && last <= n_row && is_width && lanes <= lsbc_apply_lanes()) return 0;
  PyErr_Format(PyExc_ValueError, "rows %zd to %zd of %lld, %zd fields, vectors of %d: out of range.", first, last,
               (long long)n_row, n_field, lanes);
  return -1;
}

/* Values, out and scratch; 0, or -1 with an exception. */
static int hold_fields(buffers *held, PyObject *values, PyObject *out, PyObject *scratch, lsbc_product *product,
                       lsbc_fields *fields, double **work) {
  const Py_ssize_t item = fields->is_float ? sizeof(float) : sizeof(double);
  fields->values = lsbc_hold(held, values, "values", item, -1, 0);
  if (!fields->values) return -1;
  product->rows.n_column = lsbc_count_of(held) / fields->n_field;
  fields->out = lsbc_hold(held, out, "out", item, (Py_ssize_t)(product->rows.n_row * fields->n_field), 1);
  if (!fields->out) return -1;
  *work = lsbc_hold(held, scratch, "scratch", sizeof(double), -1, 1);
  if (!*work) return -1;
  if (lsbc_count_of(held) >= lsbc_apply_scratch(product, fields->n_field)) return 0;
  PyErr_SetString(PyExc_ValueError, "scratch is too small; apply_scratch tells the number of doubles.");
  return -1;
}

static PyObject *apply(PyObject *self, PyObject *args) {
  PyObject *parts[5], *values, *scratch, *out;
  Py_ssize_t n_field, first, last;
  int lanes;
  double *work;
  buffers held = {0};
  lsbc_product product = {0};
  lsbc_fields fields = {0};
  int64_t status = -1;
  (void)self;
  if (!PyArg_ParseTuple(args, "OOOOOOnpOnniO", &parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &values, &n_field,
                        &fields.is_float, &out, &first, &last, &lanes, &scratch)) return NULL;
  fields.n_field = n_field;
  if (hold_product(&held, parts, &product) == 0 && check_numbers(&product, first, last, n_field, lanes) == 0 &&
      hold_fields(&held, values, out, scratch, &product, &fields, &work) == 0) {
    Py_BEGIN_ALLOW_THREADS
    status = lsbc_apply(&product, &fields, first, last, lanes, work);
    Py_END_ALLOW_THREADS
    if (status == -2) PyErr_SetString(PyExc_ValueError, "offsets must rise from 0 to the number of entries.");
    if (status > 0) PyErr_Format(PyExc_ValueError, "entry %lld names a column that is out of range.", (long long)status - 1);
  }
  lsbc_release(&held);
  return status ? NULL : Py_NewRef(Py_None);
}

static PyObject *apply_lanes(PyObject *self, PyObject *none) {
  (void)self, (void)none;
  return PyLong_FromLong(lsbc_apply_lanes());
}

static PyObject *apply_scratch(PyObject *self, PyObject *args) {
  Py_ssize_t n_entry, n_column, n_field;
  (void)self;
  if (!PyArg_ParseTuple(args, "nnn", &n_entry, &n_column, &n_field)) return NULL;
  if (n_entry < 0 || n_column < 0 || n_field < 1) return PyErr_Format(PyExc_ValueError, "sizes out of range.");
  const lsbc_product product = {.rows = {.n_column = n_column}, .n_entry = n_entry};
  return PyLong_FromSsize_t((Py_ssize_t)lsbc_apply_scratch(&product, n_field));
}

PyMethodDef lsbc_apply_methods[] = {
    {"apply", apply, METH_VARARGS,
     "apply(offsets, index, weight, scale, least, values, n_field, is_float, out, first, last, lanes, scratch): rows\n"
     "first..last-1 of weights times fields, in place; see kernel_apply.h"},
    {"apply_lanes", apply_lanes, METH_NOARGS, "apply_lanes() -> doubles in the widest vector: 2, 4 or 8"},
    {"apply_scratch", apply_scratch, METH_VARARGS, "apply_scratch(n_entry, n_column, n_field) -> doubles of scratch memory"},
    {NULL, NULL, 0, NULL}};
