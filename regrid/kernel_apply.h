/* Products of remapping weights with fields, in tiles of rows. Knows no grids. Sums are taken in double precision, strictly
 * in the order of a row's entries, so the bits depend neither on the vector width nor on how the rows are divided. */
#ifndef LSBC_KERNEL_APPLY_H
#define LSBC_KERNEL_APPLY_H

#include <stdint.h>

#include "kernel.h"

/* Shares this close to 1 are 1: the rounding of a row sum. */
#define LSBC_WHOLE 1e-13

/* What is applied. A row without entries gives NaN (a constant is copied, none is computed).
 * least NULL: a missing value (NaN) spreads to every row that has an entry for it.
 * least [n_row]: means over the valid entries, NaN where the share of weight that is valid is 0 or below least[row];
 * then scale [n_row] holds lsbc_reciprocal of the row sums, or is NULL where all of them are 1. */
typedef struct {
  lsbc_rows rows;
  int64_t n_entry;
  const double *weight, *scale, *least;
} lsbc_product;

/* Fields: [n_column][n_field] in, [n_row][n_field] out, both double, or both float where is_float. */
typedef struct {
  const void *values;
  void *out;
  int64_t n_field;
  int is_float;
} lsbc_fields;

/* Doubles in the widest vector that this processor and this build have: 2, 4 or 8. */
int lsbc_apply_lanes(void);

/* 1 / share; exactly 1 for shares within LSBC_WHOLE of it. */
double lsbc_reciprocal(double share);

/* Doubles of scratch memory that lsbc_apply needs for n_field fields. */
int64_t lsbc_apply_scratch(const lsbc_product *product, int64_t n_field);

/* Rows first..last-1 with vectors of at most `lanes` doubles (1, 2, 4, 8; no more than lsbc_apply_lanes()).
 * Returns 0, -2 when the offsets fall or leave 0..n_entry, or 1 + the first entry whose column is out of range; rows before
 * it may be written. */
int64_t lsbc_apply(const lsbc_product *product, const lsbc_fields *fields, int64_t first, int64_t last, int lanes,
                   double *scratch);

#endif
