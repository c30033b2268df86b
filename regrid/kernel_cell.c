/* Longitudes and latitudes enter as differences in degrees from the origin of a plane, which are exact or correctly
 * rounded, so small cells lose nothing; a corner given as -180 or 180, or as any longitude at a pole, is one place. */
#include "kernel_cell.h"

#include <math.h>

#include "kernel_piece.h"

#define LOWEST_DEPTH 0.17    /* cosine of 80 degrees: the plane would stretch more without end */
#define STRAIGHT 4e-15       /* a corner turning right by less, as a share of its sides, is rounding */
#define BOX_SLACK 1e-14

/* b - a + 360 turn without cancellation, for longitudes in [-180, 180). */
static double difference_deg(double a_deg, double b_deg, int turn) {
  if (turn == 0) return b_deg - a_deg;
  if (turn == 1) return (180.0 - a_deg) + (b_deg + 180.0);
  if (turn == -1) return (b_deg - 180.0) - (a_deg + 180.0);
  return b_deg - a_deg + 360.0 * turn;
}

/* The turn that makes the way from a to b the shortest. */
static int shortest(double a_deg, double b_deg) {
  double step = b_deg - a_deg;
  return step >= 180.0 ? -1 : step < -180.0 ? 1 : 0;
}

static void latitude(double lat_deg, double *sine, double *cosine) {
  if (fabs(lat_deg) > 45.0) { /* from the colatitude, which is exact in degrees near the pole */
    double colat = (90.0 - fabs(lat_deg)) * LSBC_RADIAN_PER_DEG;
    *sine = lat_deg > 0.0 ? cos(colat) : -cos(colat);
    *cosine = sin(colat);
  } else {
    *sine = sin(lat_deg * LSBC_RADIAN_PER_DEG);
    *cosine = cos(lat_deg * LSBC_RADIAN_PER_DEG);
  }
}

/* Slot of a value among the 64: neighbours on an axis fall apart in the low bits of a scaled integer. */
static int slot_of(double deg) { return (int)((uint64_t)(int64_t)floor(deg * 4096.0) * 2654435761u >> 16 & 63); }

static void read_corner(lsbc_corner *c, double lon_deg, double lat_deg, int edges, lsbc_memo *memo) {
  if (edges == LSBC_GREAT_CIRCLE && fabs(lat_deg) >= 90.0) lon_deg = 0.0;
  c->lon_deg = lsbc_wrapped_deg(lon_deg);
  c->lat_deg = lat_deg;
  c->turn = 0;
  int i = slot_of(lat_deg), j = slot_of(c->lon_deg);
  if (!memo->known_lat[i] || memo->lat_deg[i] != lat_deg) {
    latitude(lat_deg, &memo->lat_sin[i], &memo->lat_cos[i]);
    memo->lat_deg[i] = lat_deg;
    memo->known_lat[i] = 1;
  }
  if (!memo->known_lon[j] || memo->lon_deg[j] != c->lon_deg) {
    memo->lon_sin[j] = sin(c->lon_deg * LSBC_RADIAN_PER_DEG);
    memo->lon_cos[j] = cos(c->lon_deg * LSBC_RADIAN_PER_DEG);
    memo->lon_deg[j] = c->lon_deg;
    memo->known_lon[j] = 1;
  }
  c->cos = memo->lat_cos[i];
  c->unit[0] = c->cos * memo->lon_cos[j];
  c->unit[1] = c->cos * memo->lon_sin[j];
  c->unit[2] = memo->lat_sin[i];
}

static int same_place(const lsbc_corner *a, const lsbc_corner *b) {
  return a->lon_deg == b->lon_deg && a->lat_deg == b->lat_deg;
}

static void read_corners(lsbc_cell *cell, const double *lon_deg, const double *lat_deg, int64_t n, lsbc_memo *memo) {
  cell->n = 0;
  for (int64_t k = 0; k < n; k++) {
    read_corner(&cell->corner[cell->n], lon_deg[k], lat_deg[k], cell->edges, memo);
    if (cell->n == 0 || !same_place(&cell->corner[cell->n], &cell->corner[cell->n - 1])) cell->n++;
  }
  while (cell->n > 1 && same_place(&cell->corner[0], &cell->corner[cell->n - 1])) cell->n--;
}

/* Longitudes follow each other; a cell that winds round a pole is closed along it. 1 where an edge goes half round. */
static int unwind(lsbc_cell *cell) {
  int turn = 0;
  int64_t n = cell->n;
  lsbc_corner *c = cell->corner;
  double sines = 0.0;
  for (int64_t k = 0; k < n; k++) {
    sines += c[k].unit[2];
    c[k].turn = turn;
    double step = c[(k + 1) % n].lon_deg - c[k].lon_deg;
    if (fabs(step) == 180.0) return 1;
    turn += shortest(c[k].lon_deg, c[(k + 1) % n].lon_deg);
  }
  if (turn == 0) return 0;
  double pole_deg = sines >= 0.0 ? 90.0 : -90.0;
  for (int k = 0; k < LSBC_EXTRA_CORNERS; k++) {
    c[n + k] = c[0];
    c[n + k].turn = k < 2 ? turn : 0;
    if (k == 0) continue;
    c[n + k].lat_deg = pole_deg;
    c[n + k].cos = c[n + k].unit[0] = c[n + k].unit[1] = 0.0;
    c[n + k].unit[2] = pole_deg / 90.0;
  }
  cell->n = n + LSBC_EXTRA_CORNERS;
  return 0;
}

