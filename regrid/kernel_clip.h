/* Areas that the cells of two grids share, whatever their shapes. Knows no Python and no files. */
#ifndef LSBC_KERNEL_CLIP_H
#define LSBC_KERNEL_CLIP_H

#include <stdint.h>

/* n_cell x n_vertex corners in degrees, either way round; cells with live 0 are not looked at. */
typedef struct {
  int64_t n_cell, n_vertex;
  const double *lon_deg, *lat_deg;
  const uint8_t *live;
} lsbc_cells;

/* Cell i of a and j of b share area_sr; moment (3 each) as in kernel_share.h, or NULL.
 * bad_side 1 or 2: cell bad_cell of a or b cannot be clipped. */
typedef struct {
  int64_t n, capacity;
  int with_moment;
  int64_t *i, *j;
  double *area_sr, *moment;
  int bad_side;
  int64_t bad_cell;
} lsbc_pairs;

/* Pairs sorted by (j, i), whose area is more than 1e-14 of the smaller cell. The numbers of a pair depend on its two cells
 * only. Edges as in kernel_cell.h, with_moment as in kernel_share.h, for great circles only.
 * Returns 0, -1 without memory, 1 with a bad cell. */
int lsbc_clip(const lsbc_cells *a, const lsbc_cells *b, int edges, int with_moment, lsbc_pairs *out);

/* Area and moment (3 each) of every live cell, 0 of the others. Returns 0, -1 without memory, 1 with *bad_cell. */
int lsbc_cell_moments(const lsbc_cells *cells, int edges, int with_moment, double *area_sr, double *moment,
                      int64_t *bad_cell);

void lsbc_pairs_free(lsbc_pairs *pairs);

#endif
