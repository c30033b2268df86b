/* The rasteriser: the area under every edge, clamped to each row of the lattice, is added with the sign of its direction;
 * what an edge leaves below itself covers the rows below in full. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_polygon.h"

#define SHARE_KEPT 1e-14 /* of the polygon; smaller entries are rounding */

/* The part of the lattice one polygon can touch; columns are counted from `first_column` round the globe. */
typedef struct {
  int64_t n_lat, n_lon;
  const lsbc_parallel *line;            /* n_lat + 1 */
  int64_t first_row, end_row, first_column, n_column;
  lsbc_parallel floor_line;             /* stands for line[first_row]: the lowest parallel the polygon reaches */
  double *inside, *across;              /* [row][column]: area under edges; width of edges; one row more on top */
  int64_t capacity;
} raster;

static double column_deg(const raster *r, int64_t column, double west_deg) {
  int64_t turn = column >= r->n_lon;
  double numerator = (double)((2 * (column - turn * r->n_lon) - r->n_lon) * 180), n = (double)r->n_lon;
  double hi = numerator / n, lo = fma(-hi, n, numerator) / n;
  return turn ? ((hi + 180.0) + lo) + (180.0 - west_deg) : (hi - west_deg) + lo;
}

static int64_t column_at(const raster *r, double lon_deg) {
  int64_t column = (int64_t)floor((lon_deg + 180.0) / 360.0 * (double)r->n_lon);
  if (column >= r->n_lon) column = r->n_lon - 1;
  while (column > 0 && column_deg(r, column, lon_deg) > 0.0) column--;
  while (column < r->n_lon - 1 && column_deg(r, column + 1, lon_deg) <= 0.0) column++;
  return column;
}

static int64_t row_at(const raster *r, double lat_deg) {
  int64_t row = (int64_t)floor((lat_deg + 90.0) / 180.0 * (double)r->n_lat);
  if (row >= r->n_lat) row = r->n_lat - 1;
  if (row < 0) row = 0;
  while (row > 0 && (lat_deg - r->line[row].hi_deg) - r->line[row].lo_deg < 0.0) row--;
  while (row < r->n_lat - 1 && (lat_deg - r->line[row + 1].hi_deg) - r->line[row + 1].lo_deg >= 0.0) row++;
  return row;
}

static int64_t bounded(int64_t row, const raster *r) {
  return row < r->first_row ? r->first_row : row >= r->end_row ? r->end_row - 1 : row;
}

/* An edge being followed through the rows; offsets are the heights of the edge's base over the row's two parallels. */
typedef struct {
  const lsbc_edge *edge;
  double sign, floor_offset, low_offset, high_offset;
  int64_t row;
} walk;

static void enter_row(const raster *r, walk *w, int64_t row) {
  if (row == w->row + 1) w->low_offset = w->high_offset;
  else w->low_offset = lsbc_edge_offset(w->edge, &r->line[row]);
  w->high_offset = lsbc_edge_offset(w->edge, &r->line[row + 1]);
  w->row = row;
}

/* Add a piece of the edge that is monotone and lies in one column. */
static void add_piece(raster *r, walk *w, int64_t column, double from, double to) {
  double rise = lsbc_edge_rise(w->edge, to);
  for (;;) {
    int64_t row = w->row, next = row;
    double end = to;
    if (row + 1 < r->end_row && rise + w->high_offset > 0.0) {
      next = row + 1;
      end = lsbc_edge_crossing(w->edge, &r->line[row + 1], w->high_offset, from, to);
    } else if (row > r->first_row && rise + w->low_offset < 0.0) {
      next = row - 1;
      end = lsbc_edge_crossing(w->edge, &r->line[row], w->low_offset, from, to);
    }
    if (end > from) {
      int64_t at = (row - r->first_row) * r->n_column + column;
      int lowest = row == r->first_row;
      const lsbc_parallel *line = lowest ? &r->floor_line : &r->line[row];
      r->inside[at] += w->sign * lsbc_edge_area(w->edge, line, lowest ? w->floor_offset : w->low_offset, from, end);
      r->across[at] += w->sign * (end - from);
    }
    if (next == row) return;
    enter_row(r, w, next);
    from = end;
  }
}

