/* The line of an edge is always taken in the same direction, whichever of its two cells asks, so neighbours cut in the
 * same place and their shares add up. */
#include "kernel_share.h"

#include <stdlib.h>
#include <string.h>

#include "kernel_piece.h"

#define CLEARLY 4e-15        /* on the sphere, a corner's distance from an edge times the edge's length; more is no rounding */
#define TURNS 2              /* two unwound outlines can lie this many turns apart */
#define TOUCH_DEG 1e-9

int lsbc_share_allocate(lsbc_share_room *w, int64_t n_corner) {
  size_t n = 2 * (size_t)n_corner + 4;   /* every cut adds a corner at most */
  w->piece = malloc(n * sizeof *w->piece);
  w->other = malloc(n * sizeof *w->other);
  w->side = malloc(n * sizeof *w->side);
  w->placed = malloc(n * sizeof *w->placed);
  w->line = malloc(n * sizeof *w->line);
  return w->piece && w->other && w->side && w->placed && w->line ? 0 : -1;
}

void lsbc_share_free(lsbc_share_room *w) {
  free(w->piece);
  free(w->other);
  free(w->side);
  free(w->placed);
  free(w->line);
}

static void cross(const double a[3], const double b[3], double out[3]) {
  out[0] = a[1] * b[2] - a[2] * b[1];
  out[1] = a[2] * b[0] - a[0] * b[2];
  out[2] = a[0] * b[1] - a[1] * b[0];
}

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static int is_before(const lsbc_corner *a, const lsbc_corner *b) {
  if (a->lon_deg != b->lon_deg) return a->lon_deg < b->lon_deg;
  return a->lat_deg != b->lat_deg ? a->lat_deg < b->lat_deg : a->turn < b->turn;
}

/* The line through corners k and m of a cell, what is left of it positive. */
static void line_between(const lsbc_cell *cell, double (*placed)[3], int64_t k, int64_t m, double out[3]) {
  if (is_before(&cell->corner[k], &cell->corner[m])) {
    cross(placed[k], placed[m], out);
    return;
  }
  cross(placed[m], placed[k], out);
  for (int a = 0; a < 3; a++) out[a] = -out[a];
}

static double area_of(const lsbc_cell *frame, const double (*piece)[2], int64_t n) {
  if (frame->edges == LSBC_GREAT_CIRCLE) return lsbc_gnomonic_area(piece, n);
  if (frame->edges == LSBC_PLANAR) return lsbc_planar_area(piece, n);
  return lsbc_latlon_area(piece, n, frame->sin, frame->cos);
}

static void add_moment(const double (*piece)[2], int64_t n, double sign, double area_sr, lsbc_share *out) {
  double moment[3];
  if (out->with_moment == LSBC_NO_MOMENT) return;
  if (out->with_moment == LSBC_MOMENT) lsbc_gnomonic_moment(piece, n, moment);
  else lsbc_gnomonic_middle(piece, n, moment);
  double factor = out->with_moment == LSBC_MOMENT ? sign : sign * area_sr;
  for (int a = 0; a < 3; a++) out->moment[a] += factor * moment[a];
}

static void add_piece(const lsbc_cell *frame, const double (*piece)[2], int64_t n, double sign, lsbc_share *out) {
  double area_sr = area_of(frame, piece, n);
  out->area_sr += sign * area_sr;
  add_moment(piece, n, sign, area_sr, out);
}

/* Cut the piece in w->piece by n lines and add what is left. */
static void add_cut(const lsbc_cell *frame, lsbc_share_room *w, int64_t n_corner, int64_t n_line, double sign, lsbc_share *out) {
  double (*piece)[2] = w->piece, (*other)[2] = w->other;
  for (int64_t k = 0; k < n_line && n_corner >= 3; k++) {
    n_corner = lsbc_piece_cut((const double (*)[2])piece, n_corner, w->line[k], w->side, other);
    double (*swap)[2] = piece;
    piece = other;
    other = swap;
  }
  if (n_corner >= 3) add_piece(frame, (const double (*)[2])piece, n_corner, sign, out);
}

/* Corners 0, k, k + 1 of the fan of a cell that is not convex; where they run clockwise the triangle counts negative. */
static int64_t take_corners(const lsbc_cell *cell, lsbc_share_room *w, int64_t k, double *sign) {
  *sign = 1.0;
  if (cell->convex) {
    for (int64_t m = 0; m < cell->n; m++) memcpy(w->piece[m], cell->corner[m].flat, sizeof w->piece[m]);
    return cell->n;
  }
  const double *a = cell->corner[0].flat, *b = cell->corner[k].flat, *c = cell->corner[k + 1].flat;
  if ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) < 0.0) {
    const double *swap = b;
    b = c;
    c = swap;
    *sign = -1.0;
  }
  memcpy(w->piece[0], a, sizeof w->piece[0]);
  memcpy(w->piece[1], b, sizeof w->piece[1]);
  memcpy(w->piece[2], c, sizeof w->piece[2]);
  return 3;
}

