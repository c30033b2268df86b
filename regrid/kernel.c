/* The rasteriser: the area under every edge, clamped to each row of the lattice, is added with the sign of its direction;
 * what an edge leaves below itself covers the rows below in full. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_frame.h"
#include "kernel_polygon.h"

#define SHARE_KEPT 1e-14 /* of the polygon; smaller entries are rounding */
#define SLACK_DEG 1e-9   /* how far an outline may end beyond its box by rounding */

/* The part of the frame one polygon can touch; columns are counted from `first_column` round the globe. */
typedef struct {
  const lsbc_frame *frame;
  const lsbc_parallel *line;
  int64_t first_row, end_row, first_column, n_column;
  lsbc_parallel floor_line;             /* stands for line[first_row]: the lowest parallel the polygon reaches */
  double *inside, *across;              /* [row][column]: area under edges; width of edges; one row more on top */
  int64_t capacity;
} raster;

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
  int64_t n_ring = r->frame->n_ring, top = (r->end_row - r->first_row) * r->n_column, column = lsbc_column_at(r->frame, s->west_deg);
  if (!s->pole) {
    const lsbc_edge *e = &s->edge;
    double west_deg = e->base_is_west ? e->base_lat_deg : e->other_lat_deg;
    w.floor_offset = lsbc_edge_offset(e, &r->floor_line);
    enter_row(r, &w, bounded(lsbc_row_at(r->frame, west_deg), r));
  }
  for (double from = 0.0; from < s->edge.span;) {
    double border = lsbc_column_deg(r->frame, column + 1, s->west_deg) * LSBC_RADIAN_PER_DEG;
    double to = border < s->edge.span ? border : s->edge.span;
    if (s->edge.extremum > from && s->edge.extremum < to) to = s->edge.extremum;
    int64_t k = (column - r->first_column + n_ring) % n_ring;
    if (k >= r->n_column) k = k - r->n_column < n_ring - k ? r->n_column - 1 : 0; /* rounding at the outline's end */
    if (!s->pole) add_piece(r, &w, k, from, to);
    else if (s->pole > 0) r->across[top + k] += s->sign * (to - from);
    if (to == border) column++;
    from = to;
  }
}

