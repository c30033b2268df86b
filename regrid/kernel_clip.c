/* The smaller grid is kept in a tree of boxes; the other one's cells pass by one at a time, so that memory goes with the
 * smaller grid and with the pairs found. */
#include "kernel_clip.h"

#include <stdlib.h>
#include <string.h>

#include "kernel_cell.h"
#include "kernel_share.h"

#define SHARE_KEPT 1e-14

static int reserve(lsbc_pairs *out) {
  if (out->n < out->capacity) return 0;
  int64_t capacity = out->capacity ? out->capacity + out->capacity / 2 : 1024;
  int64_t *i = realloc(out->i, (size_t)capacity * sizeof *i);
  if (i) out->i = i;
  int64_t *j = realloc(out->j, (size_t)capacity * sizeof *j);
  if (j) out->j = j;
  double *area = realloc(out->area_sr, (size_t)capacity * sizeof *area);
  if (area) out->area_sr = area;
  double *moment = out->with_moment ? realloc(out->moment, (size_t)capacity * 3 * sizeof *moment) : NULL;
  if (moment) out->moment = moment;
  if (!i || !j || !area || (out->with_moment && !moment)) return -1;
  out->capacity = capacity;
  return 0;
}

static int add_pair(const lsbc_cell *a, const lsbc_cell *b, int64_t i, int64_t j, lsbc_share_room *room, lsbc_pairs *out) {
  lsbc_share share = {.with_moment = out->with_moment};
  lsbc_share_of(a, b, room, &share);
  if (share.area_sr <= SHARE_KEPT * lsbc_smaller(a, b)->area_sr) return 0;
  if (reserve(out)) return -1;
  out->i[out->n] = i;
  out->j[out->n] = j;
  if (out->with_moment) memcpy(&out->moment[3 * out->n], share.moment, sizeof share.moment);
  out->area_sr[out->n++] = share.area_sr;
  return 0;
}

/* The cells kept at hand, in a tree; the other grid's pass by one at a time. */
typedef struct {
  int64_t n;
  int64_t *number;       /* in the grid */
  lsbc_cell *cell;
  lsbc_corner *corner;
  lsbc_box *box;
  lsbc_tree tree;
} shelf;

static void shelf_free(shelf *s) {
  lsbc_tree_free(&s->tree);
  free(s->number);
  free(s->cell);
  free(s->corner);
  free(s->box);
}

static int read_cell(const lsbc_cells *cells, int64_t k, int edges, lsbc_memo *memo, lsbc_cell *cell) {
  int64_t first = k * cells->n_vertex;
  return lsbc_cell_read(cell, cells->lon_deg + first, cells->lat_deg + first, cells->n_vertex, edges, memo);
}

static int64_t n_live(const lsbc_cells *cells) {
  int64_t n = 0;
  for (int64_t k = 0; k < cells->n_cell; k++) n += cells->live[k] != 0;
  return n;
}

/* Returns 0, -1 without memory, 1 with *bad_cell. */
static int shelf_fill(shelf *s, const lsbc_cells *cells, int edges, lsbc_memo *memo, int64_t *bad_cell) {
  int64_t room = cells->n_vertex + LSBC_EXTRA_CORNERS, n = n_live(cells);
  size_t at_least_one = (size_t)(n ? n : 1);
  s->number = malloc(at_least_one * sizeof *s->number);
  s->cell = malloc(at_least_one * sizeof *s->cell);
  s->corner = malloc(at_least_one * (size_t)room * sizeof *s->corner);
  s->box = malloc(at_least_one * sizeof *s->box);
  if (!s->number || !s->cell || !s->corner || !s->box) return -1;
  for (int64_t k = 0; k < cells->n_cell; k++) {
    if (!cells->live[k]) continue;
    lsbc_cell *cell = &s->cell[s->n];
    cell->corner = &s->corner[s->n * room];
    if (read_cell(cells, k, edges, memo, cell)) {
      *bad_cell = k;
      return 1;
    }
    s->box[s->n] = cell->box;
    s->number[s->n++] = k;
  }
  return lsbc_tree_build(&s->tree, s->box, s->n);
}

/* All that one clipping holds. */
typedef struct {
  const lsbc_cells *a, *b;
  int edges, shelved_a;
  lsbc_memo memo;
  shelf shelf;
  lsbc_share_room room;
  lsbc_cell passing;
  lsbc_search search;
  lsbc_found found;
  lsbc_pairs *out;
} clipping;

static int clip_passing(clipping *c, int64_t k) {
  if (lsbc_tree_search(&c->shelf.tree, &c->search, &c->passing.box, &c->found)) return -1;
  for (int64_t m = 0; m < c->found.n; m++) {
    const lsbc_cell *kept = &c->shelf.cell[c->found.item[m]];
    int64_t number = c->shelf.number[c->found.item[m]];
    int status = c->shelved_a ? add_pair(kept, &c->passing, number, k, &c->room, c->out)
                              : add_pair(&c->passing, kept, k, number, &c->room, c->out);
    if (status) return status;
  }
  return 0;
}

