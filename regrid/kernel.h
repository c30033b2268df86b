/* The numerical kernels of lsbc.regrid: overlap areas, class sums, weighted rows. Plain C11, knows no Python.
 * Nothing here makes or relies on NaN, infinity or a division by zero. */
#ifndef LSBC_KERNEL_H
#define LSBC_KERNEL_H

#include <stdint.h>

/* Overlap areas found so far, one entry a (polygon, lattice cell), sorted by both. Free with lsbc_overlaps_free. */
typedef struct {
  int64_t n, capacity;
  int64_t *polygon, *cell;
  double *area_sr;
} lsbc_overlaps;

/* Polygons as the host gives them: [n_polygon][n_vertex] degrees, last vertices may be repeated. */
typedef struct {
  int64_t n_polygon, n_vertex;
  const double *lon_deg, *lat_deg;
  int edges; /* LSBC_LATLON, LSBC_GREAT_CIRCLE or LSBC_PLANAR of kernel_edge.h */
} lsbc_polygons;

/* Signed areas on the unit sphere, positive for counter-clockwise corners. Returns 0, or -1 without memory. */
int lsbc_polygon_areas(const lsbc_polygons *polygons, double *area_sr);

/* Boxes between parallels and meridians, both rising; columns span 360 degrees at most. A line is hi + lo degrees, so
 * that those of a lattice, such as 1/120 degree, are exact; `lo` may be NULL. */
typedef struct {
  int64_t n_lat, n_lon;
  const double *lat_deg, *lat_lo_deg; /* n_lat + 1, -90..90 */
  const double *lon_deg, *lon_lo_deg; /* n_lon + 1, -720..720 */
} lsbc_boxes;

/* Areas shared with boxes; box number = row * n_lon + column. Returns 0, or -1 without memory. */
int lsbc_overlap_boxes(const lsbc_polygons *polygons, const lsbc_boxes *boxes, lsbc_overlaps *out, double *area_sr);

/* Areas shared with the cells of the global lattice of n_lat x n_lon, whose columns begin at -180 degrees. */
int lsbc_overlap_lattice(const lsbc_polygons *polygons, int64_t n_lat, int64_t n_lon, lsbc_overlaps *out, double *area_sr);
void lsbc_overlaps_free(lsbc_overlaps *overlaps);

/* Rows of a sparse matrix: entries offsets[i]..offsets[i+1] belong to row i. */
typedef struct {
  int64_t n_row, n_column;
  const int64_t *offsets;
  const int32_t *index;
} lsbc_rows;

/* sums[row][class] += weight, by the class of the entry's column; `no_data` is left out.
 * Returns 0, or 1 + the first entry whose column or class is out of range. */
int64_t lsbc_class_sums(const lsbc_rows *rows, const int64_t *weight, const uint8_t *category, int32_t n_category,
                        int32_t no_data, int64_t *sums);

/* out[row][field] = sum of weight * values[column][field], in the order of the entries.
 * Returns 0, or 1 + the first entry whose column is out of range. */
int64_t lsbc_weighted_rows(const lsbc_rows *rows, const double *weight, const double *values, int64_t n_field,
                           double *out);

/* Entries of a sparse matrix with areas. */
typedef struct {
  int64_t *source, *destination;
  double *area_sr;
} lsbc_entries;

/* Stable order of n entries by destination (each 0..n_destination-1): those of row i are offsets[i]..offsets[i + 1]. */
void lsbc_group_entries(const lsbc_entries *from, int64_t n, int64_t n_destination, int64_t *offsets, lsbc_entries *to);

/* Conservative weights of each row and its covered share, which is 1 when it misses 1 by `full` or less. A row that is
 * whole, or that is divided by its own sum (by_cover), is divided by the sum of its areas, and its largest weight takes
 * what summing in order would lose. */
void lsbc_conservative_rows(int64_t n_row, const int64_t *offsets, const double *area_sr, const double *cell_area_sr,
                            int by_cover, double full, double *weight, double *share);

#endif
