/* Sums over the rows of a sparse matrix. The integer sums do not depend on the order of the entries; the floating-point
 * ones are taken strictly in it. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel.h"

int64_t lsbc_class_sums(const lsbc_rows *rows, const int64_t *weight, const uint8_t *category, int32_t n_category,
                        int32_t no_data, int64_t *sums) {
  memset(sums, 0, (size_t)(rows->n_row * n_category) * sizeof *sums);
  for (int64_t row = 0; row < rows->n_row; row++) {
    int64_t *sum = sums + row * n_category;
    for (int64_t k = rows->offsets[row]; k < rows->offsets[row + 1]; k++) {
      if (rows->index[k] < 0 || rows->index[k] >= rows->n_column) return k + 1;
      uint8_t class_of_cell = category[rows->index[k]];
      if (class_of_cell == no_data) continue;
      if (class_of_cell >= n_category) return k + 1;
      sum[class_of_cell] += weight[k];
    }
  }
  return 0;
}

int64_t lsbc_weighted_rows(const lsbc_rows *rows, const double *weight, const double *values, int64_t n_field,
                           double *out) {
  memset(out, 0, (size_t)(rows->n_row * n_field) * sizeof *out);
  for (int64_t row = 0; row < rows->n_row; row++) {
    double *sum = out + row * n_field;
    for (int64_t k = rows->offsets[row]; k < rows->offsets[row + 1]; k++) {
      if (rows->index[k] < 0 || rows->index[k] >= rows->n_column) return k + 1;
      const double *value = values + rows->index[k] * n_field;
      for (int64_t f = 0; f < n_field; f++) sum[f] += weight[k] * value[f];
    }
  }
  return 0;
}

void lsbc_group_entries(const lsbc_entries *from, int64_t n, int64_t n_destination, int64_t *offsets, lsbc_entries *to) {
  memset(offsets, 0, (size_t)(n_destination + 1) * sizeof *offsets);
  for (int64_t k = 0; k < n; k++) offsets[from->destination[k] + 1]++;
  for (int64_t g = 0; g < n_destination; g++) offsets[g + 1] += offsets[g];
  for (int64_t k = 0; k < n; k++) {
    int64_t at = offsets[from->destination[k]]++;
    to->source[at] = from->source[k];
    to->destination[at] = from->destination[k];
    to->area_sr[at] = from->area_sr[k];
  }
  for (int64_t g = n_destination; g > 0; g--) offsets[g] = offsets[g - 1];
  offsets[0] = 0;
}

static double sum_of(const double *value, int64_t n) {
  double sum = 0.0;
  for (int64_t k = 0; k < n; k++) sum += value[k];
  return sum;
}

static void close_row(double *weight, int64_t n) {
  int64_t largest = 0;
  for (int64_t k = 1; k < n; k++)
    if (weight[k] > weight[largest]) largest = k;
  for (int pass = 0; pass < 2; pass++) {
    double missing = 1.0 - sum_of(weight, n);
    if (fabs(missing) <= 2.0 * DBL_EPSILON) return;
    weight[largest] += missing;
  }
}

void lsbc_conservative_rows(int64_t n_row, const int64_t *offsets, const double *area_sr, const double *cell_area_sr,
                            int by_cover, double full, double *weight, double *share) {
  for (int64_t row = 0; row < n_row; row++) {
    int64_t first = offsets[row], n = offsets[row + 1] - first;
    double covered = sum_of(area_sr + first, n), cell = cell_area_sr[row];
    share[row] = cell > 0.0 ? covered / cell : 0.0;
    if (fabs(share[row] - 1.0) <= full) share[row] = 1.0;
    if (covered <= 0.0) continue;
    int whole = by_cover || share[row] == 1.0;
    for (int64_t k = first; k < first + n; k++) weight[k] = area_sr[k] / (whole ? covered : cell);
    if (whole) close_row(weight + first, n);
  }
}