/* Run along a stretch from west to east, cut at every meridian of the lattice and at the extremum. */
static void add_stretch(raster *r, const lsbc_stretch *s) {
  walk w = {&s->edge, s->sign, 0.0, 0.0, 0.0, -2};
  int64_t top = (r->end_row - r->first_row) * r->n_column, column = column_at(r, s->west_deg);
  if (!s->pole) {
    const lsbc_edge *e = &s->edge;
    double west_deg = e->base_is_west ? e->base_lat_deg : e->other_lat_deg;
    w.floor_offset = lsbc_edge_offset(e, &r->floor_line);
    enter_row(r, &w, bounded(row_at(r, west_deg), r));
  }
  for (double from = 0.0; from < s->edge.span;) {
    double border = column_deg(r, column + 1, s->west_deg) * LSBC_RADIAN_PER_DEG;
    double to = border < s->edge.span ? border : s->edge.span;
    if (s->edge.extremum > from && s->edge.extremum < to) to = s->edge.extremum;
    int64_t k = (column - r->first_column + r->n_lon) % r->n_lon;
    if (k >= r->n_column) k = k - r->n_column < r->n_lon - k ? r->n_column - 1 : 0; /* rounding at the box's edge */
    if (!s->pole) add_piece(r, &w, k, from, to);
    else if (s->pole > 0) r->across[top + k] += s->sign * (to - from);
    if (to == border) column++;
    from = to;
  }
}

static void close_at_north_pole(raster *r, int winding) {
  int64_t top = (r->end_row - r->first_row) * r->n_column;
  double width = 360.0 / (double)r->n_lon * LSBC_RADIAN_PER_DEG;
  for (int64_t k = 0; k < r->n_column; k++) r->across[top + k] += winding * width;
}

/* Turn both tables into areas, in place: what crosses a column higher up covers the row in full. Returns the sum. */
static double sum_columns(raster *r) {
  double total = 0.0;
  for (int64_t row = r->end_row - 1; row >= r->first_row; row--) {
    int64_t at = (row - r->first_row) * r->n_column;
    const lsbc_parallel *low = row == r->first_row ? &r->floor_line : &r->line[row];
    double height = lsbc_sine_difference(&r->line[row + 1], low);
    for (int64_t k = 0; k < r->n_column; k++) {
      double above = r->across[at + r->n_column + k];
      r->inside[at + k] += height * above;
      r->across[at + k] += above;
      total += r->inside[at + k];
    }
  }
  return total;
}

static int set_box(raster *r, const lsbc_outline *o) {
  r->first_row = row_at(r, o->low_deg);
  r->end_row = row_at(r, o->high_deg) + 1;
  r->floor_line = lsbc_parallel_at(o->low_deg, 0.0);
  double per_deg = (double)r->n_lon / 360.0, west = (o->first_deg + o->west_deg + 180.0) * per_deg;
  int64_t first = (int64_t)floor(west - 1e-6);
  int64_t last = (int64_t)floor((o->first_deg + o->east_deg + 180.0) * per_deg + 1e-6);
  r->n_column = last - first + 1;
  if (r->n_column >= r->n_lon || o->pole) { first = 0; r->n_column = r->n_lon; }
  r->first_column = (first % r->n_lon + r->n_lon) % r->n_lon;
  int64_t need = (r->end_row - r->first_row + 1) * r->n_column;
  if (need > r->capacity) {
    free(r->inside);
    free(r->across);
    r->inside = malloc((size_t)need * sizeof(double));
    r->across = malloc((size_t)need * sizeof(double));
    r->capacity = r->inside && r->across ? need : 0;
    if (!r->capacity) return -1;
  }
  memset(r->inside, 0, (size_t)need * sizeof(double));
  memset(r->across, 0, (size_t)need * sizeof(double));
  return 0;
}

static int grow(lsbc_overlaps *out, int64_t n) {
  if (n <= out->capacity) return 0;
  int64_t capacity = 2 * out->capacity > n ? 2 * out->capacity : n;
  int64_t *polygon = realloc(out->polygon, (size_t)capacity * sizeof *polygon);
  if (polygon) out->polygon = polygon;
  int64_t *cell = realloc(out->cell, (size_t)capacity * sizeof *cell);
  if (cell) out->cell = cell;
  double *area = realloc(out->area_sr, (size_t)capacity * sizeof *area);
  if (area) out->area_sr = area;
  if (!polygon || !cell || !area) return -1;
  out->capacity = capacity;
  return 0;
}

