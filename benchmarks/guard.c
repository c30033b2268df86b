/* Time of the bridge's guards, ns a pair of enter and leave: plain, with traps armed, and in a host with OpenMP workers.
 *
 *   cc -O2 -I fortran_bridge benchmarks/guard.c fortran_bridge/guard.c -o guard -lm && ./guard
 *   cc -O2 -fopenmp -I fortran_bridge benchmarks/guard.c fortran_bridge/guard.c -o guard -lm && OMP_NUM_THREADS=2 ./guard
 */
#define _GNU_SOURCE /* feenableexcept */
#include "guard.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { N_PAIR = 20000, N_ROUND = 9 };

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void light(void) {
    lsbc_guard guard;
    lsbc_guard_enter(&guard);
    lsbc_guard_leave(&guard);
}

static void whole(void) {
    lsbc_guard_whole guard;
    lsbc_guard_enter_whole(&guard);
    lsbc_guard_leave_whole(&guard);
}

static double median_ns(void (*pair)(void)) {
    double round[N_ROUND];
    for (int k = 0; k < N_ROUND; ++k) {
        const double start = now_ns();
        for (int i = 0; i < N_PAIR; ++i) pair();
        round[k] = (now_ns() - start) / N_PAIR;
    }
    qsort(round, N_ROUND, sizeof round[0], compare);
    return round[N_ROUND / 2];
}

int main(void) {
    int n_thread = 1;
#ifdef _OPENMP
#pragma omp parallel
#pragma omp single
    n_thread = omp_get_num_threads();
#endif
    printf("%d OpenMP thread(s), median of %d rounds of %d pairs\n", n_thread, N_ROUND, N_PAIR);
    printf("plain        light %6.0f ns  whole %6.0f ns\n", median_ns(light), median_ns(whole));
    feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
    printf("traps armed  light %6.0f ns  whole %6.0f ns\n", median_ns(light), median_ns(whole));
    return 0;
}
