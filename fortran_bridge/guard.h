/* What belongs to the host and must survive a call: floating-point environment, OpenMP threads, signals. No Python, no MPI.
 *
 * Two strengths: the light guard for calls that only look something up or copy an array, the whole guard for calls that
 * may compute, import or start anything.
 */
#ifndef LSBC_GUARD_H
#define LSBC_GUARD_H

#include <fenv.h>
#include <signal.h>
#include <stdint.h>

/* The registers themselves where they are known: 16 ns a call, 96 with traps armed (benchmarks/guard.c), in place of 170 and 200.
   LSBC_GUARD_BY_FENV is for tests. */
#if defined(__x86_64__) && !defined(LSBC_GUARD_BY_FENV)
#define LSBC_GUARD_BY_REGISTERS
#endif

/* Floating-point environment of one thread: traps, flags, rounding, denormals. */
typedef struct lsbc_guard {
#ifdef LSBC_GUARD_BY_REGISTERS
    uint32_t sse;
    uint16_t x87_control, x87_status;
    uint32_t x87[7]; /* filled when the control word is not the default */
#else
    fenv_t environment;
#endif
} lsbc_guard;

/* The calling thread's environment, those of the host's OpenMP workers, their number, the handlers of SIGINT and SIGTERM. */
typedef struct lsbc_guard_whole {
    lsbc_guard calling;
    struct sigaction interrupt, terminate;
    int n_thread;   /* 0: the host has no OpenMP */
    unsigned stamp; /* marks the workers that this guard has masked; 0: none */
} lsbc_guard_whole;

/* Remember the calling thread's environment, mask its traps and take the default rounding and denormals. */
void lsbc_guard_enter(lsbc_guard *guard);
/* Give it back. */
void lsbc_guard_leave(const lsbc_guard *guard);

/* The same, and all else that a computation can change.
 *
 * OpenMP workers keep the environment of the thread that made them, so they are masked and given back in parallel regions
 * of the host's own run-time. That is done only once a calling thread was seen with anything but the default environment,
 * and not from inside a parallel region. Workers that were made in between take the calling thread's environment. */
void lsbc_guard_enter_whole(lsbc_guard_whole *guard);
void lsbc_guard_leave_whole(lsbc_guard_whole *guard);

#endif
