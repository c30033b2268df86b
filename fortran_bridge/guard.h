/* What belongs to the host and must survive a call: floating-point environment, OpenMP threads, signals. No Python, no MPI.
 *
 * Two strengths: the light guard for calls that only look something up or copy an array, the whole guard for calls that
 * may compute, import or start anything.
 */
#ifndef LSBC_GUARD_H
#define LSBC_GUARD_H

#include <fenv.h>
#include <signal.h>

/* The calling thread's floating-point environment. */
typedef struct lsbc_guard {
    fenv_t environment;
} lsbc_guard;

/* The light guard, the handlers of SIGINT and SIGTERM, and the number of OpenMP threads. */
typedef struct lsbc_guard_whole {
    lsbc_guard calling;
    struct sigaction interrupt, terminate;
    int n_thread;
} lsbc_guard_whole;

/* Remember the host's settings, mask its traps and take the default rounding and denormals. */
void lsbc_guard_enter(lsbc_guard *guard);
void lsbc_guard_enter_whole(lsbc_guard_whole *guard);
/* Give the host's settings back. */
void lsbc_guard_leave(const lsbc_guard *guard);
void lsbc_guard_leave_whole(lsbc_guard_whole *guard);

#endif
