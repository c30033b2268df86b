/* Python face of the nearest cells and bilinear patches. */
#include "face.h"

PyMethodDef lsbc_points_methods[] = {
    {NULL, NULL, 0, NULL}};
