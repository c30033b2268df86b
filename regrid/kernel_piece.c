/* All coordinates are relative to a point of the cell, so that a cell of ten metres keeps as many digits as one of a
 * thousand kilometres. No step divides by zero or makes a NaN: the host may have armed floating-point traps. */
#include "kernel_piece.h"

#include <math.h>

#define SERIES 0.1      /* below this the series used here are good to rounding */
#define SMALL_RATIO 0.01
#define STRAIGHT 1e-8   /* a corner that encloses less than this share of its piece is none, but rounding */

double lsbc_sine(double x) {
  if (fabs(x) > SERIES) return sin(x);
  double y = x * x;
  return x - x * y * (1.0 / 6.0 - y * (1.0 / 120.0 - y * (1.0 / 5040.0 - y * (1.0 / 362880.0 - y / 39916800.0))));
}

int64_t lsbc_piece_cut(const double (*in)[2], int64_t n, const double line[3], double *side, double (*out)[2]) {
  for (int64_t k = 0; k < n; k++) side[k] = line[0] * in[k][0] + line[1] * in[k][1] + line[2];
  int64_t kept = 0;
  for (int64_t k = 0, before = n - 1; k < n; before = k++) {
    const double *p = in[before], *q = in[k];
    if ((side[before] >= 0.0) != (side[k] >= 0.0)) {
      double share = side[before] / (side[before] - side[k]);
      out[kept][0] = p[0] + (q[0] - p[0]) * share;
      out[kept++][1] = p[1] + (q[1] - p[1]) * share;
    }
    if (side[k] >= 0.0) {
      out[kept][0] = q[0];
      out[kept++][1] = q[1];
    }
  }
  return kept;
}

/* 2 atan(top / bottom) for any signs. */
static double twice_atan(double top, double bottom) {
  if (!(fabs(top) < SMALL_RATIO * bottom)) return 2.0 * atan2(top, bottom);
  double t = top / bottom, y = t * t;
  return 2.0 * (t - t * y * (1.0 / 3.0 - y * (1.0 / 5.0 - y * (1.0 / 7.0 - y / 9.0))));
}

static double length(const double p[2]) { return sqrt(1.0 + p[0] * p[0] + p[1] * p[1]); }
static double dot(const double p[2], const double q[2]) { return 1.0 + p[0] * q[0] + p[1] * q[1]; }

/* Triangles round the first corner, each by the tangent of half its excess (Van Oosterom and Strackee 1983). */
double lsbc_gnomonic_area(const double (*p)[2], int64_t n) {
  if (n < 3) return 0.0;
  double sum = 0.0, first = length(p[0]), before = length(p[1]), before_dot = dot(p[0], p[1]);
  for (int64_t k = 2; k < n; k++) {
    const double *a = p[0], *b = p[k - 1], *c = p[k];
    double here = length(c), here_dot = dot(a, c);
    double top = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    double bottom = first * before * here + before_dot * here + dot(b, c) * first + here_dot * before;
    sum += twice_atan(top, bottom);
    before = here;
    before_dot = here_dot;
  }
  return sum;
}

/* Minus the closed integral of sin(latitude) d(longitude); its mean over a straight edge is that of a sine. */
double lsbc_latlon_area(const double (*p)[2], int64_t n, double sin_lat, double cos_lat) {
  double sum = 0.0;
  for (int64_t k = 0, before = n - 1; k < n; before = k++) {
    double middle = 0.5 * (p[before][1] + p[k][1]), half = 0.5 * (p[k][1] - p[before][1]), y = half * half;
    double lost = fabs(half) < SERIES ? y * (1.0 / 6.0 - y * (1.0 / 120.0 - y * (1.0 / 5040.0 - y / 362880.0)))
                                      : 1.0 - sin(half) / half;
    double rise = lsbc_sine(0.5 * middle);
    double gain = 2.0 * rise * (cos_lat * cos(0.5 * middle) - sin_lat * rise);
    sum -= (p[k][0] - p[before][0]) * (gain - (sin_lat + gain) * lost);
  }
  return sum;
}

