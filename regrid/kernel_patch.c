#include "kernel_patch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_place.h"

/* A point that misses every patch by less than this share of one still belongs to it: coordinates round. */
#define SLACK 5e-8

/* Weights below this are rounding of the coordinates and become 0, so that a point on a side needs its two ends only. */
#define NO_WEIGHT 1e-12

/* Points that ask the tree together, unless they are scattered over more than FAR patches. */
#define TOGETHER 32
#define FAR 8.0

typedef struct {
  const lsbc_patches *patches;
  lsbc_place *node;
  lsbc_box *box;
  int8_t *fold; /* the corner of a quadrangle that points inwards: it is cut into two triangles there; -1: none */
  lsbc_tree tree;
  lsbc_found found;
  double mean_width; /* of the boxes */
} search;

/* Where a point lies: weights of the corners in their order, and by how much it misses the patch. */
typedef struct {
  double weight[4], off;
} place_in_patch;

static int corners_of(const lsbc_patches *patches, int64_t k) { return patches->corner[4 * k + 3] < 0 ? 3 : 4; }

static double cross(const double a[2], const double b[2]) { return a[0] * b[1] - a[1] * b[0]; }

/* How the way from a over b to c turns, seen from outside the sphere. */
static double turn(const double *a, const double *b, const double *c) {
  double x = b[0] - a[0], y = b[1] - a[1], z = b[2] - a[2], u = c[0] - b[0], v = c[1] - b[1], w = c[2] - b[2];
  return (y * w - z * v) * b[0] + (z * u - x * w) * b[1] + (x * v - y * u) * b[2];
}

static int fold_of(const lsbc_place *corner[4]) {
  int n_left = 0, n_right = 0, left = -1, right = -1;
  double bend[4], sum = 0.0;
  for (int k = 0; k < 4; k++) {
    bend[k] = turn(corner[(k + 3) % 4]->xyz, corner[k]->xyz, corner[(k + 1) % 4]->xyz);
    sum += fabs(bend[k]);
  }
  for (int k = 0; k < 4; k++) {
    if (bend[k] > SLACK * sum) { n_left++; left = k; }
    if (bend[k] < -SLACK * sum) { n_right++; right = k; }
  }
  if (n_left == 3 && n_right == 1) return right;
  return n_right == 3 && n_left == 1 ? left : -1;
}

/* A box around the part of the sphere behind a patch: the corners, and the height of the sphere over their chords. */
static lsbc_box box_of(const lsbc_place *corner[], int n) {
  lsbc_box box;
  double middle[3] = {0.0, 0.0, 0.0}, lowest = 1.0, width = 0.0;
  for (int a = 0; a < 3; a++) {
    box.low[a] = box.high[a] = corner[0]->xyz[a];
    for (int k = 0; k < n; k++) {
      double x = corner[k]->xyz[a];
      middle[a] += x;
      if (x < box.low[a]) box.low[a] = x;
      if (x > box.high[a]) box.high[a] = x;
    }
    if (box.high[a] - box.low[a] > width) width = box.high[a] - box.low[a];
  }
  double length = sqrt(middle[0] * middle[0] + middle[1] * middle[1] + middle[2] * middle[2]);
  for (int k = 0; k < n && length > 0.0; k++) {
    double height = (corner[k]->xyz[0] * middle[0] + corner[k]->xyz[1] * middle[1] + corner[k]->xyz[2] * middle[2]) / length;
    if (height < lowest) lowest = height;
  }
  double pad = (length > 0.0 ? 1.0 - lowest : 2.0) + 4.0 * SLACK * width + 1e-15;
  for (int a = 0; a < 3; a++) {
    box.low[a] -= pad;
    box.high[a] += pad;
  }
  return box;
}

static double width_of(const lsbc_box *box) {
  double width = 0.0;
  for (int a = 0; a < 3; a++)
    if (box->high[a] - box->low[a] > width) width = box->high[a] - box->low[a];
  return width;
}

