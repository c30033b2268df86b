/* Python face of the intersections of any two polygons. */
#include "face.h"

PyMethodDef lsbc_clip_methods[] = {
    {NULL, NULL, 0, NULL}};