static void close_at_north_pole(raster *r, int winding) {
  int64_t top = (r->end_row - r->first_row) * r->n_column;
  for (int64_t k = 0; k < r->n_column; k++) { /* all columns, so k is the ring column */
    r->across[top + k] += winding * lsbc_column_width_deg(r->frame, k) * LSBC_RADIAN_PER_DEG;
  }
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

static void set_columns(raster *r, const lsbc_outline *o) {
  const lsbc_frame *f = r->frame;
  double west_deg = lsbc_wrapped_deg(o->first_deg + o->west_deg - SLACK_DEG), span_deg = o->east_deg - o->west_deg + 2.0 * SLACK_DEG;
  int64_t first = lsbc_column_at(f, west_deg), last = lsbc_column_at(f, lsbc_wrapped_deg(o->first_deg + o->east_deg + SLACK_DEG));
  int whole = o->pole || span_deg >= 180.0;
  if ((last - first) % f->n_ring == 0) whole |= lsbc_column_deg(f, first + 1, west_deg) < span_deg; /* round and back */
  r->first_column = whole ? 0 : (first + f->n_ring) % f->n_ring;
  r->n_column = whole ? f->n_ring : (last - first + 2 * f->n_ring) % f->n_ring + 1;
}

/* Whether the polygon can touch a box at all. */
static int meets_boxes(const raster *r) {
  const lsbc_frame *f = r->frame;
  if (r->end_row <= f->first_box_row || r->first_row >= f->first_box_row + f->n_box_row) return 0;
  return r->n_column > 1 || (r->first_column + f->shift) % f->n_ring < f->n_box_column;
}

static int set_box(raster *r, const lsbc_outline *o) {
  r->first_row = lsbc_row_at(r->frame, o->low_deg);
  r->end_row = lsbc_row_at(r->frame, o->high_deg) + 1;
  r->floor_line = lsbc_parallel_at(o->low_deg, 0.0);
  set_columns(r, o);
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
  const lsbc_frame *f = r->frame;
  int64_t n_row = r->end_row - r->first_row, first = (r->first_column + f->shift) % f->n_ring;
  if (grow(out, out->n + n_row * r->n_column)) return -1;
  int64_t split = first + r->n_column > f->n_ring ? f->n_ring - first : 0; /* where the box columns begin again */
  for (int64_t row = 0; row < n_row; row++) {
    int64_t box_row = row + r->first_row - f->first_box_row;
    if (box_row < 0 || box_row >= f->n_box_row) continue;
    for (int64_t step = 0; step < r->n_column; step++) {
      int64_t k = (step + split) % r->n_column, box_column = (first + k) % f->n_ring;
      double area = sign * r->inside[row * r->n_column + k];
      if (area <= least || box_column >= f->n_box_column) continue;
      out->polygon[out->n] = polygon;
      out->cell[out->n] = box_row * f->n_box_column + box_column;
      out->area_sr[out->n++] = area;
    }
  }
  return 0;
}

static int add_polygon(raster *r, const lsbc_outline *o, int64_t polygon, double area_sr, lsbc_overlaps *out) {
  if (o->n_stretch == 0 || area_sr == 0.0) return 0;
  if (set_box(r, o)) return -1;
  if (!meets_boxes(r)) return 0;
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
    lsbc_outline_read(&outline, polygon_lon(p, k), polygon_lat(p, k), p->n_vertex, p->edges);
    area_sr[k] = lsbc_outline_area(&outline, p->edges);
  }
  lsbc_outline_free(&outline);
  return status;
}

int lsbc_overlap_boxes(const lsbc_polygons *p, const lsbc_boxes *boxes, lsbc_overlaps *out, double *area_sr) {
  lsbc_outline outline = {0};
  lsbc_frame f = {0};
  int status = lsbc_frame_of(&f, boxes);
  raster r = {.frame = &f, .line = f.line};
  if (lsbc_outline_allocate(&outline, p->n_vertex)) status = -1;
  for (int64_t k = 0; status == 0 && k < p->n_polygon; k++) {
    lsbc_outline_read(&outline, polygon_lon(p, k), polygon_lat(p, k), p->n_vertex, p->edges);
    area_sr[k] = fabs(lsbc_outline_area(&outline, p->edges));
    status = add_polygon(&r, &outline, k, area_sr[k], out);
  }
  lsbc_outline_free(&outline);
  lsbc_frame_free(&f);
  free(r.inside);
  free(r.across);
  return status;
}

int lsbc_overlap_lattice(const lsbc_polygons *p, int64_t n_lat, int64_t n_lon, lsbc_overlaps *out, double *area_sr) {
  size_t n_line = (size_t)(n_lat + n_lon + 2);
  double *hi_deg = malloc(n_line * sizeof(double)), *lo_deg = malloc(n_line * sizeof(double));
  int status = -1;
  if (hi_deg && lo_deg) {
    lsbc_lattice_lines(n_lat, 90, hi_deg, lo_deg);
    lsbc_lattice_lines(n_lon, 180, hi_deg + n_lat + 1, lo_deg + n_lat + 1);
    lsbc_boxes boxes = {n_lat, n_lon, hi_deg, lo_deg, hi_deg + n_lat + 1, lo_deg + n_lat + 1};
    status = lsbc_overlap_boxes(p, &boxes, out, area_sr);
  }
  free(hi_deg);
  free(lo_deg);
  return status;
}

void lsbc_overlaps_free(lsbc_overlaps *overlaps) {
  free(overlaps->polygon);
  free(overlaps->cell);
  free(overlaps->area_sr);
}
