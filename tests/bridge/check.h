/* What the C tests of the bridge share: a check that counts, a tiny grid. */
#ifndef LSBC_TEST_CHECK_H
#define LSBC_TEST_CHECK_H

#include "lsbc.h"

#include <stdio.h>
#include <string.h>

static int n_failed = 0;

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (!(condition)) {                                                             \
            ++n_failed;                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);   \
        }                                                                               \
    } while (0)

static char text[LSBC_TEXT_LENGTH];

static const char *last_error(int32_t handle) {
    CHECK(lsbc_last_error(handle, text, (int32_t)sizeof text) == LSBC_OK);
    return text;
}

#define CHECK_TEXT(handle, part)                                                              \
    do {                                                                                      \
        if (strstr(last_error(handle), (part)) == NULL) {                                     \
            ++n_failed;                                                                       \
            fprintf(stderr, "%s:%d: '%s' is not in: %s\n", __FILE__, __LINE__, (part), text); \
        }                                                                                     \
    } while (0)

/* Two square cells of one degree. */
static const int64_t global_id[2] = {7, 8};
static const double lon[2] = {10.0, 11.0}, lat[2] = {48.0, 48.0};
static const double vertex_lon[2][4] = {{9.5, 10.5, 10.5, 9.5}, {10.5, 11.5, 11.5, 10.5}};
static const double vertex_lat[2][4] = {{47.5, 47.5, 48.5, 48.5}, {47.5, 47.5, 48.5, 48.5}};
static const int32_t owned[2] = {1, 1};

static inline int set_two_cells(int32_t handle) {
    return lsbc_set_grid(handle, 2, global_id, lon, lat, 4, &vertex_lon[0][0], &vertex_lat[0][0], owned);
}

#endif
