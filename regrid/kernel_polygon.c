/* Every edge is run from west to east with its western end as the origin of longitude, so two polygons that share an
 * edge compute the same numbers from it and their overlaps add up to the cell. */
#include "kernel_polygon.h"

#include <math.h>
#include <stdlib.h>

#define HALF_TURN_DEG (180.0 - 1e-9)   /* a longer great-circle edge runs over the pole */

int lsbc_outline_allocate(lsbc_outline *outline, int64_t n_vertex) {
  outline->vertex = malloc((size_t)(n_vertex + 1) * sizeof *outline->vertex);
  outline->stretch = malloc((size_t)(2 * n_vertex + 1) * sizeof *outline->stretch);
  return outline->vertex && outline->stretch ? 0 : -1;
}

void lsbc_outline_free(lsbc_outline *outline) {
  free(outline->vertex);
  free(outline->stretch);
}

/* Shortest way from `a` to `b`, eastwards positive; exact where both lie near the date line. */
static double step_deg(double a_deg, double b_deg) {
  double step = b_deg - a_deg;
  if (step > 180.0) return -((180.0 - b_deg) + (a_deg + 180.0));
  if (step < -180.0) return (180.0 - a_deg) + (b_deg + 180.0);
  return step;
}

static int same_place(const lsbc_vertex *a, const lsbc_vertex *b) {
  if (a->pole || b->pole) return a->pole == b->pole;
  return a->lon_deg == b->lon_deg && a->lat.hi_deg == b->lat.hi_deg;
}

static void read_vertices(lsbc_outline *o, const double *lon_deg, const double *lat_deg, int64_t n, int edges) {
  o->n_vertex = 0;
  for (int64_t k = 0; k < n; k++) {
    lsbc_vertex v = {lsbc_wrapped_deg(lon_deg[k]), lsbc_parallel_at(lat_deg[k], 0.0), 0};
    if (edges == LSBC_GREAT_CIRCLE && fabs(lat_deg[k]) >= 90.0) v.pole = lat_deg[k] > 0.0 ? 1 : -1;
    if (o->n_vertex && same_place(&v, &o->vertex[o->n_vertex - 1])) continue;
    o->vertex[o->n_vertex++] = v;
  }
  while (o->n_vertex > 1 && same_place(&o->vertex[0], &o->vertex[o->n_vertex - 1])) o->n_vertex--;
}

/* Extend the outline by one stretch and keep the box and the winding. `at_deg` is the place reached so far. */
static void add_stretch(lsbc_outline *o, const lsbc_vertex *a, const lsbc_vertex *b, double step, int pole,
                        int edges, double *at_deg, double *mean_sine) {
  *at_deg += step;
  if (*at_deg < o->west_deg) o->west_deg = *at_deg;
  if (*at_deg > o->east_deg) o->east_deg = *at_deg;
  if (step == 0.0) return;
  lsbc_stretch *s = &o->stretch[o->n_stretch++];
  const lsbc_vertex *west = step > 0.0 ? a : b, *east = step > 0.0 ? b : a;
  s->west_deg = west->lon_deg;
  s->sign = step > 0.0 ? -1.0 : 1.0;
  s->pole = pole;
  double span = fabs(step) * LSBC_RADIAN_PER_DEG;
  *mean_sine += span * (pole ? 2.0 * pole : a->lat.sin + b->lat.sin);
  if (pole) {
    s->edge = (lsbc_edge){.span = span, .extremum = -1.0};
    if (pole > 0) o->high_deg = 90.0;
    else o->low_deg = -90.0;
    return;
  }
  s->edge = lsbc_edge_between(&west->lat, &east->lat, span, edges);
  if (s->edge.extremum > 0.0) {
    double top_deg = atan(s->edge.extremum_tan) / LSBC_RADIAN_PER_DEG;
    if (top_deg > o->high_deg) o->high_deg = top_deg;
    if (top_deg < o->low_deg) o->low_deg = top_deg;
  }
}

void lsbc_outline_read(lsbc_outline *o, const double *lon_deg, const double *lat_deg, int64_t n, int edges) {
  read_vertices(o, lon_deg, lat_deg, n, edges);
  o->n_stretch = 0;
  o->winding = o->pole = 0;
  o->west_deg = o->east_deg = 0.0;
  if (o->n_vertex < 3) return;
  int64_t first = 0;
  while (first < o->n_vertex - 1 && o->vertex[first].pole) first++;
  o->first_deg = o->vertex[first].lon_deg;
  o->low_deg = o->high_deg = o->vertex[first].lat.hi_deg;
  double at_deg = 0.0, mean_sine = 0.0;
  for (int64_t k = 0; k < o->n_vertex; k++) {
    const lsbc_vertex *a = &o->vertex[(first + k) % o->n_vertex], *b = &o->vertex[(first + k + 1) % o->n_vertex];
    int pole = 0;
    if (a->lat.hi_deg > o->high_deg) o->high_deg = a->lat.hi_deg;
    if (a->lat.hi_deg < o->low_deg) o->low_deg = a->lat.hi_deg;
    if (a->pole) continue;
    if (b->pole) { /* up to the pole, along it, and down again: only the run along it encloses area */
      pole = b->pole;
      b = &o->vertex[(first + k + 2) % o->n_vertex];
      if (b->pole) continue;
    }
    double step = step_deg(a->lon_deg, b->lon_deg);
    if (!pole && edges == LSBC_GREAT_CIRCLE && fabs(step) > HALF_TURN_DEG) pole = a->lat.hi_deg + b->lat.hi_deg >= 0.0 ? 1 : -1;
    add_stretch(o, a, b, step, pole, edges, &at_deg, &mean_sine);
  }
  if (fabs(at_deg) > 180.0) {
    o->winding = at_deg > 0.0 ? 1 : -1;
    o->pole = mean_sine >= 0.0 ? 1 : -1;
    if (o->pole > 0) o->high_deg = 90.0;
    else o->low_deg = -90.0;
  }
}

