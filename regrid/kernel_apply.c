/* Products of weights with fields: tiles of rows are summed in cache, checked there, and written out once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_apply.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#define WIDE_VECTORS 1
#endif

/* Doubles of a tile, to stay in the first cache, and rows that fill whole cache lines for any number of fields. */
#define TILE_DOUBLES 2048
#define TILE_ROWS 16
/* Results larger than this are written past the caches: nobody can find them there anyway. */
#define STREAM_BYTES (8 << 20)

static const double missing_value = NAN;

double lsbc_reciprocal(double share) { return fabs(share - 1.0) <= LSBC_WHOLE ? 1.0 : 1.0 / share; }

#define NAME(x) x##_##double##_1
#define REAL double
#define LANES 1
#define TARGET
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#define NAME(x) x##_##float##_1
#define REAL float
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#undef LANES

#define NAME(x) x##_##double##_2
#define REAL double
#define LANES 2
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#define NAME(x) x##_##float##_2
#define REAL float
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#undef LANES
#undef TARGET

#ifdef WIDE_VECTORS
#define NAME(x) x##_##double##_4
#define REAL double
#define LANES 4
#define TARGET __attribute__((target("avx2")))
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#define NAME(x) x##_##float##_4
#define REAL float
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#undef LANES
#undef TARGET

#define NAME(x) x##_##double##_8
#define REAL double
#define LANES 8
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#define NAME(x) x##_##float##_8
#define REAL float
#include "kernel_apply_rows.h"
#undef NAME
#undef REAL
#undef LANES
#undef TARGET
#endif

typedef void (*tile_rows)(const lsbc_tile *);

static tile_rows rows_of(int is_float, int64_t lanes) {
#ifdef WIDE_VECTORS
  if (lanes >= 8) return is_float ? rows_float_8 : rows_double_8;
  if (lanes >= 4) return is_float ? rows_float_4 : rows_double_4;
#endif
  if (lanes >= 2) return is_float ? rows_float_2 : rows_double_2;
  return is_float ? rows_float_1 : rows_double_1;
}

int lsbc_apply_lanes(void) {
#ifdef WIDE_VECTORS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) return 8;
  if (__builtin_cpu_supports("avx2")) return 4;
#endif
  return 2;
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

static void narrow(float *to, const double *from, int64_t n) {
  for (int64_t k = 0; k < n; k++) to[k] = (float)from[k];
}

/* 0, -2 or 1 + the first bad entry of the tile's rows. */
static int64_t check_tile(const lsbc_tile *tile) {
  const lsbc_rows *rows = &tile->product->rows;
  const int64_t *offsets = rows->offsets, begin = offsets[tile->first], end = offsets[tile->last];
  int falls = begin < 0 || end > tile->product->n_entry;
  for (int64_t row = tile->first; row < tile->last; row++) falls |= offsets[row] > offsets[row + 1];
  if (falls) return -2;
  uint32_t largest = 0;
  for (int64_t k = begin; k < end; k++) largest = (uint32_t)rows->index[k] > largest ? (uint32_t)rows->index[k] : largest;
  if (begin == end || largest < rows->n_column) return 0;
  int64_t k = begin;
  while (rows->index[k] >= 0 && rows->index[k] < rows->n_column) k++;
  return k + 1;
}

int64_t lsbc_apply(const lsbc_product *product, const lsbc_fields *fields, int64_t first, int64_t last, int lanes) {
  const int64_t n_field = fields->n_field, step = TILE_ROWS * (1 + TILE_DOUBLES / TILE_ROWS / (n_field + 1));
  const size_t item = fields->is_float ? sizeof(float) : sizeof(double);
  const int past_caches = (size_t)((last - first) * n_field) * item >= STREAM_BYTES;
  const tile_rows sum_rows = rows_of(fields->is_float, lanes < n_field ? lanes : n_field);
  lsbc_tile tile = {.product = product, .fields = fields};
  tile.sums = malloc((size_t)(step * n_field) * (sizeof(double) + sizeof(float)) + (size_t)n_field * sizeof(double));
  if (!tile.sums) return -1;
  tile.spare = tile.sums + step * n_field;
  float *narrowed = (float *)(tile.spare + n_field);
  int64_t status = 0;
  for (tile.first = first; tile.first < last && status == 0; tile.first = tile.last) {
    tile.last = tile.first + step < last ? tile.first + step : last;
    if ((status = check_tile(&tile)) != 0) break;
    sum_rows(&tile);
    const int64_t n = (tile.last - tile.first) * n_field;
    if (fields->is_float) narrow(narrowed, tile.sums, n);
    write_out((char *)fields->out + (size_t)(tile.first * n_field) * item,
              fields->is_float ? (const char *)narrowed : (const char *)tile.sums, (size_t)n * item, past_caches);
  }
#ifdef WIDE_VECTORS
  if (past_caches) _mm_sfence();
#endif
  free(tile.sums);
  return status;
}
