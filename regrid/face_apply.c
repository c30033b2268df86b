/* Python face of the products of weights and fields. */
#include "face.h"

PyMethodDef lsbc_apply_methods[] = {
    {NULL, NULL, 0, NULL}};