/* Vector from `a` to `b` in axes turned so that `a` has longitude 0, without cancellation. */
static void chord(const lsbc_vertex *a, const lsbc_vertex *b, double out[3]) {
  double lon = step_deg(a->lon_deg, b->lon_deg) * LSBC_RADIAN_PER_DEG, half = sin(0.5 * lon);
  double height = 0.5 * (b->lat.hi_deg - a->lat.hi_deg) * LSBC_RADIAN_PER_DEG;
  double b_cos = b->pole ? 0.0 : b->lat.cos; /* a parallel at a pole keeps a cosine that can be divided by */
  lsbc_parallel middle = lsbc_parallel_at(0.5 * (a->lat.hi_deg + b->lat.hi_deg), 0.0);
  out[0] = -2.0 * middle.sin * sin(height) - 2.0 * b_cos * half * half;
  out[1] = b_cos * sin(lon);
  out[2] = 2.0 * middle.cos * sin(height);
}

static double triangle_area(const lsbc_vertex *a, const double b[3], const double c[3]) {
  double n0 = b[1] * c[2] - b[2] * c[1], n2 = b[0] * c[1] - b[1] * c[0];
  double volume = a->lat.cos * n0 + a->lat.sin * n2;
  double bb = b[0] * b[0] + b[1] * b[1] + b[2] * b[2], cc = c[0] * c[0] + c[1] * c[1] + c[2] * c[2];
  double d0 = b[0] - c[0], d1 = b[1] - c[1], d2 = b[2] - c[2], bc = d0 * d0 + d1 * d1 + d2 * d2;
  return 2.0 * atan2(volume, 4.0 - 0.5 * (bb + cc + bc));
}

/* Mean of sin(latitude) over an edge straight in longitude and latitude, less that of `floor_line`. */
static double latlon_mean(const lsbc_edge *edge, const lsbc_parallel *floor_line) {
  double half = 0.5 * edge->rise, y = half * half;
  double lost = fabs(half) < 0.1 ? y * (1.0 / 6.0 - y * (1.0 / 120.0 - y * (1.0 / 5040.0 - y / 362880.0)))
                                 : 1.0 - sin(half) / half;
  lsbc_parallel middle = lsbc_parallel_at(edge->base_lat_deg, half / LSBC_RADIAN_PER_DEG);
  return lsbc_sine_difference(&middle, floor_line) - middle.sin * lost;
}

/* Edges that are no great circles: the mean of sin(latitude) over each, relative to the lowest parallel. */
static double area_under_edges(const lsbc_outline *o) {
  lsbc_parallel floor_line = lsbc_parallel_at(o->low_deg, 0.0);
  double sum = 0.0, round = 0.0;
  for (int64_t k = 0; k < o->n_stretch; k++) {
    const lsbc_stretch *s = &o->stretch[k];
    double mean = s->edge.edges == LSBC_LATLON ? latlon_mean(&s->edge, &floor_line)
                                               : lsbc_edge_offset(&s->edge, &floor_line) + 0.5 * s->edge.rise;
    sum += s->sign * s->edge.span * mean;
    round -= s->sign * s->edge.span;
  }
  if (o->pole <= 0) return sum;
  double rest = floor_line.sin > 0.0 ? floor_line.cos * floor_line.cos / (1.0 + floor_line.sin) : 1.0 - floor_line.sin;
  return sum + o->winding * fabs(round) * rest;
}

double lsbc_outline_area(const lsbc_outline *o, int edges) {
  if (o->n_vertex < 3) return 0.0;
  if (edges != LSBC_GREAT_CIRCLE) return area_under_edges(o);
  double sum = 0.0, b[3], c[3];
  chord(&o->vertex[0], &o->vertex[1], b);
  for (int64_t k = 2; k < o->n_vertex; k++) {
    chord(&o->vertex[0], &o->vertex[k], c);
    sum += triangle_area(&o->vertex[0], b, c);
    b[0] = c[0]; b[1] = c[1]; b[2] = c[2];
  }
  return sum;
}
