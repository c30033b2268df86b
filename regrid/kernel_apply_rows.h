/* The inner loops of kernel_apply.c for one type of source table and one vector width. Included once for each, so no guard:
 * REAL is double or float (undefined again at the end), LANES the doubles of a vector, TARGET the attribute that allows such
 * vectors, NAME(x) the name x of this version. */

#if LANES == 1
typedef double NAME(vector);
typedef int NAME(truth);
#define LOAD(p) ((double)*(p))
#define PLACE(p) (*(p))
#define KEEP(valid, v) ((valid) ? (v) : 0.0)
#define LANE(v, k) (v)
#define NARROW(to, from) (*(to) = (float)*(from))
#else
typedef double NAME(vector) __attribute__((vector_size(8 * LANES)));
typedef int64_t NAME(truth) __attribute__((vector_size(8 * LANES)));
typedef double NAME(doubles) __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef float NAME(floats) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef REAL NAME(reals) __attribute__((vector_size(sizeof(REAL) * LANES), aligned(sizeof(REAL)), may_alias));
#define LOAD(p) __builtin_convertvector(*(const NAME(reals) *)(p), NAME(vector))
#define PLACE(p) (*(NAME(doubles) *)(p))
#define KEEP(valid, v) ((NAME(vector))((NAME(truth))(v) & (valid)))
#define LANE(v, k) ((v)[k])
#define NARROW(to, from) (*(NAME(floats) *)(to) = __builtin_convertvector(PLACE(from), NAME(floats)))
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Where a block of LANES fields starts; the last one reaches back so as to end with the table's row. */
#define BLOCK(b, n_field) ((b) * LANES < (n_field) - LANES ? (b) * LANES : (n_field) - LANES)

/* The sums of n_block blocks from `block` on, each in a register. n_block is 1 to MOST_BLOCKS and known when compiled. */
TARGET ALWAYS_INLINE void NAME(panel)(const lsbc_product *product, const tile *part, int64_t block, const int n_block) {
  const table source = part->source;
  const int64_t n_field = part->n_field;
  double *sums = part->sums;
  int64_t at[MOST_BLOCKS];
  for (int b = 0; b < n_block; b++) at[b] = BLOCK(block + b, source.n_field);
  for (int64_t row = part->first; row < part->last; row++, sums += n_field) {
    const entries one = entries_of(product, row);
    NAME(vector) sum[MOST_BLOCKS];
    for (int b = 0; b < n_block; b++) sum[b] = (NAME(vector)){0.0};
#define ADD(k)                                                                       \
  do {                                                                               \
    const REAL *value = (const REAL *)source.values + one.index[k] * source.n_field; \
    for (int b = 0; b < n_block; b++) sum[b] += one.weight[k] * LOAD(value + at[b]); \
  } while (0)
    if (one.n == 4) { /* bilinear rows, without a loop */
      ADD(0);
      ADD(1);
      ADD(2);
      ADD(3);
    } else {
      for (int64_t k = 0; k < one.n; k++) ADD(k);
    }
#undef ADD
    for (int b = 0; b < n_block; b++) PLACE(sums + at[b]) = sum[b] * one.scale;
  }
}

/* One row with a value that is NaN: for each field the mean over the entries that are valid. spare holds 2 rows of the table. */
TARGET static void NAME(valid_row)(entries row, table source, double least, int64_t n_field, double *spare, double *sums) {
  double *shares = spare + source.n_field;
  for (int64_t block = 0; block * LANES < source.n_field; block++) {
    const int64_t at = BLOCK(block, source.n_field);
    NAME(vector) sum = {0.0}, share = {0.0};
    for (int64_t k = 0; k < row.n; k++) {
      const NAME(vector) value = LOAD((const REAL *)source.values + row.index[k] * source.n_field + at);
      const NAME(vector) weight = (NAME(vector)){0.0} + row.weight[k];
      const NAME(truth) valid = value == value;
      sum += KEEP(valid, weight * value);
      share += KEEP(valid, weight);
    }
    PLACE(spare + at) = sum;
    PLACE(shares + at) = share;
  }
  for (int64_t f = 0; f < n_field; f++) {
    const int enough = shares[f] > 0.0 && shares[f] >= least;
    sums[f] = enough ? spare[f] * lsbc_reciprocal(shares[f]) : missing_value;
  }
}

