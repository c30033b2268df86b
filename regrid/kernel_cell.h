/* One cell made ready for clipping: corners without repeats, a plane of its own in which its edges are straight, its area.
 * Great circles are straight in the gnomonic plane that touches the sphere at the cell's middle; the other two conventions
 * in longitude and latitude (or its sine) relative to the first corner. Knows no second cell and no Python. */
#ifndef LSBC_KERNEL_CELL_H
#define LSBC_KERNEL_CELL_H

#include <stdint.h>

#include "kernel_sphere.h"
#include "kernel_tree.h"

#define LSBC_EXTRA_CORNERS 3     /* added to a cell that winds round a pole */

typedef struct {
  double lon_deg, lat_deg;   /* longitude in [-180, 180) */
  double cos;                /* of the latitude */
  double unit[3];
  double flat[2];            /* in the cell's own plane, radians */
  int turn;                  /* whole turns to add to the longitude (not for great circles) */
} lsbc_corner;

typedef struct {
  int64_t n;                 /* corners */
  lsbc_corner *corner;       /* counter-clockwise */
  int edges, convex;
  double lon_deg, lat_deg, sin, cos;   /* origin of the plane */
  double area_sr;
  double west_deg, east_deg;           /* reach of the longitudes from the origin (not for great circles) */
  lsbc_box box;
} lsbc_cell;

/* Sines and cosines met lately: the cells of a row repeat them. Start with {0}. */
typedef struct {
  double lat_deg[64], lat_sin[64], lat_cos[64], lon_deg[64], lon_sin[64], lon_cos[64];
  int known_lat[64], known_lon[64];
} lsbc_memo;

/* Reads n corners into cell->corner, which has room for n + LSBC_EXTRA_CORNERS. Returns 0, or 1 where there are
 * fewer than three, a great-circle cell reaches 80 degrees from its middle, or another has an edge half round the globe. */
int lsbc_cell_read(lsbc_cell *cell, const double *lon_deg, const double *lat_deg, int64_t n, int edges, lsbc_memo *memo);

/* A corner in the axes of another cell's plane; the edge a, b is the line of all p with (a x b) . (p, 1) = 0. */
void lsbc_cell_place(const lsbc_cell *frame, const lsbc_corner *corner, int turn, double out[3]);

/* The vector `local` from the axes of the cell's plane (great circles) to those of the globe. */
void lsbc_cell_unplace(const lsbc_cell *frame, const double local[3], double out[3]);

#endif