static int emit(const raster *r, int64_t polygon, double sign, double least, lsbc_overlaps *out) {
  int64_t n_row = r->end_row - r->first_row;
  if (grow(out, out->n + n_row * r->n_column)) return -1;
  int64_t split = r->first_column + r->n_column > r->n_lon ? r->n_lon - r->first_column : 0; /* first column east of -180 */
  for (int64_t row = 0; row < n_row; row++)
    for (int64_t step = 0; step < r->n_column; step++) {
      int64_t k = (step + split) % r->n_column;
      double area = sign * r->inside[row * r->n_column + k];
      if (area <= least) continue;
      out->polygon[out->n] = polygon;
      out->cell[out->n] = (row + r->first_row) * r->n_lon + (r->first_column + k) % r->n_lon;
      out->area_sr[out->n++] = area;
    }
  return 0;
}

static int add_polygon(raster *r, const lsbc_outline *o, int64_t polygon, double area_sr, lsbc_overlaps *out) {
  if (o->n_stretch == 0 || area_sr == 0.0) return 0;
  if (set_box(r, o)) return -1;
  for (int64_t k = 0; k < o->n_stretch; k++) add_stretch(r, &o->stretch[k]);
  if (o->pole > 0) close_at_north_pole(r, o->winding);
  double sign = sum_columns(r) < 0.0 ? -1.0 : 1.0;
  return emit(r, polygon, sign, SHARE_KEPT * area_sr, out);
}

static const double *polygon_lon(const lsbc_polygons *p, int64_t k) { return p->lon_deg + k * p->n_vertex; }
static const double *polygon_lat(const lsbc_polygons *p, int64_t k) { return p->lat_deg + k * p->n_vertex; }

int lsbc_polygon_areas(const lsbc_polygons *p, double *area_sr) {
  lsbc_outline outline = {0};
  int status = lsbc_outline_allocate(&outline, p->n_vertex);
  for (int64_t k = 0; status == 0 && k < p->n_polygon; k++) {
    lsbc_outline_read(&outline, polygon_lon(p, k), polygon_lat(p, k), p->n_vertex, p->great_circle);
    area_sr[k] = lsbc_outline_area(&outline, p->great_circle);
  }
  lsbc_outline_free(&outline);
  return status;
}

static lsbc_parallel *lattice_lines(int64_t n_lat) {
  lsbc_parallel *line = malloc((size_t)(n_lat + 1) * sizeof *line);
  for (int64_t j = 0; line && j <= n_lat; j++) {
    double numerator = (double)((2 * j - n_lat) * 90), hi = numerator / (double)n_lat;
    line[j] = lsbc_parallel_at(hi, fma(-hi, (double)n_lat, numerator) / (double)n_lat);
  }
  return line;
}

int lsbc_overlap(const lsbc_polygons *p, int64_t n_lat, int64_t n_lon, lsbc_overlaps *out, double *area_sr) {
  lsbc_outline outline = {0};
  lsbc_parallel *line = lattice_lines(n_lat);
  raster r = {.n_lat = n_lat, .n_lon = n_lon, .line = line};
  int status = lsbc_outline_allocate(&outline, p->n_vertex);
  if (!line) status = -1;
  for (int64_t k = 0; status == 0 && k < p->n_polygon; k++) {
    lsbc_outline_read(&outline, polygon_lon(p, k), polygon_lat(p, k), p->n_vertex, p->great_circle);
    area_sr[k] = fabs(lsbc_outline_area(&outline, p->great_circle));
    status = add_polygon(&r, &outline, k, area_sr[k], out);
  }
  lsbc_outline_free(&outline);
  free(line);
  free(r.inside);
  free(r.across);
  return status;
}

void lsbc_overlaps_free(lsbc_overlaps *overlaps) {
  free(overlaps->polygon);
  free(overlaps->cell);
  free(overlaps->area_sr);
}
