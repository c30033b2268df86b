/* Sums over the rows of a sparse matrix. The integer sums do not depend on the order of the entries; the floating-point
 * ones are taken strictly in it. */
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

void lsbc_group_by(const int64_t *group, int64_t n, int64_t n_group, int64_t *offsets, int64_t *order) {
  memset(offsets, 0, (size_t)(n_group + 1) * sizeof *offsets);
  for (int64_t k = 0; k < n; k++) offsets[group[k] + 1]++;
  for (int64_t g = 0; g < n_group; g++) offsets[g + 1] += offsets[g];
  for (int64_t k = 0; k < n; k++) order[offsets[group[k]]++] = k;
  for (int64_t g = n_group; g > 0; g--) offsets[g] = offsets[g - 1];
  offsets[0] = 0;
}
