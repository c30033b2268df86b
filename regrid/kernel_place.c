#include "kernel_place.h"

#include <math.h>
#include <stdlib.h>

#include "kernel_sphere.h"

/* Distances that differ by less (radii; 13 nm on the Earth) are equal: so much do unit vectors round. */
#define TIE 2e-15

lsbc_place lsbc_place_at(double lon_deg, double lat_deg) {
  double lon = lon_deg * LSBC_RADIAN_PER_DEG, from_pole = (90.0 - lat_deg) * LSBC_RADIAN_PER_DEG;
  double cos_lat = lat_deg == -90.0 ? 0.0 : sin(from_pole), sin_lat = cos(from_pole);
  return (lsbc_place){lon_deg, lat_deg, sin_lat, cos_lat, {cos(lon) * cos_lat, sin(lon) * cos_lat, sin_lat}};
}

/* Cosine from a sine, for an angle within 90 degrees. */
static double cosine(double sine, double angle) { return sine * sine < 0.5 ? sqrt(1.0 - sine * sine) : cos(angle); }

int lsbc_place_seen(const lsbc_place *from, const lsbc_place *other, double east_north[2]) {
  double lon_deg = other->lon_deg - from->lon_deg;
  while (lon_deg > 180.0) lon_deg -= 360.0;
  while (lon_deg < -180.0) lon_deg += 360.0;
  double half_lon = 0.5 * LSBC_RADIAN_PER_DEG * lon_deg, half_lat = 0.5 * LSBC_RADIAN_PER_DEG * (other->lat_deg - from->lat_deg);
  double sin_lon = sin(half_lon), sin_lat = sin(half_lat);
  double bend = 2.0 * sin_lon * sin_lon * other->cos_lat;
  east_north[0] = 2.0 * other->cos_lat * sin_lon * cosine(sin_lon, half_lon);
  east_north[1] = 2.0 * sin_lat * cosine(sin_lat, half_lat) + bend * from->sin_lat;
  return 1.0 - 2.0 * sin_lat * sin_lat - bend * from->cos_lat > 0.0;
}

/* Boxes that reach `reach` around each point. */
static lsbc_box *boxes_around(int64_t n, const double *lon_deg, const double *lat_deg, double reach) {
  lsbc_box *box = malloc((size_t)(n ? n : 1) * sizeof *box);
  for (int64_t k = 0; box && k < n; k++) {
    lsbc_place place = lsbc_place_at(lon_deg[k], lat_deg[k]);
    for (int a = 0; a < 3; a++) {
      box[k].low[a] = place.xyz[a] - reach;
      box[k].high[a] = place.xyz[a] + reach;
    }
  }
  return box;
}

static double distance2(const double a[3], const double b[3]) {
  double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
  return x * x + y * y + z * z;
}

static double box_distance2(const lsbc_box *box, const double point[3]) {
  double sum = 0.0;
  for (int k = 0; k < 3; k++) {
    double off = point[k] < box->low[k] ? box->low[k] - point[k] : point[k] > box->high[k] ? point[k] - box->high[k] : 0.0;
    sum += off * off;
  }
  return sum;
}

/* The squared distance to the nearest item, not more than `least`, which is that of some item. */
static double least_distance2(const lsbc_tree *tree, const double point[3], double least) {
  int64_t waiting[128], n_waiting = 0;
  waiting[n_waiting++] = 0;
  while (n_waiting) {
    int64_t at = waiting[--n_waiting];
    const lsbc_node *node = &tree->node[at];
    if (box_distance2(&node->box, point) >= least) continue;
    if (node->right) {
      int64_t left = at + 1, right = node->right;
      int left_first = box_distance2(&tree->node[left].box, point) <= box_distance2(&tree->node[right].box, point);
      waiting[n_waiting++] = left_first ? right : left;
      waiting[n_waiting++] = left_first ? left : right;
      continue;
    }
    for (int64_t k = node->begin; k < node->end; k++) {
      double off = distance2(tree->item[tree->order[k]].low, point);
      if (off < least) least = off;
    }
  }
  return least;
}

/* The lowest item within a distance. */
static int64_t first_within(const lsbc_tree *tree, const double point[3], double limit2) {
  int64_t waiting[128], n_waiting = 0, first = tree->n_item;
  waiting[n_waiting++] = 0;
  while (n_waiting) {
    int64_t at = waiting[--n_waiting];
    const lsbc_node *node = &tree->node[at];
    if (node->lowest >= first || box_distance2(&node->box, point) > limit2) continue;
    if (node->right) { /* the child with the lower items last, to be looked at first */
      int left_first = tree->node[at + 1].lowest < tree->node[node->right].lowest;
      waiting[n_waiting++] = left_first ? node->right : at + 1;
      waiting[n_waiting++] = left_first ? at + 1 : node->right;
      continue;
    }
    for (int64_t k = node->begin; k < node->end; k++) {
      int64_t item = tree->order[k];
      if (item < first && distance2(tree->item[item].low, point) <= limit2) first = item;
    }
  }
  return first;
}

int lsbc_nearest(int64_t n_source, const double *source_lon_deg, const double *source_lat_deg, int64_t n_point,
                 const double *lon_deg, const double *lat_deg, int64_t *nearest) {
  lsbc_box *box = boxes_around(n_source, source_lon_deg, source_lat_deg, 0.0);
  lsbc_tree tree = {0};
  int status = box ? lsbc_tree_build(&tree, box, n_source) : -1;
  int64_t guess = 0; /* of the point before: saves steps, changes nothing */
  for (int64_t k = 0; status == 0 && k < n_point; k++) {
    nearest[k] = -1;
    if (n_source == 0) continue;
    lsbc_place place = lsbc_place_at(lon_deg[k], lat_deg[k]);
    double least = sqrt(least_distance2(&tree, place.xyz, distance2(box[guess].low, place.xyz)));
    int64_t found = first_within(&tree, place.xyz, (least + TIE) * (least + TIE));
    if (found < n_source) nearest[k] = guess = found; /* a place that is not finite has no nearest */
  }
  lsbc_tree_free(&tree);
  free(box);
  return status;
}

int lsbc_same_place(int64_t n_point, const double *lon_deg, const double *lat_deg, double reach, int64_t *first) {
  lsbc_box *box = boxes_around(n_point, lon_deg, lat_deg, 0.0);
  lsbc_tree tree = {0};
  int status = box ? lsbc_tree_build(&tree, box, n_point) : -1;
  for (int64_t k = 0; status == 0 && k < n_point; k++) {
    int64_t found = first_within(&tree, box[k].low, reach * reach);
    first[k] = found < n_point ? found : k;
  }
  lsbc_tree_free(&tree);
  free(box);
  return status;
}
