#include "kernel_tree.h"

#include <math.h>
#include <stdlib.h>

#define LEAF 8
#define REACH 4.0 /* cell sizes */
#define FEW 24

static double middle(const lsbc_box *box, int axis) { return box->low[axis] + box->high[axis]; }

static lsbc_box around(const lsbc_tree *tree, int64_t begin, int64_t end) {
  lsbc_box all = tree->item[tree->order[begin]];
  for (int64_t k = begin + 1; k < end; k++) {
    const lsbc_box *b = &tree->item[tree->order[k]];
    for (int a = 0; a < 3; a++) {
      if (b->low[a] < all.low[a]) all.low[a] = b->low[a];
      if (b->high[a] > all.high[a]) all.high[a] = b->high[a];
    }
  }
  return all;
}

/* Quickselect: afterwards the items before `split` lie no further along `axis` than those from it on. */
static void divide(lsbc_tree *tree, int64_t begin, int64_t end, int64_t split, int axis) {
  int64_t *order = tree->order;
  while (end - begin > 1) {
    double pivot = middle(&tree->item[order[begin + (end - begin) / 2]], axis);
    int64_t low = begin, high = end - 1;
    while (low <= high) {
      while (middle(&tree->item[order[low]], axis) < pivot) low++;
      while (middle(&tree->item[order[high]], axis) > pivot) high--;
      if (low <= high) {
        int64_t swap = order[low];
        order[low++] = order[high];
        order[high--] = swap;
      }
    }
    if (split <= high) end = high + 1;
    else if (split >= low) begin = low;
    else return;
  }
}

static void grow_node(lsbc_tree *tree, int64_t begin, int64_t end) {
  int64_t here = tree->n_node++;
  lsbc_box box = around(tree, begin, end);
  int64_t lowest = tree->order[begin];
  for (int64_t k = begin + 1; k < end; k++)
    if (tree->order[k] < lowest) lowest = tree->order[k];
  tree->node[here] = (lsbc_node){box, begin, end, 0, lowest};
  if (end - begin <= LEAF) return;
  int axis = 0;
  for (int a = 1; a < 3; a++)
    if (box.high[a] - box.low[a] > box.high[axis] - box.low[axis]) axis = a;
  int64_t split = begin + (end - begin) / 2;
  divide(tree, begin, end, split, axis);
  grow_node(tree, begin, split);
  tree->node[here].right = tree->n_node;
  grow_node(tree, split, end);
}

int lsbc_tree_build(lsbc_tree *tree, const lsbc_box *item, int64_t n_item) {
  *tree = (lsbc_tree){.n_item = n_item, .item = item};
  if (n_item == 0) return 0;
  tree->order = malloc((size_t)n_item * sizeof *tree->order);
  tree->node = malloc((size_t)(2 * n_item) * sizeof *tree->node);
  if (!tree->order || !tree->node) return -1;
  for (int64_t k = 0; k < n_item; k++) tree->order[k] = k;
  grow_node(tree, 0, n_item);
  lsbc_node *fitting = realloc(tree->node, (size_t)tree->n_node * sizeof *tree->node);
  if (fitting) tree->node = fitting;
  return 0;
}

void lsbc_tree_free(lsbc_tree *tree) {
  free(tree->order);
  free(tree->node);
  *tree = (lsbc_tree){0};
}

static int touch(const lsbc_box *a, const lsbc_box *b) {
  for (int k = 0; k < 3; k++)
    if (a->low[k] > b->high[k] || b->low[k] > a->high[k]) return 0;
  return 1;
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int add(lsbc_found *found, int64_t item) {
  if (found->n == found->capacity) {
    int64_t capacity = found->capacity ? 2 * found->capacity : 64;
    int64_t *list = realloc(found->item, (size_t)capacity * sizeof *list);
    if (!list) return -1;
    found->item = list;
    found->capacity = capacity;
  }
  found->item[found->n++] = item;
  return 0;
}

int lsbc_tree_touching(const lsbc_tree *tree, const lsbc_box *box, lsbc_found *found) {
  found->n = 0;
  int64_t waiting[128], n_waiting = 0; /* the depth is log2(n / LEAF) */
  if (tree->n_node) waiting[n_waiting++] = 0;
  while (n_waiting) {
    int64_t at = waiting[--n_waiting];
    const lsbc_node *node = &tree->node[at];
    if (!touch(&node->box, box)) continue;
    if (node->right) {
      waiting[n_waiting++] = node->right;
      waiting[n_waiting++] = at + 1;
      continue;
    }
    for (int64_t k = node->begin; k < node->end; k++)
      if (touch(&tree->item[tree->order[k]], box) && add(found, tree->order[k])) return -1;
  }
  if (found->n) qsort(found->item, (size_t)found->n, sizeof *found->item, ascending);
  return 0;
}

static int holds(const lsbc_box *outer, const lsbc_box *inner) {
  for (int k = 0; k < 3; k++)
    if (inner->low[k] < outer->low[k] || inner->high[k] > outer->high[k]) return 0;
  return 1;
}

int lsbc_tree_search(const lsbc_tree *tree, lsbc_search *search, const lsbc_box *box, lsbc_found *found) {
  if (!search->is_filled || !holds(&search->around, box)) {
    double reach = 0.0; /* many items round the last cell: they are small, and looking further finds too many */
    if (!search->is_filled || search->near.n <= FEW)
      for (int k = 0; k < 3; k++) reach = fmax(reach, REACH * (box->high[k] - box->low[k]));
    for (int k = 0; k < 3; k++) {
      search->around.low[k] = box->low[k] - reach;
      search->around.high[k] = box->high[k] + reach;
    }
    if (lsbc_tree_touching(tree, &search->around, &search->near)) return -1;
    search->is_filled = 1;
  }
  found->n = 0;
  for (int64_t k = 0; k < search->near.n; k++)
    if (touch(&tree->item[search->near.item[k]], box) && add(found, search->near.item[k])) return -1;
  return 0;
}

void lsbc_search_free(lsbc_search *search) {
  free(search->near.item);
  *search = (lsbc_search){0};
}
