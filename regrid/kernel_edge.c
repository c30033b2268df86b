/* Great circles are followed by the tangent of latitude, t(x) = t_base cos x + slope sin x, always as a difference from
 * the end nearer the equator: a cell of ten metres is then as accurate, relative to its area, as one of a hundred
 * kilometres. No step divides by zero or makes a NaN: the host may have armed floating-point traps. */
#include "kernel_edge.h"

#include <math.h>

#define POLE_COS 1e-17
#define GAUSS_STEP 0.005     /* three points are good to rounding below this share of the distance to the singularity */
#define GAUSS_STEP_MAX 4     /* beyond it the closed form loses less than the rule costs */
#define PARALLEL_STEP 0.01

static const double gauss_node[3] = {-0.77459666924148337704, 0.0, 0.77459666924148337704};
static const double gauss_weight[3] = {5.0 / 18.0, 8.0 / 18.0, 5.0 / 18.0};

static double sine(double x) {
  if (fabs(x) > 0.02) return sin(x);
  double y = x * x;
  return x * (1.0 - y * (1.0 / 6.0 - y * (1.0 / 120.0 - y * (1.0 / 5040.0))));
}

lsbc_parallel lsbc_parallel_at(double hi_deg, double lo_deg) {
  lsbc_parallel line = {hi_deg, lo_deg, 0.0, 1.0, 0.0};
  if (fabs(hi_deg) > 45.0) { /* from the colatitude, which is exact in degrees near the pole */
    double side = hi_deg > 0.0 ? 1.0 : -1.0;
    double colat = ((90.0 - fabs(hi_deg)) - side * lo_deg) * LSBC_RADIAN_PER_DEG;
    line.sin = side * cos(colat);
    line.cos = sin(colat);
  } else {
    double lat = (hi_deg + lo_deg) * LSBC_RADIAN_PER_DEG;
    line.sin = sin(lat);
    line.cos = cos(lat);
  }
  if (line.cos < POLE_COS) line.cos = POLE_COS;
  line.tan = line.sin / line.cos;
  return line;
}

static double latitude_difference(double lat_deg, const lsbc_parallel *line) {
  return ((lat_deg - line->hi_deg) - line->lo_deg) * LSBC_RADIAN_PER_DEG;
}

/* sin(line + height) - sin(line) */
static double sine_gain(const lsbc_parallel *line, double height) {
  double half = sine(0.5 * height);
  return 2.0 * half * (line->cos * cos(0.5 * height) - line->sin * half);
}

double lsbc_sine_difference(const lsbc_parallel *a, const lsbc_parallel *b) {
  double height = latitude_difference(a->hi_deg, b) + a->lo_deg * LSBC_RADIAN_PER_DEG;
  return sine_gain(b, height);
}

static void prepare_great_circle(lsbc_edge *edge, const lsbc_parallel *base, const lsbc_parallel *other) {
  double sin_span = sin(edge->span), half_cos = cos(0.5 * edge->span);
  edge->rise = sine(latitude_difference(other->hi_deg, base)) / (base->cos * other->cos);
  edge->inv_sin_span = 1.0 / sin_span;
  edge->inv_cos_half = 1.0 / half_cos;
  edge->tan_half = sin(0.5 * edge->span) / half_cos;
  edge->slope = edge->rise / sin_span + base->tan * edge->tan_half;
  double top = sqrt(base->tan * base->tan + edge->slope * edge->slope); /* tangent of the circle's highest latitude */
  int one_side = (base->tan > 0.0 && other->tan > 0.0) || (base->tan < 0.0 && other->tan < 0.0);
  double lowest = one_side ? fabs(base->tan) : 0.0;
  edge->sharpness = (top > 1.0 ? top : 1.0) / sqrt(1.0 + lowest * lowest);
  double x = top > 0.0 ? atan2(edge->slope, base->tan) : 0.0;
  if (x < 0.0) x += 3.14159265358979323846;
  if (x > 0.0 && x < edge->span) {
    edge->extremum = edge->base_is_west ? x : edge->span - x;
    edge->extremum_tan = base->tan < 0.0 || (base->tan == 0.0 && other->tan < 0.0) ? -top : top;
  }
}

lsbc_edge lsbc_edge_between(const lsbc_parallel *west, const lsbc_parallel *east, double span, int edges) {
  lsbc_edge edge = {0};
  edge.edges = edges;
  edge.base_is_west = fabs(west->hi_deg) <= fabs(east->hi_deg);
  edge.span = span;
  edge.extremum = -1.0;
  const lsbc_parallel *base = edge.base_is_west ? west : east, *other = edge.base_is_west ? east : west;
  edge.base_lat_deg = base->hi_deg;
  edge.other_lat_deg = other->hi_deg;
  edge.base_cos = base->cos;
  edge.base_tan = base->tan;
  if (edges == LSBC_GREAT_CIRCLE) prepare_great_circle(&edge, base, other);
  else edge.rise = edges == LSBC_LATLON ? latitude_difference(other->hi_deg, base) : lsbc_sine_difference(other, base);
  return edge;
}

