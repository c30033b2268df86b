/* Two instances side by side give the bits that each gives alone, also when every call comes from another thread. */
#include "check.h"

#include <pthread.h>

enum { N_YEAR = 3 };

typedef struct land {
    int32_t handle;
    double urban[2], result[N_YEAR][2];
} land;

static void start(land *self, double urban) {
    memset(self, 0, sizeof *self);
    self->urban[0] = urban;
    self->urban[1] = urban / 3.0;
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &self->handle) == LSBC_OK);
    CHECK(set_two_cells(self->handle) == LSBC_OK);
    CHECK(lsbc_set_field(self->handle, "urban", 2, self->urban) == LSBC_OK);
}

static void step(land *self, int k) {
    self->urban[1] *= 1.1;
    CHECK(lsbc_step_year(self->handle, 2019 + k) == LSBC_OK);
    CHECK(lsbc_get_field(self->handle, "urban_frac", 1, 2, self->result[k]) == LSBC_OK);
}

static void end(land *self) {
    CHECK(lsbc_destroy(self->handle) == LSBC_OK);
    CHECK(lsbc_destroy(self->handle) == LSBC_ERR_STATE);
    CHECK(lsbc_step_year(self->handle, 2022) == LSBC_ERR_STATE);
    CHECK_TEXT(self->handle, "unknown or destroyed");
}

static void run_alone(land *self, double urban) {
    start(self, urban);
    for (int k = 0; k < N_YEAR; ++k) step(self, k);
    end(self);
}

static land first, second;

static void *start_first(void *unused) { return start(&first, 0.1), unused; }
static void *start_second(void *unused) { return start(&second, 0.7), unused; }
static void *step_both(void *year) { return step(&first, *(int *)year), step(&second, *(int *)year), year; }
static void *end_both(void *unused) { return end(&first), end(&second), unused; }

static void here(void *(*work)(void *), void *argument) { (void)work(argument); }

static void elsewhere(void *(*work)(void *), void *argument) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void side_by_side(void (*run)(void *(*)(void *), void *)) {
    run(start_first, NULL);
    run(start_second, NULL);
    CHECK(first.handle != second.handle);
    for (int k = 0; k < N_YEAR; ++k) run(step_both, &k);
    run(end_both, NULL);
}

int main(void) {
    land alone[2];
    run_alone(&alone[0], 0.1);
    run_alone(&alone[1], 0.7);
    CHECK(alone[0].result[2][1] != alone[1].result[2][1]);
    side_by_side(here);
    CHECK(memcmp(first.result, alone[0].result, sizeof first.result) == 0);
    CHECK(memcmp(second.result, alone[1].result, sizeof second.result) == 0);
    side_by_side(elsewhere);
    CHECK(memcmp(first.result, alone[0].result, sizeof first.result) == 0);
    CHECK(memcmp(second.result, alone[1].result, sizeof second.result) == 0);
    return n_failed != 0;
}
