/* Places on the unit sphere and how one sees another, with all digits for places close together. Knows no Python. */
#ifndef LSBC_KERNEL_PLACE_H
#define LSBC_KERNEL_PLACE_H

#include <stdint.h>

#include "kernel_tree.h"

typedef struct {
  double lon_deg, lat_deg, sin_lat, cos_lat, xyz[3];
} lsbc_place;

/* By the angle from the pole, so that longitudes near it keep their digits; ESMF's formula, so that its ties fall alike. */
lsbc_place lsbc_place_at(double lon_deg, double lat_deg);

/* `other` along east and north of `from`, in radii, the part of its vector that is not along `from`; computed from the
 * differences of the coordinates. Returns whether it lies within 90 degrees. */
int lsbc_place_seen(const lsbc_place *from, const lsbc_place *other, double east_north[2]);

/* The nearest of the sources for each point, the lowest number among those that are nearest within rounding; -1 without
 * sources. Returns 0, or -1 without memory. */
int lsbc_nearest(int64_t n_source, const double *source_lon_deg, const double *source_lat_deg, int64_t n_point,
                 const double *lon_deg, const double *lat_deg, int64_t *nearest);

/* The lowest of the points that lie within `reach` radii of each point: the same for all that stand for one corner.
 * Returns 0, or -1 without memory. */
int lsbc_same_place(int64_t n_point, const double *lon_deg, const double *lat_deg, double reach, int64_t *first);

#endif