double lsbc_edge_offset(const lsbc_edge *edge, const lsbc_parallel *line) {
  double height = latitude_difference(edge->base_lat_deg, line);
  if (edge->edges == LSBC_GREAT_CIRCLE) return sine(height) / (edge->base_cos * line->cos);
  return edge->edges == LSBC_LATLON ? height : sine_gain(line, height);
}

double lsbc_edge_rise(const lsbc_edge *edge, double along) {
  double x = edge->base_is_west ? along : edge->span - along, rest = edge->base_is_west ? edge->span - along : along;
  if (edge->edges != LSBC_GREAT_CIRCLE) return edge->rise * (x / edge->span);
  double bulge = 2.0 * sine(0.5 * x) * sine(0.5 * rest) * edge->inv_cos_half;
  return sine(x) * edge->inv_sin_span * edge->rise + edge->base_tan * bulge;
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

double lsbc_edge_crossing(const lsbc_edge *edge, const lsbc_parallel *line, double offset, double low, double high) {
  if (edge->edges != LSBC_GREAT_CIRCLE) {
    double share = edge->rise != 0.0 && fabs(offset) <= fabs(edge->rise) ? -offset / edge->rise : 1.0;
    double x = share * edge->span;
    return clamp(edge->base_is_west ? x : edge->span - x, low, high);
  }
  /* (t_base + t_line) z^2 - 2 slope z - offset = 0 with z = tan(x / 2), in the form without cancellation */
  double a = edge->base_tan + line->tan, root = edge->slope * edge->slope + a * offset;
  double q = edge->slope + (edge->slope < 0.0 ? -1.0 : 1.0) * (root > 0.0 ? sqrt(root) : 0.0);
  double top[2] = {-offset, q}, bottom[2] = {q, a}, best = low, best_miss = 1e9;
  for (int k = 0; k < 2 && best_miss > 0.0; k++) {
    if (fabs(top[k]) >= 1e15 * fabs(bottom[k])) continue;
    double x = 2.0 * atan(top[k] / bottom[k]);
    double along = edge->base_is_west ? x : edge->span - x;
    double miss = along < low ? low - along : along > high ? along - high : 0.0;
    if (miss < best_miss) { best_miss = miss; best = along; }
  }
  return clamp(best, low, high);
}

/* Area of the triangle between the arc and the pole of its half of the sphere, in closed form. */
static double polar_triangle(double tan_low, double tan_high, double width) {
  double a = sqrt(1.0 + tan_low * tan_low), b = sqrt(1.0 + tan_high * tan_high);
  double half_a = tan_low > 0.0 ? 1.0 / (tan_low + a) : a - tan_low;
  double half_b = tan_high > 0.0 ? 1.0 / (tan_high + b) : b - tan_high;
  double k = half_a * half_b;
  return 2.0 * atan2(k * sin(width), 1.0 + k * cos(width));
}

static double closed_area(const lsbc_edge *edge, const lsbc_parallel *line, double low, double high) {
  double tan_low = edge->base_tan + lsbc_edge_rise(edge, low), tan_high = edge->base_tan + lsbc_edge_rise(edge, high);
  double width = high - low, square = line->cos * line->cos;
  if (tan_low + tan_high >= 0.0) {
    double rest = line->sin > 0.0 ? square / (1.0 + line->sin) : 1.0 - line->sin;
    return rest * width - polar_triangle(tan_low, tan_high, width);
  }
  double rest = line->sin < 0.0 ? square / (1.0 - line->sin) : 1.0 + line->sin;
  return polar_triangle(-tan_low, -tan_high, width) - rest * width;
}

/* sin(latitude) - sin(line) from the difference of the tangents */
static double sine_from_tangent(double tangent, double difference, const lsbc_parallel *line) {
  double square = 1.0 + tangent * tangent, here = tangent / sqrt(square);
  int one_side = (tangent > 0.0 && line->tan > 0.0) || (tangent < 0.0 && line->tan < 0.0);
  if (!one_side) return here - line->sin;
  return difference * line->cos * ((tangent + line->tan) * line->cos) / (square * (here + line->sin));
}

double lsbc_edge_area(const lsbc_edge *edge, const lsbc_parallel *line, double offset, double low, double high) {
  double width = high - low;
  int great_circle = edge->edges == LSBC_GREAT_CIRCLE;
  if (edge->edges == LSBC_PLANAR) return (offset + lsbc_edge_rise(edge, 0.5 * (low + high))) * width;
  if (!great_circle && edge->rise == 0.0) return sine_gain(line, offset) * width;
  double reach = great_circle ? width * edge->sharpness / GAUSS_STEP
                              : width * fabs(edge->rise) / (edge->span * PARALLEL_STEP);
  if (great_circle && reach >= GAUSS_STEP_MAX) return closed_area(edge, line, low, high);
  int n_step = 1 + (int)reach;
  double step = width / n_step, sum = 0.0;
  for (int k = 0; k < n_step; k++) {
    double middle = low + (k + 0.5) * step;
    for (int p = 0; p < 3; p++) {
      double rise = lsbc_edge_rise(edge, middle + 0.5 * step * gauss_node[p]);
      sum += gauss_weight[p] * (great_circle ? sine_from_tangent(edge->base_tan + rise, rise + offset, line)
                                             : sine_gain(line, rise + offset));
    }
  }
  return sum * step;
}
