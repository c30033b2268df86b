/* The inner loops of kernel_apply.c, for one type of field and one vector width. Included once for each, so no guard:
 * REAL is double or float, LANES the doubles of a vector, TARGET the function attribute that allows them, NAME(x) the name. */

#if LANES == 1
typedef double NAME(vector);
typedef int NAME(truth);
#define LOAD(p) ((double)*(p))
#define STORE(p, v) (*(p) = (v))
#define KEEP(valid, v) ((valid) ? (v) : 0.0)
#else
typedef double NAME(vector) __attribute__((vector_size(8 * LANES)));
typedef int64_t NAME(truth) __attribute__((vector_size(8 * LANES)));
typedef double NAME(doubles) __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef REAL NAME(reals) __attribute__((vector_size(sizeof(REAL) * LANES), aligned(sizeof(REAL)), may_alias));
#define LOAD(p) __builtin_convertvector(*(const NAME(reals) *)(p), NAME(vector))
#define STORE(p, v) (*(NAME(doubles) *)(p) = (v))
#define KEEP(valid, v) ((NAME(vector))((NAME(truth))(v) & (valid)))
#endif

/* One row: its entries, where its sums go, and the factor they are given. */
typedef struct {
  int64_t n_entry;
  const int32_t *index;
  const double *weight;
  double scale;
  double *sum;
} NAME(one_row);

/* Where block b of a row starts: the last one reaches back so as to end with the row. */
#define BLOCK(b) ((b) * LANES < n_field - LANES ? (b) * LANES : n_field - LANES)

/* Sums of n_block blocks at once, each in a register. */
#define DEFINE_PANEL(n_block)                                                                                       \
  TARGET static inline __attribute__((always_inline)) void NAME(panel##n_block)(NAME(one_row) row, const REAL *values, int64_t n_field, int64_t block) { \
    NAME(vector) total[n_block];                                                                                    \
    int64_t at[n_block];                                                                                            \
    for (int b = 0; b < n_block; b++) {                                                                             \
      at[b] = BLOCK(block + b);                                                                                     \
      total[b] = (NAME(vector)){0.0};                                                                               \
    }                                                                                                               \
    for (int64_t k = 0; k < row.n_entry; k++) {                                                                     \
      const REAL *value = values + row.index[k] * n_field;                                                          \
      for (int b = 0; b < n_block; b++) total[b] += row.weight[k] * LOAD(value + at[b]);                            \
    }                                                                                                               \
    for (int b = 0; b < n_block; b++) STORE(row.sum + at[b], total[b] * row.scale);                                 \
  }
DEFINE_PANEL(1)
DEFINE_PANEL(2)
DEFINE_PANEL(3)
DEFINE_PANEL(4)

/* One row of which some value is NaN: the mean over the entries that are valid, by field. */
TARGET static void NAME(valid_row)(const lsbc_tile *tile, int64_t row, double *sum) {
  const lsbc_product *product = tile->product;
  const int64_t n_field = tile->fields->n_field, n_block = (n_field + LANES - 1) / LANES;
  for (int64_t block = 0; block < n_block; block++) {
    const int64_t at = BLOCK(block);
    NAME(vector) total = {0.0}, share = {0.0};
    for (int64_t k = product->rows.offsets[row]; k < product->rows.offsets[row + 1]; k++) {
      const NAME(vector) value = LOAD((const REAL *)tile->fields->values + product->rows.index[k] * n_field + at);
      const NAME(vector) weight = (NAME(vector)){0.0} + product->weight[k];
      const NAME(truth) valid = value == value;
      total += KEEP(valid, weight * value);
      share += KEEP(valid, weight);
    }
    STORE(sum + at, total);
    STORE(tile->spare + at, share);
  }
  for (int64_t f = 0; f < n_field; f++) {
    double share = tile->spare[f];
    int enough = share > 0.0 && share >= product->least[row];
    sum[f] = enough ? sum[f] * lsbc_reciprocal(share) : missing_value;
  }
}

/* Is one of n sums, which are at least LANES, not a number? */
TARGET static int NAME(has_nan)(const double *sums, int64_t n) {
  int64_t any = 0;
  NAME(truth) bad = {0};
  for (int64_t k = 0; k < n; k += LANES) {
    const double *at = sums + (k < n - LANES ? k : n - LANES);
#if LANES == 1
    bad |= *at != *at;
#else
    bad |= *(const NAME(doubles) *)at != *(const NAME(doubles) *)at;
#endif
  }
#if LANES == 1
  any = bad;
#else
  for (int k = 0; k < LANES; k++) any |= bad[k];
#endif
  return any != 0;
}

TARGET static void NAME(rows)(const lsbc_tile *tile) {
  const int64_t n_field = tile->fields->n_field, n_block = (n_field + LANES - 1) / LANES, first = tile->first, last = tile->last;
  const int64_t *offsets = tile->product->rows.offsets;
  const int32_t *index = tile->product->rows.index;
  const double *weight = tile->product->weight, *scale = tile->product->scale;
  const REAL *values = tile->fields->values;
  double *sum = tile->sums;
  for (int64_t row = first; row < last; row++, sum += n_field) {
    const NAME(one_row) one = {offsets[row + 1] - offsets[row], index + offsets[row], weight + offsets[row], scale ? scale[row] : 1.0, sum};
    int64_t block = 0;
    for (; block + 4 <= n_block; block += 4) NAME(panel4)(one, values, n_field, block);
    if (n_block - block == 3) NAME(panel3)(one, values, n_field, block);
    if (n_block - block == 2) NAME(panel2)(one, values, n_field, block);
    if (n_block - block == 1) NAME(panel1)(one, values, n_field, block);
  }
  if (tile->product->least && NAME(has_nan)(tile->sums, (tile->last - tile->first) * n_field))
    for (int64_t row = tile->first; row < tile->last; row++) {
      double *sum = tile->sums + (row - tile->first) * n_field;
      if (offsets[row] < offsets[row + 1] && NAME(has_nan)(sum, n_field)) NAME(valid_row)(tile, row, sum);
    }
  for (int64_t row = tile->first; row < tile->last; row++)
    if (offsets[row] == offsets[row + 1])
      for (int64_t f = 0; f < n_field; f++) tile->sums[(row - tile->first) * n_field + f] = missing_value;
}

#undef DEFINE_PANEL
#undef BLOCK
#undef STORE
#undef LOAD
#undef KEEP
