/* The two guards alone, without Python: what holds between enter and leave, and that all comes back, on every OpenMP thread. */
#define _GNU_SOURCE /* feenableexcept */
#include "guard.h"

#include <float.h>
#include <omp.h>
#include <stdio.h>

static int n_failed = 0;
static const int traps = FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW;
static volatile double zero = 0.0, tiny = DBL_MIN;
static volatile long double long_zero = 0.0L, long_one = 1.0L;

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (!(condition)) {                                                             \
            ++n_failed;                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);   \
        }                                                                               \
    } while (0)

/* Sets every flag, in both units, and would trap. */
static void compute(void) {
    volatile double result = 1.0 / zero + 0.0 / zero;
    volatile long double long_result = long_one / long_zero;
    (void)result;
    (void)long_result;
}

static void light_guard_gives_back(int armed, int rounding, int flags) {
    lsbc_guard guard;
    fesetround(rounding);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(flags);
    feenableexcept(armed);
    lsbc_guard_enter(&guard);
    CHECK(fegetexcept() == 0);
    CHECK(fegetround() == FE_TONEAREST);
    compute();
    fesetround(FE_DOWNWARD);
    lsbc_guard_leave(&guard);
    CHECK(fegetexcept() == armed);
    CHECK(fegetround() == rounding);
    CHECK(fetestexcept(FE_ALL_EXCEPT) == flags);
    fesetenv(FE_DFL_ENV);
}

#ifdef __x86_64__
#include <xmmintrin.h>
static void light_guard_keeps_denormals_out_of_the_hosts_hands(void) {
    lsbc_guard guard;
    const unsigned flush_to_zero = 0x8040; /* FTZ and DAZ */
    _mm_setcsr(_mm_getcsr() | flush_to_zero);
    lsbc_guard_enter(&guard);
    volatile double half = tiny / 2.0;
    CHECK(half > 0.0);
    lsbc_guard_leave(&guard);
    CHECK((_mm_getcsr() & flush_to_zero) == flush_to_zero);
    _mm_setcsr(_mm_getcsr() & ~flush_to_zero);
}
#endif

/* Threads of a team of n that have the host's traps. */
static int n_armed(int n) {
    int count = 0;
#pragma omp parallel num_threads(n) reduction(+ : count)
    count += fegetexcept() == traps;
    return count;
}

static int n_in_team(int n) {
    int count = 0;
#pragma omp parallel num_threads(n) reduction(+ : count)
    ++count;
    return count;
}

#ifdef LSBC_GUARD_BY_REGISTERS
static void leaves_the_workers_of_an_unarmed_host_alone(void) {
    lsbc_guard_whole guard;
    lsbc_guard_enter_whole(&guard);
    CHECK(guard.stamp == 0);
    lsbc_guard_leave_whole(&guard);
}
#endif

static void masks_the_workers(int n_host, int n_inside) {
    lsbc_guard_whole guard;
    omp_set_num_threads(n_host);
    feenableexcept(traps);
    if (n_host > 1) CHECK(n_armed(n_host) == n_host);
    for (int call = 0; call < 2; ++call) {
        lsbc_guard_enter_whole(&guard);
        omp_set_num_threads(n_inside);
        CHECK(n_armed(n_inside) == 0);
        lsbc_guard_leave_whole(&guard);
        CHECK(omp_get_max_threads() == n_host);
        CHECK(n_armed(n_inside) == n_inside);
    }
    fesetenv(FE_DFL_ENV);
}

/* By a clause the host may have more workers than its setting says. */
static void masks_the_workers_of_a_clause(void) {
    lsbc_guard_whole guard;
    if (omp_get_num_procs() < 2) return;
    omp_set_num_threads(1);
    feenableexcept(traps);
    CHECK(n_armed(2) == 2);
    lsbc_guard_enter_whole(&guard);
    CHECK(n_armed(2) == 0);
    lsbc_guard_leave_whole(&guard);
    CHECK(n_armed(2) == 2);
    fesetenv(FE_DFL_ENV);
}

static void look_at_each(int own[2]) {
#pragma omp parallel num_threads(2)
    own[omp_get_thread_num()] = fegetexcept() | fetestexcept(FE_ALL_EXCEPT);
}

static void keeps_what_each_worker_had(void) {
    lsbc_guard_whole guard;
    int own[2] = {0, 0};
    omp_set_num_threads(2);
    feenableexcept(traps);
#pragma omp parallel num_threads(2)
    if (omp_get_thread_num() == 1) {
        fesetenv(FE_DFL_ENV);
        feenableexcept(FE_OVERFLOW);
        feraiseexcept(FE_INEXACT);
    }
    look_at_each(own);
    const int worker = own[1]; /* LLVM's run-time gives its workers the environment of the calling thread in every region */
    lsbc_guard_enter_whole(&guard);
#pragma omp parallel num_threads(2)
    compute();
    lsbc_guard_leave_whole(&guard);
    look_at_each(own);
    CHECK(own[0] == traps);
    CHECK(own[1] == worker);
#pragma omp parallel num_threads(2)
    fesetenv(FE_DFL_ENV);
}

static void makes_no_team_inside_a_team(void) {
    lsbc_guard_whole guard;
    feenableexcept(traps);
#pragma omp parallel num_threads(2)
    {
#pragma omp single
        {
            lsbc_guard_enter_whole(&guard);
            CHECK(guard.stamp == 0 && fegetexcept() == 0);
            lsbc_guard_leave_whole(&guard);
        }
    }
    fesetenv(FE_DFL_ENV);
}

int main(void) {
    const int flags[] = {0, FE_INEXACT, FE_UNDERFLOW | FE_INVALID};
    for (int i = 0; i < 3; ++i) {
        light_guard_gives_back(0, FE_TONEAREST, flags[i]);
        light_guard_gives_back(0, FE_UPWARD, flags[i]);
        light_guard_gives_back(i == 2 ? FE_DIVBYZERO : traps, FE_TONEAREST, flags[i]);
        light_guard_gives_back(i == 2 ? FE_DIVBYZERO : traps, FE_TOWARDZERO, flags[i]);
    }
#ifdef __x86_64__
    light_guard_keeps_denormals_out_of_the_hosts_hands();
#endif
#ifdef LSBC_GUARD_BY_REGISTERS
    leaves_the_workers_of_an_unarmed_host_alone();
#endif
    masks_the_workers_of_a_clause();
    masks_the_workers(1, 3);
    masks_the_workers(3, 3);
    masks_the_workers(4, 2);
    CHECK(n_in_team(3) == 3);
    keeps_what_each_worker_had();
    makes_no_team_inside_a_team();
    return n_failed != 0;
}