/* The middle of the corners in space becomes the point of touch. */
static void touch_middle(lsbc_cell *cell) {
  double sum[3] = {0.0, 0.0, 0.0};
  for (int64_t k = 0; k < cell->n; k++)
    for (int a = 0; a < 3; a++) sum[a] += cell->corner[k].unit[a];
  double flat = sqrt(sum[0] * sum[0] + sum[1] * sum[1]);
  cell->lon_deg = flat > 0.0 ? lsbc_wrapped_deg(atan2(sum[1], sum[0]) / LSBC_RADIAN_PER_DEG) : 0.0;
  cell->lat_deg = flat > 0.0 || sum[2] != 0.0 ? atan2(sum[2], flat) / LSBC_RADIAN_PER_DEG : 0.0;
  latitude(cell->lat_deg, &cell->sin, &cell->cos);
}

static void touch_first(lsbc_cell *cell) {
  cell->lon_deg = cell->corner[0].lon_deg;
  cell->lat_deg = cell->corner[0].lat_deg;
  latitude(cell->lat_deg, &cell->sin, &cell->cos);
}

void lsbc_cell_place(const lsbc_cell *frame, const lsbc_corner *corner, int turn, double out[3]) {
  double high = (corner->lat_deg - frame->lat_deg) * LSBC_RADIAN_PER_DEG;
  if (frame->edges == LSBC_GREAT_CIRCLE) {
    double east = difference_deg(frame->lon_deg, corner->lon_deg, shortest(frame->lon_deg, corner->lon_deg)) * LSBC_RADIAN_PER_DEG;
    double half_east = lsbc_sine(0.5 * east), half_high = lsbc_sine(0.5 * high);
    double bend = 2.0 * half_east * half_east * corner->cos;
    out[0] = corner->cos * lsbc_sine(east);
    out[1] = lsbc_sine(high) + frame->sin * bend;
    out[2] = 1.0 - 2.0 * half_high * half_high - frame->cos * bend;
    return;
  }
  out[0] = difference_deg(frame->lon_deg, corner->lon_deg, corner->turn + turn) * LSBC_RADIAN_PER_DEG;
  double half_high = lsbc_sine(0.5 * high);
  if (frame->edges == LSBC_PLANAR) high = 2.0 * half_high * (frame->cos * cos(0.5 * high) - frame->sin * half_high);
  out[1] = high;
  out[2] = 1.0;
}

void lsbc_cell_unplace(const lsbc_cell *frame, const double local[3], double out[3]) {
  double lon = frame->lon_deg * LSBC_RADIAN_PER_DEG, sin_lon = sin(lon), cos_lon = cos(lon);
  double outward = frame->cos * local[2] - frame->sin * local[1];
  out[0] = outward * cos_lon - local[0] * sin_lon;
  out[1] = outward * sin_lon + local[0] * cos_lon;
  out[2] = frame->sin * local[2] + frame->cos * local[1];
}

/* Flat coordinates of the corners; 1 where one is too far round the globe. */
static int flatten(lsbc_cell *cell) {
  for (int64_t k = 0; k < cell->n; k++) {
    double at[3];
    lsbc_cell_place(cell, &cell->corner[k], 0, at);
    if (at[2] < LOWEST_DEPTH) return 1;
    cell->corner[k].flat[0] = at[0] / at[2];
    cell->corner[k].flat[1] = at[1] / at[2];
  }
  return 0;
}

/* The area alone tells the direction; the corners end up counter-clockwise. */
static void measure(lsbc_cell *cell) {
  lsbc_corner *c = cell->corner;
  int64_t n = cell->n;
  double sum = 0.0, three[3][2];
  for (int64_t k = 2; k < n; k++) {
    for (int a = 0; a < 2; a++) {
      three[0][a] = c[0].flat[a];
      three[1][a] = c[k - 1].flat[a];
      three[2][a] = c[k].flat[a];
    }
    sum += cell->edges == LSBC_GREAT_CIRCLE ? lsbc_gnomonic_area(three, 3)
         : cell->edges == LSBC_PLANAR      ? lsbc_planar_area(three, 3)
                                           : lsbc_latlon_area(three, 3, cell->sin, cell->cos);
  }
  cell->area_sr = fabs(sum);
  for (int64_t k = 0; sum < 0.0 && k < n / 2; k++) {
    lsbc_corner swap = c[k];
    c[k] = c[n - 1 - k];
    c[n - 1 - k] = swap;
  }
}

