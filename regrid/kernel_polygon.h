/* One polygon made ready: vertices without repeats, longitudes wrapped, poles and winding known. Knows no lattice. */
#ifndef LSBC_KERNEL_POLYGON_H
#define LSBC_KERNEL_POLYGON_H

#include <stdint.h>

#include "kernel_edge.h"

typedef struct {
  double lon_deg;      /* [-180, 180) */
  lsbc_parallel lat;
  int pole;            /* +1, -1: the longitude means nothing (great-circle polygons only) */
} lsbc_vertex;

/* A stretch of the outline: an edge, or a run along a pole. Meridians are left out, they enclose nothing. */
typedef struct {
  double west_deg;     /* western end, [-180, 180) */
  double sign;         /* -1: traversed eastwards, +1: westwards */
  int pole;            /* 0: an edge; +1, -1: a run of edge.span along that pole */
  lsbc_edge edge;
} lsbc_stretch;

typedef struct {
  int64_t n_vertex, n_stretch;
  lsbc_vertex *vertex;
  lsbc_stretch *stretch;    /* room for twice the vertices */
  double first_deg, west_deg, east_deg;   /* a longitude, and how far the outline reaches west and east of it */
  double low_deg, high_deg;               /* latitudes reached */
  int winding;                            /* +1, -1: runs round a pole, eastwards or westwards */
  int pole;                               /* the pole inside, or 0 */
} lsbc_outline;

int lsbc_outline_allocate(lsbc_outline *outline, int64_t n_vertex);   /* 0, or -1 without memory */
void lsbc_outline_free(lsbc_outline *outline);

void lsbc_outline_read(lsbc_outline *outline, const double *lon_deg, const double *lat_deg, int64_t n_vertex,
                       int edges);

/* Signed area from the vertices alone, by triangles (great circles) or edge by edge. */
double lsbc_outline_area(const lsbc_outline *outline, int edges);

#endif