static int clip_all(clipping *c) {
  const lsbc_cells *kept = c->shelved_a ? c->a : c->b, *passing = c->shelved_a ? c->b : c->a;
  int status = shelf_fill(&c->shelf, kept, c->edges, &c->memo, &c->out->bad_cell);
  if (status > 0) c->out->bad_side = c->shelved_a ? 1 : 2;
  for (int64_t k = 0; status == 0 && k < passing->n_cell; k++) {
    if (!passing->live[k]) continue;
    status = read_cell(passing, k, c->edges, &c->memo, &c->passing);
    if (status == 0) {
      status = clip_passing(c, k);
      continue;
    }
    c->out->bad_side = c->shelved_a ? 2 : 1;
    c->out->bad_cell = k;
  }
  return status;
}

/* Stable, by j: the pairs come sorted by (i, j) and leave sorted by (j, i). */
static int sort_by_j(lsbc_pairs *out, int64_t n_b) {
  int64_t *first = calloc((size_t)n_b + 1, sizeof *first);
  lsbc_pairs to = {.n = out->n, .capacity = out->n, .with_moment = out->with_moment};
  size_t n = (size_t)(out->n ? out->n : 1);
  to.i = malloc(n * sizeof *to.i);
  to.j = malloc(n * sizeof *to.j);
  to.area_sr = malloc(n * sizeof *to.area_sr);
  to.moment = out->moment ? malloc(3 * n * sizeof *to.moment) : NULL;
  if (!first || !to.i || !to.j || !to.area_sr || (out->moment && !to.moment)) {
    free(first);
    lsbc_pairs_free(&to);
    return -1;
  }
  for (int64_t k = 0; k < out->n; k++) first[out->j[k] + 1]++;
  for (int64_t k = 0; k < n_b; k++) first[k + 1] += first[k];
  for (int64_t k = 0; k < out->n; k++) {
    int64_t at = first[out->j[k]]++;
    to.i[at] = out->i[k];
    to.j[at] = out->j[k];
    to.area_sr[at] = out->area_sr[k];
    if (to.moment) memcpy(&to.moment[3 * at], &out->moment[3 * k], 3 * sizeof *to.moment);
  }
  free(first);
  lsbc_pairs_free(out);
  *out = to;
  return 0;
}

int lsbc_clip(const lsbc_cells *a, const lsbc_cells *b, int edges, int with_moment, lsbc_pairs *out) {
  clipping c = {.a = a, .b = b, .edges = edges, .out = out};
  out->with_moment = with_moment;
  c.shelved_a = a->n_cell <= b->n_cell;
  int64_t room = a->n_vertex + b->n_vertex + 2 * LSBC_EXTRA_CORNERS;
  c.passing.corner = malloc((size_t)room * sizeof *c.passing.corner);
  int status = lsbc_share_allocate(&c.room, room);
  if (!c.passing.corner) status = -1;
  if (status == 0) status = clip_all(&c);
  if (status == 0 && !c.shelved_a) status = sort_by_j(out, b->n_cell);
  shelf_free(&c.shelf);
  lsbc_share_free(&c.room);
  free(c.passing.corner);
  lsbc_search_free(&c.search);
  free(c.found.item);
  return status;
}

int lsbc_cell_moments(const lsbc_cells *cells, int edges, int with_moment, double *area_sr, double *moment,
                      int64_t *bad_cell) {
  lsbc_memo memo = {0};
  lsbc_share_room room = {0};
  int64_t n = cells->n_vertex + LSBC_EXTRA_CORNERS;
  lsbc_cell cell = {.corner = malloc((size_t)n * sizeof *cell.corner)};
  int status = lsbc_share_allocate(&room, n);
  if (!cell.corner) status = -1;
  for (int64_t k = 0; status == 0 && k < cells->n_cell; k++) {
    lsbc_share share = {.with_moment = with_moment};
    if (cells->live[k]) status = read_cell(cells, k, edges, &memo, &cell);
    if (status) *bad_cell = k;
    else if (cells->live[k]) lsbc_share_of_one(&cell, &room, &share);
    area_sr[k] = share.area_sr;
    memcpy(&moment[3 * k], share.moment, sizeof share.moment);
  }
  lsbc_share_free(&room);
  free(cell.corner);
  return status;
}

void lsbc_pairs_free(lsbc_pairs *pairs) {
  free(pairs->i);
  free(pairs->j);
  free(pairs->area_sr);
  free(pairs->moment);
  pairs->i = pairs->j = NULL;
  pairs->area_sr = pairs->moment = NULL;
}
