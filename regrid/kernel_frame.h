/* Boxes on the globe: which row and column holds a place, and how far it is to the next meridian. Knows no polygon. */
#ifndef LSBC_KERNEL_FRAME_H
#define LSBC_KERNEL_FRAME_H

#include <stdint.h>

#include "kernel.h"
#include "kernel_edge.h"

/* The boxes, made to cover the globe: rows up to the poles and, where the columns do not close, one column for the rest.
 * Columns are counted round the ring of meridians from the first at or east of -180; entries off the boxes are dropped. */
typedef struct {
  int64_t n_row, n_ring;
  lsbc_parallel *line;                  /* n_row + 1 */
  double *hi_deg, *lo_deg;              /* n_ring meridians, rising from -180 */
  int64_t first_box_row, n_box_row;     /* rows of the boxes among the rows */
  int64_t shift, n_box_column;          /* column of a box = (ring column + shift) % n_ring; n_box_column is none */
} lsbc_frame;

/* Returns 0, or -1 without memory; free in both cases. */
int lsbc_frame_of(lsbc_frame *frame, const lsbc_boxes *boxes);
void lsbc_frame_free(lsbc_frame *frame);

/* Degrees from `west_deg` east to the meridian where a ring column begins; columns from n_ring on are those of further
 * turns: a cell may reach from the column that is no box through all others back into it. */
static inline double lsbc_column_deg(const lsbc_frame *f, int64_t column, double west_deg) {
  if (column < f->n_ring) return (f->hi_deg[column] - west_deg) + f->lo_deg[column];
  int64_t turn = column / f->n_ring, at = column % f->n_ring;
  return ((f->hi_deg[at] + 180.0) + f->lo_deg[at]) + (180.0 - west_deg) + 360.0 * (double)(turn - 1);
}

/* Width of a ring column in degrees. */
double lsbc_column_width_deg(const lsbc_frame *f, int64_t column);

/* The ring column that holds a longitude in [-180, 180); -1 stands for the last one, west of the first meridian. */
int64_t lsbc_column_at(const lsbc_frame *f, double lon_deg);

int64_t lsbc_row_at(const lsbc_frame *f, double lat_deg);

/* n + 1 lines from -half_turn_deg to it, as sums of two doubles. */
void lsbc_lattice_lines(int64_t n, int64_t half_turn_deg, double *hi_deg, double *lo_deg);

#endif
