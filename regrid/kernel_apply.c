/* Products of weights with fields: tiles of rows are summed in cache, checked there, and written out once. */
#include "kernel_apply.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#define WIDE_VECTORS 1
#endif

/* Doubles of a tile, to stay in the first cache, and rows that fill whole cache lines for any number of fields. */
#define TILE_DOUBLES 512
#define TILE_ROWS 16
/* Vectors of sums that are kept in registers; the smallest processors have 16. */
#define MOST_BLOCKS 6
/* Source rows that are used this often are first packed: as doubles, padded to whole vectors, on cache lines. */
#define PACK_USES 2
/* Doubles of a cache line, and of the widest vector. */
#define LINE 8
/* Results larger than this are written past the caches, where they could not stay anyway. */
#define STREAM_BYTES (8 << 20)

static const double missing_value = NAN;

/* Source values [n_column][n_field], padding included. */
typedef struct {
  const void *values;
  int64_t n_field;
  int is_float;
} table;

/* Rows first..last-1 into sums and, where it is not NULL, narrow [last - first][n_field]; spare holds 2 rows of the table. */
typedef struct {
  table source;
  int64_t first, last, n_field;
  double *sums, *spare;
  float *narrow;
} tile;

typedef struct {
  int64_t n;
  const int32_t *index;
  const double *weight;
  double scale;
} entries;

static inline entries entries_of(const lsbc_product *product, int64_t row) {
  const int64_t begin = product->rows.offsets[row], end = product->rows.offsets[row + 1];
  return (entries){end - begin, product->rows.index + begin, product->weight + begin,
                   product->scale ? product->scale[row] : 1.0};
}

/* Rows without entries are NaN. */
static void blank(const lsbc_product *product, const tile *part) {
  const int64_t *offsets = product->rows.offsets, n_field = part->n_field;
  for (int64_t row = part->first; row < part->last; row++)
    if (offsets[row] == offsets[row + 1])
      for (int64_t f = 0; f < n_field; f++) part->sums[(row - part->first) * n_field + f] = missing_value;
}

double lsbc_reciprocal(double share) { return fabs(share - 1.0) <= LSBC_WHOLE ? 1.0 : 1.0 / share; }

#define JOIN_EXPANDED(x, real, lanes) x##_##real##_##lanes
#define JOIN(x, real, lanes) JOIN_EXPANDED(x, real, lanes)
#define NAME(x) JOIN(x, REAL, LANES)

#define TARGET
#define LANES 1
#define REAL double
#include "kernel_apply_rows.h"
#define REAL float
#include "kernel_apply_rows.h"
#undef LANES
#define LANES 2
#define REAL double
#include "kernel_apply_rows.h"
#define REAL float
#include "kernel_apply_rows.h"
#undef LANES
#undef TARGET

#ifdef WIDE_VECTORS
#define TARGET __attribute__((target("avx2")))
#define LANES 4
#define REAL double
#include "kernel_apply_rows.h"
#define REAL float
#include "kernel_apply_rows.h"
#undef LANES
#undef TARGET
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#define LANES 8
#define REAL double
#include "kernel_apply_rows.h"
#define REAL float
#include "kernel_apply_rows.h"
#undef LANES
#undef TARGET
#endif

typedef int (*tile_sums)(const lsbc_product *, const tile *);

static tile_sums sums_of(int is_float, int lanes) {
#ifdef WIDE_VECTORS
  if (lanes == 8) return is_float ? sum_tile_float_8 : sum_tile_double_8;
  if (lanes == 4) return is_float ? sum_tile_float_4 : sum_tile_double_4;
#endif
  if (lanes == 2) return is_float ? sum_tile_float_2 : sum_tile_double_2;
  return is_float ? sum_tile_float_1 : sum_tile_double_1;
}

int lsbc_apply_lanes(void) {
#ifdef WIDE_VECTORS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) return 8;
  if (__builtin_cpu_supports("avx2")) return 4;
#endif
  return 2;
}