double lsbc_planar_area(const double (*p)[2], int64_t n) {
  double sum = 0.0;
  for (int64_t k = 2; k < n; k++)
    sum += (p[k - 1][0] - p[0][0]) * (p[k][1] - p[0][1]) - (p[k - 1][1] - p[0][1]) * (p[k][0] - p[0][0]);
  return 0.5 * sum;
}

/* theta / sin(theta) - 1 from the sine and the cosine */
static double arc_excess(double sine, double cosine) {
  double y = sine * sine;
  if (sine < SERIES && cosine > 0.0)
    return y * (1.0 / 6.0 + y * (3.0 / 40.0 + y * (5.0 / 112.0 + y * (35.0 / 1152.0 + y * (63.0 / 2816.0 +
           y * (231.0 / 13312.0 + y * 143.0 / 10240.0))))));
  return atan2(sine, cosine) / sine - 1.0;
}

/* Half the sum of theta times the edge's unit normal: the sphere's patch and the sectors below its edges close a volume.
 * theta n = (1 + excess) a x b; the sum of a x b is that of differences from the point of touch, so nothing cancels. */
void lsbc_gnomonic_moment(const double (*p)[2], int64_t n, double moment[3]) {
  moment[0] = moment[1] = moment[2] = 0.0;
  for (int64_t k = 0, before = n - 1; k < n; before = k++) {
    const double *a = p[before], *b = p[k];
    double wa = 1.0 / length(a), wb = 1.0 / length(b), w = wa * wb;
    double depth_a = -(a[0] * a[0] + a[1] * a[1]) * wa * wa / (1.0 + wa);   /* 1 / length - 1 */
    double depth_b = -(b[0] * b[0] + b[1] * b[1]) * wb * wb / (1.0 + wb);
    double x = a[1] - b[1], y = b[0] - a[0], z = a[0] * b[1] - a[1] * b[0];
    double sine = w * sqrt(x * x + y * y + z * z), excess = arc_excess(sine, w * dot(a, b));
    moment[0] += 0.5 * (a[1] * wa * depth_b - depth_a * b[1] * wb + excess * w * x);
    moment[1] += 0.5 * (depth_a * b[0] * wb - a[0] * wa * depth_b + excess * w * y);
    moment[2] += 0.5 * (w * z + excess * w * z);
  }
}

/* Twice the area of the triangle a, b, c. */
static double turn_at(const double a[2], const double b[2], const double c[2]) {
  return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]);
}

static int64_t furthest_from_first(const double (*p)[2], int64_t n) {
  int64_t found = 0;
  double most = 0.0;
  for (int64_t k = 1; k < n; k++) {
    double x = p[k][0] - p[0][0], y = p[k][1] - p[0][1], square = x * x + y * y;
    if (square > most) { most = square; found = k; }
  }
  return found;
}

void lsbc_gnomonic_middle(const double (*p)[2], int64_t n, double middle[3]) {
  double least = STRAIGHT * fabs(lsbc_planar_area(p, n));
  int64_t start = furthest_from_first(p, n);   /* surely a corner */
  const double *before = p[start];
  middle[0] = middle[1] = middle[2] = 0.0;
  for (int64_t k = start; k < start + n; k++) {
    const double *here = p[k % n];
    if (k > start && turn_at(before, here, p[(k + 1) % n]) <= least) continue;
    double w = 1.0 / length(here);
    middle[0] += here[0] * w;
    middle[1] += here[1] * w;
    middle[2] += w;
    before = here;
  }
  double norm = sqrt(middle[0] * middle[0] + middle[1] * middle[1] + middle[2] * middle[2]);
  for (int a = 0; a < 3; a++) middle[a] /= norm;
}
