/* What belongs to the host and must survive a call: floating-point environment, OpenMP threads, signals. No Python, no MPI. */
#ifndef LSBC_GUARD_H
#define LSBC_GUARD_H

#include <fenv.h>
#include <signal.h>

typedef struct lsbc_guard {
    fenv_t environment;
    struct sigaction interrupt, terminate;
    int n_thread;
} lsbc_guard;

/* Remember the host's settings, mask its traps and take the default rounding and denormals. */
void lsbc_guard_enter(lsbc_guard *guard);
/* Give the host's settings back. */
void lsbc_guard_leave(const lsbc_guard *guard);

#endif