/* Why a tile is not sound: -2, or 1 + the first entry that is out of range. */
static int64_t fault_of(const lsbc_product *product, const tile *part) {
  const lsbc_rows *rows = &product->rows;
  if (rows->offsets[part->first] < 0 || rows->offsets[part->last] > product->n_entry) return -2;
  for (int64_t row = part->first; row < part->last; row++)
    if (rows->offsets[row] > rows->offsets[row + 1]) return -2;
  int64_t k = rows->offsets[part->first];
  while (rows->index[k] >= 0 && rows->index[k] < rows->n_column) k++;
  return k + 1;
}

/* Copy past the caches where the places allow it; both kinds of store write the same bytes. */
static void write_out(char *out, const char *from, size_t n_byte, int past_caches) {
#ifdef WIDE_VECTORS
  if (past_caches && ((uintptr_t)out | n_byte) % sizeof(__m128i) == 0) {
    for (size_t k = 0; k < n_byte; k += sizeof(__m128i))
      _mm_stream_si128((__m128i *)(out + k), _mm_loadu_si128((const __m128i *)(from + k)));
    return;
  }
#else
  (void)past_caches;
#endif
  memcpy(out, from, n_byte);
}

/* The source as doubles, its rows filled up with zeros to n_padded. */
static table pack(const lsbc_fields *fields, int64_t n_column, int64_t n_padded, double *packed) {
  const int64_t n_field = fields->n_field;
  double *to = packed;
  for (int64_t row = 0; row < n_column; row++, to += n_padded) {
    const float *narrow = (const float *)fields->values + row * n_field;
    const double *wide = (const double *)fields->values + row * n_field;
    for (int64_t f = 0; f < n_field; f++) to[f] = fields->is_float ? narrow[f] : wide[f];
    for (int64_t f = n_field; f < n_padded; f++) to[f] = 0.0;
  }
  return (table){packed, n_padded, 0};
}

/* How a call divides its scratch memory, in doubles. */
typedef struct {
  int64_t n_row, n_sum, n_padded, n_packed;
} layout;

static layout layout_of(const lsbc_product *product, int64_t n_field, int lanes) {
  while (lanes > n_field) lanes /= 2;
  const int64_t n_row = TILE_ROWS * (1 + TILE_DOUBLES / TILE_ROWS / (n_field + 1));
  const int64_t n_padded = (n_field + lanes - 1) / lanes * lanes;
  const int is_packed = product->n_entry / PACK_USES >= product->rows.n_column;
  return (layout){n_row, n_row * n_field + LINE, n_padded, is_packed ? product->rows.n_column * n_padded : 0};
}

int64_t lsbc_apply_scratch(const lsbc_product *product, int64_t n_field) {
  const layout need = layout_of(product, n_field, LINE);
  return LINE + 2 * need.n_sum + 2 * need.n_padded + need.n_packed;
}

int64_t lsbc_apply(const lsbc_product *product, const lsbc_fields *fields, int64_t first, int64_t last, int lanes,
                   double *scratch) {
  const layout need = layout_of(product, fields->n_field, lanes);
  const size_t item = fields->is_float ? sizeof(float) : sizeof(double), row_bytes = item * (size_t)fields->n_field;
  const int past_caches = (size_t)(last - first) * row_bytes >= STREAM_BYTES;
  double *sums = scratch + (LINE - (uintptr_t)scratch / sizeof(double) % LINE), *spare = sums + 2 * need.n_sum;
  float *narrow = fields->is_float ? (float *)(sums + need.n_sum) : NULL;
  tile part = {{fields->values, fields->n_field, fields->is_float}, first, first, fields->n_field, sums, spare, narrow};
  if (need.n_packed) part.source = pack(fields, product->rows.n_column, need.n_padded, spare + 2 * need.n_padded);
  while (lanes > fields->n_field) lanes /= 2;
  const tile_sums sum_tile = sums_of(part.source.is_float, lanes);
  for (; part.first < last; part.first = part.last) {
    part.last = part.first + need.n_row < last ? part.first + need.n_row : last;
    if (sum_tile(product, &part)) return fault_of(product, &part);
    write_out((char *)fields->out + (size_t)part.first * row_bytes, narrow ? (const char *)narrow : (const char *)sums,
              (size_t)(part.last - part.first) * row_bytes, past_caches);
  }
#ifdef WIDE_VECTORS
  _mm_sfence();
#endif
  return 0;
}
