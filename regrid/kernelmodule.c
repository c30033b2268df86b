/* The extension module: the functions of all faces. */
#include "face.h"

static int add_functions(PyObject *module) {
  PyMethodDef *topics[] = {lsbc_overlap_methods, lsbc_rows_methods, lsbc_clip_methods, lsbc_points_methods, lsbc_apply_methods};
  for (size_t k = 0; k < sizeof topics / sizeof *topics; k++)
    if (PyModule_AddFunctions(module, topics[k])) return -1;
  return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_functions}, {0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "lsbc.regrid._kernel",
                                    "Overlap areas, patches and sums in C; see kernel.h.", 0, NULL, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&module); }