static int prepare(search *all) {
  const lsbc_patches *patches = all->patches;
  all->node = malloc((size_t)(patches->n_node + 1) * sizeof *all->node);
  all->box = malloc((size_t)(patches->n_patch + 1) * sizeof *all->box);
  all->fold = malloc((size_t)(patches->n_patch + 1));
  if (!all->node || !all->box || !all->fold) return -1;
  for (int64_t k = 0; k < patches->n_node; k++) all->node[k] = lsbc_place_at(patches->lon_deg[k], patches->lat_deg[k]);
  for (int64_t k = 0; k < patches->n_patch; k++) {
    const lsbc_place *corner[4];
    int n = corners_of(patches, k);
    for (int c = 0; c < n; c++) corner[c] = &all->node[patches->corner[4 * k + c]];
    all->box[k] = box_of(corner, n);
    all->fold[k] = n == 4 ? (int8_t)fold_of(corner) : -1;
  }
  for (int64_t k = 0; k < patches->n_patch; k++) all->mean_width += width_of(&all->box[k]) / (double)patches->n_patch;
  return lsbc_tree_build(&all->tree, all->box, patches->n_patch);
}

static void discard(search *all) {
  lsbc_tree_free(&all->tree);
  free(all->found.item);
  free(all->node);
  free(all->box);
  free(all->fold);
}

/* Makes the cross products `side` of the n sides positive and returns by what share of the patch the point (at 0, 0) misses
 * it: 0 inside and on its sides; 1 for a patch without area. */
static double missed(double side[4], int n, double *sign) {
  double sum = 0.0, off = 0.0;
  for (int k = 0; k < n; k++) sum += side[k];
  *sign = sum < 0.0 ? -1.0 : 1.0;
  sum *= *sign;
  for (int k = 0; k < n; k++) {
    side[k] *= *sign;
    if (-side[k] > off) off = -side[k];
    if (side[k] < 0.0) side[k] = 0.0;
  }
  return sum <= 0.0 || off >= sum ? 1.0 : off / sum;
}

/* The root in 0..1 of low (1 - t)^2 + 2 middle t (1 - t) - high t^2, with low and high not negative; no cancellation. */
static double root(double low, double middle, double high) {
  double size = sqrt(middle * middle + low * high);
  if (middle < 0.0) return low / (low + (size - middle));
  double up = middle + size;
  if (up + high > 0.0) return up / (up + high);
  return low > 0.0 ? 1.0 : 0.0;
}

static double without_rounding(double share) {
  return share < NO_WEIGHT ? 0.0 : share > 1.0 - NO_WEIGHT ? 1.0 : share;
}

static place_in_patch in_triangle(const double q[3][2]) {
  double side[4], sign;
  for (int k = 0; k < 3; k++) side[k] = cross(q[k], q[(k + 1) % 3]);
  place_in_patch at = {.off = missed(side, 3, &sign)};
  if (at.off > SLACK) return at;
  double sum = side[0] + side[1] + side[2], kept = 0.0;
  for (int k = 0; k < 3; k++) kept += at.weight[k] = side[(k + 1) % 3] < NO_WEIGHT * sum ? 0.0 : side[(k + 1) % 3];
  for (int k = 0; k < 3; k++) at.weight[k] /= kept;
  return at;
}

static place_in_patch in_quadrangle(const double q[4][2]) {
  double side[4], sign;
  for (int k = 0; k < 4; k++) side[k] = cross(q[k], q[(k + 1) % 4]);
  place_in_patch at = {.off = missed(side, 4, &sign)};
  if (at.off > SLACK) return at;
  double one = 0.5 * sign * cross(q[0], q[2]), two = 0.5 * sign * cross(q[1], q[3]);
  double s = without_rounding(root(side[3], -(one + two), side[1])), t = without_rounding(root(side[0], one - two, side[2]));
  at.weight[0] = (1.0 - s) * (1.0 - t);
  at.weight[1] = s * (1.0 - t);
  at.weight[2] = s * t;
  at.weight[3] = (1.0 - s) * t;
  return at;
}

/* A quadrangle with an inward corner: the better of the triangles on both sides of the cut from there. */
static place_in_patch in_folded(const double q[4][2], int fold) {
  place_in_patch best = {.off = 1.0};
  for (int half = 0; half < 2; half++) {
    int at[3] = {fold, (fold + 1 + half) % 4, (fold + 2 + half) % 4};
    double part[3][2];
    for (int k = 0; k < 3; k++) memcpy(part[k], q[at[k]], sizeof part[k]);
    place_in_patch found = in_triangle((const double(*)[2])part);
    if (found.off >= best.off) continue;
    best = (place_in_patch){.off = found.off};
    for (int k = 0; k < 3; k++) best.weight[at[k]] = found.weight[k];
  }
  return best;
}

