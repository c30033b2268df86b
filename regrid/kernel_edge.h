/* One polygon edge on the sphere: where it is, where it crosses a parallel, the area under it.
 * Knows no polygon, no lattice and no Python. Angles are radians unless a name ends in _deg. */
#ifndef LSBC_KERNEL_EDGE_H
#define LSBC_KERNEL_EDGE_H

#include "kernel_sphere.h"

/* A parallel. Its latitude is hi_deg + lo_deg, so that lattice lines such as 1/120 degree are exact. */
typedef struct {
  double hi_deg, lo_deg;
  double sin, cos, tan; /* tan is +-1e17 at a pole */
} lsbc_parallel;

/* An edge run from west to east. `along` is the longitude east of its western end, 0..span. */
typedef struct {
  int edges;              /* the convention */
  int base_is_west;       /* the end nearer the equator is the base of all differences */
  double span;            /* > 0 */
  double base_lat_deg, other_lat_deg, base_cos, base_tan;
  double rise;            /* other end minus base: tangents (great circle), latitudes or their sines */
  double inv_sin_span, inv_cos_half, tan_half, slope, sharpness;
  double extremum;        /* `along` of the poleward extremum, or -1 */
  double extremum_tan;
} lsbc_edge;

lsbc_parallel lsbc_parallel_at(double hi_deg, double lo_deg);

/* sin(a) - sin(b) for two parallels, without cancellation. */
double lsbc_sine_difference(const lsbc_parallel *a, const lsbc_parallel *b);

/* Edge between two vertices given as parallels; span in (0, pi). */
lsbc_edge lsbc_edge_between(const lsbc_parallel *west, const lsbc_parallel *east, double span, int edges);

/* Height of the base over a parallel, in the edge's own measure; add lsbc_edge_rise for any other point. */
double lsbc_edge_offset(const lsbc_edge *edge, const lsbc_parallel *line);
double lsbc_edge_rise(const lsbc_edge *edge, double along);

/* Where the edge crosses `line` between two points of a monotone piece; offset = lsbc_edge_offset(edge, line). */
double lsbc_edge_crossing(const lsbc_edge *edge, const lsbc_parallel *line, double offset, double low, double high);

/* Integral of sin(latitude) - sin(line) over longitude from `low` to `high`. */
double lsbc_edge_area(const lsbc_edge *edge, const lsbc_parallel *line, double offset, double low, double high);

#endif