static int is_convex(const lsbc_cell *cell) {
  int64_t n = cell->n;
  for (int64_t k = 0; k < n; k++) {
    const double *a = cell->corner[k].flat, *b = cell->corner[(k + 1) % n].flat, *c = cell->corner[(k + 2) % n].flat;
    double x = b[0] - a[0], y = b[1] - a[1], u = c[0] - b[0], v = c[1] - b[1];
    double bend = x * v - y * u, rounding = STRAIGHT * (fabs(x) + fabs(y)) * (fabs(u) + fabs(v));
    if (bend < -rounding || (bend <= rounding && x * u + y * v < 0.0)) return 0; /* inwards, or back on itself */
  }
  return 1;
}

static void grow_box(lsbc_box *box, const double low[3], const double high[3]) {
  for (int a = 0; a < 3; a++) {
    if (low[a] < box->low[a]) box->low[a] = low[a];
    if (high[a] > box->high[a]) box->high[a] = high[a];
  }
}

/* The cell is the hull of its corners, seen from the Earth's centre: it rises above the hull by 1 - cos(radius) at most. */
static void box_of_arcs(lsbc_cell *cell) {
  double rise = 0.0;
  for (int64_t k = 0; k < cell->n; k++) {
    const lsbc_corner *c = &cell->corner[k];
    grow_box(&cell->box, c->unit, c->unit);
    double lift = 0.5 * (c->flat[0] * c->flat[0] + c->flat[1] * c->flat[1]);
    if (lift > rise) rise = lift;
  }
  for (int a = 0; a < 3; a++) {
    cell->box.low[a] -= rise + BOX_SLACK;
    cell->box.high[a] += rise + BOX_SLACK;
  }
}

/* Range of cos(angle) between two angles in degrees. */
static void cosine_range(double from_deg, double to_deg, double *low, double *high) {
  double a = cos(from_deg * LSBC_RADIAN_PER_DEG), b = cos(to_deg * LSBC_RADIAN_PER_DEG);
  *low = floor((to_deg - 180.0) / 360.0) >= ceil((from_deg - 180.0) / 360.0) ? -1.0 : a < b ? a : b;
  *high = floor(to_deg / 360.0) >= ceil(from_deg / 360.0) ? 1.0 : a > b ? a : b;
}

static void box_of_rectangle(lsbc_cell *cell) {
  double south = 90.0, north = -90.0, least_cos = 1.0, most_cos = 0.0, low[3], high[3];
  cell->west_deg = 1e9;
  cell->east_deg = -1e9;
  for (int64_t k = 0; k < cell->n; k++) {
    const lsbc_corner *c = &cell->corner[k];
    double east = difference_deg(cell->lon_deg, c->lon_deg, c->turn);
    if (east < cell->west_deg) cell->west_deg = east;
    if (east > cell->east_deg) cell->east_deg = east;
    if (c->lat_deg < south) south = c->lat_deg;
    if (c->lat_deg > north) north = c->lat_deg;
    if (c->cos < least_cos) least_cos = c->cos;
    if (c->cos > most_cos) most_cos = c->cos;
  }
  if (south <= 0.0 && north >= 0.0) most_cos = 1.0;
  cosine_range(cell->lon_deg + cell->west_deg, cell->lon_deg + cell->east_deg, &low[0], &high[0]);
  cosine_range(cell->lon_deg + cell->west_deg - 90.0, cell->lon_deg + cell->east_deg - 90.0, &low[1], &high[1]);
  for (int a = 0; a < 2; a++) {
    low[a] *= low[a] < 0.0 ? most_cos : least_cos;
    high[a] *= high[a] > 0.0 ? most_cos : least_cos;
  }
  low[2] = sin(south * LSBC_RADIAN_PER_DEG);
  high[2] = sin(north * LSBC_RADIAN_PER_DEG);
  for (int a = 0; a < 3; a++) {
    low[a] -= BOX_SLACK;
    high[a] += BOX_SLACK;
  }
  grow_box(&cell->box, low, high);
}

int lsbc_cell_read(lsbc_cell *cell, const double *lon_deg, const double *lat_deg, int64_t n, int edges, lsbc_memo *memo) {
  cell->edges = edges;
  cell->convex = 1;
  cell->area_sr = 0.0;
  cell->box = (lsbc_box){{2.0, 2.0, 2.0}, {-2.0, -2.0, -2.0}};
  read_corners(cell, lon_deg, lat_deg, n, memo);
  if (cell->n < 3) return 1;
  if (edges == LSBC_GREAT_CIRCLE) {
    touch_middle(cell);
  } else {
    if (unwind(cell)) return 1;
    touch_first(cell);
  }
  if (flatten(cell)) return 1;
  measure(cell);
  cell->convex = is_convex(cell);
  if (edges == LSBC_GREAT_CIRCLE) box_of_arcs(cell);
  else box_of_rectangle(cell);
  return 0;
}
