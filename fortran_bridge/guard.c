/* What belongs to the host and must survive a call: floating-point environment, OpenMP threads, signals. No Python, no MPI. */
#define _POSIX_C_SOURCE 200809L
#include "guard.h"

#include <stddef.h>

/* Weak, so that liblsbc needs no OpenMP but finds the run-time of a host that has one. */
extern int omp_get_max_threads(void) __attribute__((weak));
extern void omp_set_num_threads(int) __attribute__((weak));

void lsbc_guard_enter(lsbc_guard *guard) {
    feholdexcept(&guard->environment);
    fesetenv(FE_DFL_ENV);
}

void lsbc_guard_leave(const lsbc_guard *guard) { fesetenv(&guard->environment); }

void lsbc_guard_enter_whole(lsbc_guard_whole *guard) {
    lsbc_guard_enter(&guard->calling);
    sigaction(SIGINT, NULL, &guard->interrupt);
    sigaction(SIGTERM, NULL, &guard->terminate);
    guard->n_thread = omp_get_max_threads && omp_set_num_threads ? omp_get_max_threads() : 0;
}

/* The handler is all that Python's signal module replaces; the rest of the action follows it. */
static void restore_signal(int number, const struct sigaction *host) {
    struct sigaction now;
    sigaction(number, NULL, &now);
    if (now.sa_handler != host->sa_handler) sigaction(number, host, NULL);
}

void lsbc_guard_leave_whole(lsbc_guard_whole *guard) {
    if (guard->n_thread > 0 && omp_get_max_threads() != guard->n_thread) omp_set_num_threads(guard->n_thread);
    restore_signal(SIGINT, &guard->interrupt);
    restore_signal(SIGTERM, &guard->terminate);
    lsbc_guard_leave(&guard->calling);
}
