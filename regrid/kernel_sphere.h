/* What all geometry agrees on: angles, longitudes, conventions of edges. */
#ifndef LSBC_KERNEL_SPHERE_H
#define LSBC_KERNEL_SPHERE_H

#define LSBC_RADIAN_PER_DEG 0.017453292519943295769

/* The three conventions of an edge: straight in longitude and latitude, a great circle, straight in longitude and
 * sin(latitude). Their numbers are those of lsbc.regrid.sphere. */
enum { LSBC_LATLON = 0, LSBC_GREAT_CIRCLE = 1, LSBC_PLANAR = 2 };

/* A longitude in [-180, 180); exact, as every step lies within a factor of two. */
static inline double lsbc_wrapped_deg(double lon_deg) {
  while (lon_deg >= 180.0) lon_deg -= 360.0;
  while (lon_deg < -180.0) lon_deg += 360.0;
  return lon_deg;
}

#endif