static place_in_patch in_patch(const search *all, const lsbc_place *point, int64_t patch) {
  const place_in_patch outside = {.off = 1.0};
  double q[4][2];
  int n = corners_of(all->patches, patch);
  for (int k = 0; k < n; k++)
    if (!lsbc_place_seen(point, &all->node[all->patches->corner[4 * patch + k]], q[k])) return outside;
  if (n == 3) return in_triangle((const double(*)[2])q);
  if (all->fold[patch] >= 0) return in_folded((const double(*)[2])q, all->fold[patch]);
  return in_quadrangle((const double(*)[2])q);
}

static int holds(const lsbc_box *box, const double x[3]) {
  for (int a = 0; a < 3; a++)
    if (x[a] < box->low[a] || x[a] > box->high[a]) return 0;
  return 1;
}

/* The lowest patch found that holds the point, else the one it misses least. */
static int64_t choose(const search *all, const lsbc_place *point, place_in_patch *at) {
  int64_t best = -1;
  at->off = SLACK;
  for (int64_t k = 0; k < all->found.n && at->off > 0.0; k++) {
    int64_t patch = all->found.item[k];
    if (!holds(&all->box[patch], point->xyz)) continue;
    place_in_patch here = in_patch(all, point, patch);
    if (here.off >= at->off) continue;
    *at = here;
    best = patch;
  }
  return best;
}

/* Corners with weight, ascending by node; a corner that stands twice is counted once. */
static void write_entries(const search *all, int64_t patch, const place_in_patch *at, int64_t node[4], double weight[4]) {
  int n = 0;
  for (int k = 0; k < 4; k++) {
    node[k] = -1;
    weight[k] = 0.0;
  }
  for (int c = 0; patch >= 0 && c < corners_of(all->patches, patch); c++) {
    int64_t which = all->patches->corner[4 * patch + c];
    int k = n;
    if (at->weight[c] == 0.0) continue;
    while (k > 0 && node[k - 1] > which) k--;
    if (k > 0 && node[k - 1] == which) {
      weight[k - 1] += at->weight[c];
      continue;
    }
    for (int m = n++; m > k; m--) {
      node[m] = node[m - 1];
      weight[m] = weight[m - 1];
    }
    node[k] = which;
    weight[k] = at->weight[c];
  }
}

static lsbc_box box_around(const lsbc_place *point, int64_t n) {
  lsbc_box box;
  for (int a = 0; a < 3; a++) {
    box.low[a] = box.high[a] = point[0].xyz[a];
    for (int64_t k = 1; k < n; k++) {
      if (point[k].xyz[a] < box.low[a]) box.low[a] = point[k].xyz[a];
      if (point[k].xyz[a] > box.high[a]) box.high[a] = point[k].xyz[a];
    }
  }
  return box;
}

int lsbc_patch_locate(const lsbc_patches *patches, int64_t n_point, const double *lon_deg, const double *lat_deg,
                      int64_t *patch, int64_t *node, double *weight) {
  search all = {.patches = patches};
  int status = prepare(&all);
  for (int64_t first = 0; status == 0 && first < n_point; first += TOGETHER) {
    lsbc_place point[TOGETHER];
    int64_t n = n_point - first < TOGETHER ? n_point - first : TOGETHER;
    for (int64_t k = 0; k < n; k++) point[k] = lsbc_place_at(lon_deg[first + k], lat_deg[first + k]);
    lsbc_box box = box_around(point, n);
    int alone = width_of(&box) > FAR * all.mean_width;
    if (!alone) status = lsbc_tree_touching(&all.tree, &box, &all.found);
    for (int64_t k = 0; status == 0 && k < n; k++) {
      place_in_patch at = {.off = 1.0};
      box = box_around(&point[k], 1);
      if (alone) status = lsbc_tree_touching(&all.tree, &box, &all.found);
      patch[first + k] = choose(&all, &point[k], &at);
      write_entries(&all, patch[first + k], &at, &node[4 * (first + k)], &weight[4 * (first + k)]);
    }
  }
  discard(&all);
  return status;
}
