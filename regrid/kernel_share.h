/* What two cells share: one is cut, in its own plane, by the edges of the other. Knows no grid and no Python. */
#ifndef LSBC_KERNEL_SHARE_H
#define LSBC_KERNEL_SHARE_H

#include "kernel_cell.h"

/* Room for one pair of cells. */
typedef struct {
  double (*piece)[2], (*other)[2], *side, (*placed)[3], (*line)[3];
} lsbc_share_room;

/* For cells with n_corner corners together. Returns 0, or -1 without memory; free in both cases. */
int lsbc_share_allocate(lsbc_share_room *room, int64_t n_corner);
void lsbc_share_free(lsbc_share_room *room);

enum { LSBC_NO_MOMENT = 0, LSBC_MOMENT = 1, LSBC_CORNER_MOMENT = 2 };

/* Area on the unit sphere and, where asked for, the integral of the unit vector in the axes of the globe; or, as ESMF has
 * it for second order, the area times the unit vector towards the mean of the piece's corners. */
typedef struct {
  int with_moment;
  double area_sr, moment[3];
} lsbc_share;

/* The smaller of the two, whichever comes first: it is the one that is cut. */
const lsbc_cell *lsbc_smaller(const lsbc_cell *a, const lsbc_cell *b);

/* Area and moment of one cell. */
void lsbc_share_of_one(const lsbc_cell *cell, lsbc_share_room *room, lsbc_share *out);

/* Fills `out`, of which with_moment is read. */
void lsbc_share_of(const lsbc_cell *a, const lsbc_cell *b, lsbc_share_room *room, lsbc_share *out);

#endif
