/* Bilinear patches between points on the sphere: which patch holds a point, and the weights of its corners. Knows no Python.
 *
 * A patch is the bilinear surface (or the triangle) through its corners in space, so its sides are chords and seen from
 * the centre of the sphere great circles. A point belongs to the patch that the ray to it from the centre passes. */
#ifndef LSBC_KERNEL_PATCH_H
#define LSBC_KERNEL_PATCH_H

#include <stdint.h>

typedef struct {
  int64_t n_node, n_patch;
  const double *lon_deg, *lat_deg; /* [n_node] */
  const int64_t *corner;           /* [n_patch][4], either way round; a triangle ends with -1 */
} lsbc_patches;

/* For each point the lowest patch that holds it (-1: none), and its corners with their weights [n_point][4], ascending by
 * node; corners without weight are -1, 0.0 and come last. Sides belong to both patches, and so does a point that lies
 * outside all of them by less than 5e-8 of a patch. Returns 0, or -1 without memory. */
int lsbc_patch_locate(const lsbc_patches *patches, int64_t n_point, const double *lon_deg, const double *lat_deg,
                      int64_t *patch, int64_t *node, double *weight);

#endif