/* Is one of n sums, which are at least LANES, not a number? */
TARGET static int NAME(has_nan)(const double *sums, int64_t n) {
  NAME(truth) bad = {0};
  for (int64_t k = 0; k < n; k += LANES) {
    const double *at = sums + (k < n - LANES ? k : n - LANES);
    bad |= PLACE(at) != PLACE(at);
  }
  int64_t any = 0;
  for (int k = 0; k < LANES; k++) any |= LANE(bad, k);
  return any != 0;
}

/* Do the tile's offsets rise within 0..n_entry, and are its columns in range? Signs are gathered: no branches. */
TARGET static int NAME(is_sound)(const lsbc_product *product, const tile *part) {
  const int64_t *offsets = product->rows.offsets, begin = offsets[part->first], end = offsets[part->last];
  const int32_t *index = product->rows.index;
  uint64_t falls = (uint64_t)begin | ((uint64_t)product->n_entry - (uint64_t)end);
  for (int64_t row = part->first; row < part->last; row++) falls |= (uint64_t)offsets[row + 1] - (uint64_t)offsets[row];
  if (falls >> 63) return 0;
  const uint32_t top = product->rows.n_column > INT32_MAX ? INT32_MAX : (uint32_t)product->rows.n_column - 1;
  uint32_t outside = 0;
  for (int64_t k = begin; k < end; k++) outside |= (uint32_t)index[k] | (top - (uint32_t)index[k]);
  return !(outside >> 31);
}

/* The tile's sums as floats. The last vector reaches back: what lies behind the sums could overflow. */
TARGET static void NAME(narrow)(const tile *part) {
  const int64_t n = (part->last - part->first) * part->n_field;
  for (int64_t k = 0; k < n; k += LANES) {
    const int64_t at = k < n - LANES ? k : n - LANES;
    NARROW(part->narrow + at, part->sums + at);
  }
}

/* Second look at a tile with NaN: rows that have entries get the mean of the valid ones. */
TARGET static void NAME(sum_valid)(const lsbc_product *product, const tile *part) {
  const int64_t *offsets = product->rows.offsets;
  double *sums = part->sums;
  for (int64_t row = part->first; row < part->last; row++, sums += part->n_field)
    if (offsets[row] < offsets[row + 1] && NAME(has_nan)(sums, part->n_field))
      NAME(valid_row)(entries_of(product, row), part->source, product->least[row], part->n_field, part->spare, sums);
}

/* Fills part->sums, and part->narrow where there is one. Returns 0, or -1 when the tile is not sound. */
TARGET static int NAME(sum_tile)(const lsbc_product *product, const tile *part) {
  if (!NAME(is_sound)(product, part)) return -1;
  const int64_t n_block = (part->source.n_field + LANES - 1) / LANES, n_pass = (n_block + MOST_BLOCKS - 1) / MOST_BLOCKS;
  /* The first blocks come last: they overwrite what the padding of the row above has run over. */
  for (int64_t pass = n_pass - 1; pass >= 0; pass--) {
    const int64_t block = pass * n_block / n_pass;
    switch ((pass + 1) * n_block / n_pass - block) {
      case 1: NAME(panel)(product, part, block, 1); break;
      case 2: NAME(panel)(product, part, block, 2); break;
      case 3: NAME(panel)(product, part, block, 3); break;
      case 4: NAME(panel)(product, part, block, 4); break;
      case 5: NAME(panel)(product, part, block, 5); break;
      default: NAME(panel)(product, part, block, 6);
    }
  }
  blank(product, part);
  if (product->least && NAME(has_nan)(part->sums, (part->last - part->first) * part->n_field)) NAME(sum_valid)(product, part);
  if (part->narrow) NAME(narrow)(part);
  return 0;
}

#undef ALWAYS_INLINE
#undef BLOCK
#undef NARROW
#undef LANE
#undef KEEP
#undef PLACE
#undef LOAD
#undef REAL
