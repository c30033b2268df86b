/* A tree of boxes in space, to find what touches a box. On the sphere there are then no poles
 * and no date line. Knows no Python. The answers do not depend on how the tree is built. */
#ifndef LSBC_KERNEL_TREE_H
#define LSBC_KERNEL_TREE_H

#include <stdint.h>

typedef struct {
  double low[3], high[3];
} lsbc_box;

typedef struct {
  lsbc_box box;
  int64_t begin, end;   /* items order[begin..end) lie below this node */
  int64_t right;        /* the left child follows its parent; 0: a leaf */
  int64_t lowest;       /* number of an item below */
} lsbc_node;

typedef struct {
  int64_t n_item, n_node;
  const lsbc_box *item;  /* the caller's, kept as long as the tree */
  int64_t *order;
  lsbc_node *node;
} lsbc_tree;

/* A list of found items; start with {0}, free() the list. */
typedef struct {
  int64_t n, capacity;
  int64_t *item;
} lsbc_found;

/* Returns 0, or -1 without memory; free in both cases. */
int lsbc_tree_build(lsbc_tree *tree, const lsbc_box *item, int64_t n_item);
void lsbc_tree_free(lsbc_tree *tree);

/* Items whose boxes touch `box`, ascending, replacing what was found before. Returns 0, or -1 without memory. */
int lsbc_tree_touching(const lsbc_tree *tree, const lsbc_box *box, lsbc_found *found);

/* A search among cells that follow each other in space: what lies round one of them is kept for the next. Start with {0}. */
typedef struct {
  lsbc_box around;      /* all items that touch this box are in `near` */
  lsbc_found near;
  int is_filled;
} lsbc_search;

/* As lsbc_tree_touching, and the same answer. */
int lsbc_tree_search(const lsbc_tree *tree, lsbc_search *search, const lsbc_box *box, lsbc_found *found);
void lsbc_search_free(lsbc_search *search);

#endif