static int64_t take_lines(const lsbc_cell *cell, lsbc_share_room *w, int64_t k, double *sign) {
  *sign = 1.0;
  if (cell->convex) {
    for (int64_t m = 0; m < cell->n; m++) line_between(cell, w->placed, m, m + 1 < cell->n ? m + 1 : 0, w->line[m]);
    return cell->n;
  }
  int64_t b = k, c = k + 1;
  double normal[3];
  cross(w->placed[b], w->placed[c], normal);
  if (dot(normal, w->placed[0]) < 0.0) {
    b = k + 1;
    c = k;
    *sign = -1.0;
  }
  line_between(cell, w->placed, 0, b, w->line[0]);
  line_between(cell, w->placed, b, c, w->line[1]);
  line_between(cell, w->placed, c, 0, w->line[2]);
  return 3;
}

/* Number of convex parts. */
static int64_t n_part(const lsbc_cell *cell) { return cell->convex ? 1 : cell->n - 2; }

/* Cut `frame` by `cutter`, which is moved by whole turns first. */
static void add_shared(const lsbc_cell *frame, const lsbc_cell *cutter, int turn, lsbc_share_room *w, lsbc_share *out) {
  for (int64_t k = 0; k < cutter->n; k++) lsbc_cell_place(frame, &cutter->corner[k], turn, w->placed[k]);
  for (int64_t p = 0; p < n_part(cutter); p++) {
    double cutter_sign, frame_sign;
    int64_t n_line = take_lines(cutter, w, p + 1, &cutter_sign);
    for (int64_t q = 0; q < n_part(frame); q++) {
      int64_t n_corner = take_corners(frame, w, q + 1, &frame_sign);
      add_cut(frame, w, n_corner, n_line, cutter_sign * frame_sign, out);
    }
  }
}

static void add_whole(const lsbc_cell *cell, lsbc_share_room *w, lsbc_share *out) {
  out->area_sr = cell->area_sr;
  for (int64_t m = 0; m < cell->n; m++) memcpy(w->piece[m], cell->corner[m].flat, sizeof w->piece[m]);
  add_moment((const double (*)[2])w->piece, cell->n, 1.0, cell->area_sr, out);
}

/* On the sphere, by a margin that rounding cannot cross: 1 the small cell lies inside the large one, -1 outside, 0 ask. */
static int whole_or_nothing(const lsbc_cell *small, const lsbc_cell *large) {
  int inside = 1;
  for (int64_t k = 0; k < large->n; k++) {
    double normal[3];
    cross(large->corner[k].unit, large->corner[k + 1 < large->n ? k + 1 : 0].unit, normal);
    int n_in = 0, n_out = 0;
    for (int64_t m = 0; m < small->n; m++) {
      double side = dot(normal, small->corner[m].unit);
      n_in += side > CLEARLY;
      n_out += side < -CLEARLY;
    }
    if (n_out == small->n) return -1;
    if (n_in < small->n) inside = 0;
  }
  return inside;
}

const lsbc_cell *lsbc_smaller(const lsbc_cell *a, const lsbc_cell *b) {
  if (a->area_sr != b->area_sr) return a->area_sr < b->area_sr ? a : b;
  return is_before(&b->corner[0], &a->corner[0]) ? b : a;
}

static void turn_moment(const lsbc_cell *frame, lsbc_share *out) {
  double local[3];
  if (out->with_moment == LSBC_NO_MOMENT) return;
  memcpy(local, out->moment, sizeof local);
  lsbc_cell_unplace(frame, local, out->moment);
}

void lsbc_share_of_one(const lsbc_cell *cell, lsbc_share_room *w, lsbc_share *out) {
  *out = (lsbc_share){.with_moment = out->with_moment};
  add_whole(cell, w, out);
  turn_moment(cell, out);
}

static void add_great_circles(const lsbc_cell *frame, const lsbc_cell *cutter, lsbc_share_room *w, lsbc_share *out) {
  int answer = cutter->convex ? whole_or_nothing(frame, cutter) : 0;
  if (answer > 0 && frame->convex) add_whole(frame, w, out);
  else if (answer >= 0) add_shared(frame, cutter, 0, w, out);
  turn_moment(frame, out);
}

void lsbc_share_of(const lsbc_cell *a, const lsbc_cell *b, lsbc_share_room *w, lsbc_share *out) {
  const lsbc_cell *frame = lsbc_smaller(a, b), *cutter = frame == a ? b : a;
  *out = (lsbc_share){.with_moment = out->with_moment};
  if (frame->edges == LSBC_GREAT_CIRCLE) {
    add_great_circles(frame, cutter, w, out);
    return;
  }
  double apart_deg = cutter->lon_deg - frame->lon_deg;
  for (int turn = -TURNS; turn <= TURNS; turn++) {
    double west = apart_deg + 360.0 * turn + cutter->west_deg, east = apart_deg + 360.0 * turn + cutter->east_deg;
    if (west <= frame->east_deg + TOUCH_DEG && east >= frame->west_deg - TOUCH_DEG) add_shared(frame, cutter, turn, w, out);
  }
}
