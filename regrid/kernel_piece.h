/* Convex pieces of a plane in which cell edges are straight: cutting, area on the sphere, first moment.
 * Knows no cell and no Python. */
#ifndef LSBC_KERNEL_PIECE_H
#define LSBC_KERNEL_PIECE_H

#include <stdint.h>

/* sin(x), by its series where that is exact to rounding. */
double lsbc_sine(double x);

/* Keeps the part of `in` with line . (x, y, 1) >= 0; the corners kept. `out` has room for n + 2; `side` for n. */
int64_t lsbc_piece_cut(const double (*in)[2], int64_t n, const double line[3], double *side, double (*out)[2]);

/* Signed area on the unit sphere of a polygon given in the gnomonic plane ... */
double lsbc_gnomonic_area(const double (*p)[2], int64_t n);
/* ... in longitude and latitude relative to a latitude with this sine and cosine ... */
double lsbc_latlon_area(const double (*p)[2], int64_t n, double sin_lat, double cos_lat);
/* ... in longitude and sin(latitude). */
double lsbc_planar_area(const double (*p)[2], int64_t n);

/* Integral of the unit vector over a polygon given in the gnomonic plane, in the axes of that plane. */
void lsbc_gnomonic_moment(const double (*p)[2], int64_t n, double moment[3]);

/* The unit vector towards the mean of the corners where the outline turns. */
void lsbc_gnomonic_middle(const double (*p)[2], int64_t n, double middle[3]);

#endif
