#include "kernel_frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_DEG 1e-9 /* columns that leave a gap below this go round the globe */

double lsbc_column_width_deg(const lsbc_frame *f, int64_t column) {
  return lsbc_column_deg(f, column + 1, f->hi_deg[column]) - f->lo_deg[column];
}

int64_t lsbc_column_at(const lsbc_frame *f, double lon_deg) {
  int64_t low = -1, high = f->n_ring - 1;
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    if (lsbc_column_deg(f, middle, lon_deg) <= 0.0) low = middle;
    else high = middle - 1;
  }
  return low;
}

int64_t lsbc_row_at(const lsbc_frame *f, double lat_deg) {
  int64_t low = 0, high = f->n_row - 1;
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    if ((lat_deg - f->line[middle].hi_deg) - f->line[middle].lo_deg >= 0.0) low = middle;
    else high = middle - 1;
  }
  return low;
}

static double low_part(const double *lo_deg, int64_t k) { return lo_deg ? lo_deg[k] : 0.0; }

static void frame_rows(lsbc_frame *f, const lsbc_boxes *b) {
  int south = b->lat_deg[0] > -90.0, north = b->lat_deg[b->n_lat] < 90.0;
  f->first_box_row = south;
  f->n_box_row = b->n_lat;
  f->n_row = south + b->n_lat + north;
  if (south) f->line[0] = lsbc_parallel_at(-90.0, 0.0);
  for (int64_t j = 0; j <= b->n_lat; j++) f->line[south + j] = lsbc_parallel_at(b->lat_deg[j], low_part(b->lat_lo_deg, j));
  if (north) f->line[f->n_row] = lsbc_parallel_at(90.0, 0.0);
}

/* Lay the meridians out as a ring that begins at the first one at or east of -180 degrees. */
static void frame_columns(lsbc_frame *f, const lsbc_boxes *b) {
  double rest_deg = 360.0 - (b->lon_deg[b->n_lon] - b->lon_deg[0]);
  f->n_box_column = b->n_lon;
  f->n_ring = b->n_lon + (rest_deg > ROUND_DEG);
  int64_t first = 0;
  for (int64_t k = 0; k < f->n_ring; k++) {
    f->hi_deg[k] = lsbc_wrapped_deg(b->lon_deg[k]);
    if (f->hi_deg[k] < f->hi_deg[first]) first = k;
  }
  f->shift = first;
  double *turned_deg = f->hi_deg + f->n_ring; /* the second half of the memory */
  memcpy(turned_deg, f->hi_deg, (size_t)f->n_ring * sizeof(double));
  for (int64_t k = 0; k < f->n_ring; k++) {
    f->hi_deg[k] = turned_deg[(k + first) % f->n_ring];
    f->lo_deg[k] = low_part(b->lon_lo_deg, (k + first) % f->n_ring);
  }
}

int lsbc_frame_of(lsbc_frame *f, const lsbc_boxes *b) {
  f->line = malloc((size_t)(b->n_lat + 3) * sizeof *f->line);
  f->hi_deg = malloc((size_t)(2 * b->n_lon + 2) * sizeof(double));
  f->lo_deg = malloc((size_t)(b->n_lon + 1) * sizeof(double));
  if (!f->line || !f->hi_deg || !f->lo_deg) return -1;
  frame_rows(f, b);
  frame_columns(f, b);
  return 0;
}

void lsbc_frame_free(lsbc_frame *f) {
  free(f->line);
  free(f->hi_deg);
  free(f->lo_deg);
}

void lsbc_lattice_lines(int64_t n, int64_t half_turn_deg, double *hi_deg, double *lo_deg) {
  for (int64_t k = 0; k <= n; k++) {
    double numerator = (double)((2 * k - n) * half_turn_deg);
    hi_deg[k] = numerator / (double)n;
    lo_deg[k] = fma(-hi_deg[k], (double)n, numerator) / (double)n;
  }
}
