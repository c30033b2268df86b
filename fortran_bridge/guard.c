/* What belongs to the host and must survive a call: floating-point environment, OpenMP threads, signals. No Python, no MPI. */
#define _POSIX_C_SOURCE 200809L
#include "guard.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* Weak, so that liblsbc needs no OpenMP but finds the run-time of a host that has one. GNU's and LLVM's have all of them. */
extern int omp_get_max_threads(void) __attribute__((weak));
extern void omp_set_num_threads(int) __attribute__((weak));
extern int omp_get_num_procs(void) __attribute__((weak));
extern int omp_get_thread_num(void) __attribute__((weak));
extern int omp_in_parallel(void) __attribute__((weak));
extern void GOMP_parallel(void (*work)(void *), void *data, unsigned n_thread, unsigned flags) __attribute__((weak));

/* --- environment of one thread ----------------------------------------------------------------------------------- */

#ifdef LSBC_GUARD_BY_REGISTERS

enum { SSE_DEFAULT = 0x1f80, X87_DEFAULT = 0x037f, FLAGS = 0x3f };

static void write_sse(uint32_t value) { __asm__ volatile("ldmxcsr %0" : : "m"(value)); }
static void write_x87(const uint32_t environment[7]) { __asm__ volatile("fldenv %0" : : "m"(*(const uint32_t(*)[7])environment)); }

/* Also masks all traps of the x87 unit. */
static void take_x87(uint32_t environment[7]) { __asm__ volatile("fnstenv %0" : "=m"(*(uint32_t(*)[7])environment)); }

static void read_words(lsbc_guard *now) {
    __asm__ volatile("stmxcsr %0" : "=m"(now->sse));
    __asm__ volatile("fnstcw %0" : "=m"(now->x87_control));
    __asm__ volatile("fnstsw %0" : "=m"(now->x87_status));
}

/* Flags that are set stay: under the mask they do no harm. Changing the x87 unit's control word alone would cost more. */
void lsbc_guard_enter(lsbc_guard *guard) {
    read_words(guard);
    if (guard->sse != SSE_DEFAULT) write_sse(SSE_DEFAULT);
    if (guard->x87_control == X87_DEFAULT) return;
    take_x87(guard->x87);
    if ((guard->x87_control | FLAGS) != X87_DEFAULT) {
        const uint16_t control = X87_DEFAULT;
        __asm__ volatile("fldcw %0" : : "m"(control));
    }
}

void lsbc_guard_leave(const lsbc_guard *guard) {
    lsbc_guard now;
    read_words(&now);
    if (now.sse != guard->sse) write_sse(guard->sse);
    if (guard->x87_control != X87_DEFAULT) {
        write_x87(guard->x87);
    } else if (now.x87_control != X87_DEFAULT || ((now.x87_status ^ guard->x87_status) & FLAGS) != 0) {
        take_x87(now.x87);
        now.x87[0] = (now.x87[0] & ~(uint32_t)0xffff) | X87_DEFAULT;
        now.x87[1] = (now.x87[1] & ~(uint32_t)FLAGS) | (guard->x87_status & FLAGS);
        write_x87(now.x87);
    }
}

static int is_default(const lsbc_guard *guard) {
    return (guard->sse & ~(uint32_t)FLAGS) == SSE_DEFAULT && guard->x87_control == X87_DEFAULT;
}

static lsbc_guard without_flags(lsbc_guard guard) {
    guard.sse &= ~(uint32_t)FLAGS;
    guard.x87_status &= (uint16_t)~FLAGS;
    if (guard.x87_control != X87_DEFAULT) guard.x87[1] &= ~(uint32_t)FLAGS;
    return guard;
}

#else

void lsbc_guard_enter(lsbc_guard *guard) {
    feholdexcept(&guard->environment);
    fesetenv(FE_DFL_ENV);
}

void lsbc_guard_leave(const lsbc_guard *guard) { fesetenv(&guard->environment); }

/* Called while the default holds. Flags count too: that costs a parallel region, no more. */
static int is_default(const lsbc_guard *guard) {
    lsbc_guard now;
    memset(&now, 0, sizeof now);
    fegetenv(&now.environment);
    return memcmp(&now.environment, &guard->environment, sizeof now.environment) == 0;
}

static lsbc_guard without_flags(lsbc_guard guard) { return guard; }

#endif

/* --- environments of the OpenMP workers -------------------------------------------------------------------------- */

static __thread struct {
    unsigned stamp;
    lsbc_guard own;
} worker;

/* The largest team that was asked for, and the last stamp. One thread at a time calls lsbc. */
static int largest_team = 0;
static unsigned last_stamp = 0;

static void mask_worker(void *stamp) {
    if (omp_get_thread_num() == 0) return;
    worker.stamp = *(const unsigned *)stamp;
    lsbc_guard_enter(&worker.own);
}

static void restore_worker(void *given) {
    const lsbc_guard_whole *guard = (const lsbc_guard_whole *)given;
    if (omp_get_thread_num() == 0) return;
    if (worker.stamp == guard->stamp) {
        lsbc_guard_leave(&worker.own);
    } else {
        const lsbc_guard newcomer = without_flags(guard->calling);
        lsbc_guard_leave(&newcomer);
    }
}

static int has_openmp(void) { return omp_get_max_threads && omp_set_num_threads; }

static int may_use_workers(void) {
    return omp_get_num_procs && omp_get_thread_num && omp_in_parallel && GOMP_parallel && !omp_in_parallel();
}

static int larger(int a, int b) { return a > b ? a : b; }

/* Threads of this process: more than the pool of workers has, or 0 when the system does not say. */
static int n_thread_of_process(void) {
    struct stat tasks;
    return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2 ? (int)tasks.st_nlink - 2 : 0;
}

/* Run `work` on every worker that may be there: a host may ask for more by a clause than its own setting says. */
static void on_workers(void (*work)(void *), void *data) {
    const int n_wanted = larger(largest_team, omp_get_num_procs()), n_there = n_thread_of_process();
    const int n_team = n_there > 0 && n_there < n_wanted ? n_there : n_wanted;
    if (n_team > 1) GOMP_parallel(work, data, (unsigned)n_team, 0);
}

/* With the calling thread's own environment in force, so that workers made here have what the host would have given them. */
static void mask_workers(lsbc_guard_whole *guard) {
    if (++last_stamp == 0) ++last_stamp;
    guard->stamp = last_stamp;
    largest_team = larger(largest_team, guard->n_thread);
    on_workers(mask_worker, &guard->stamp);
}

/* --- the whole guard --------------------------------------------------------------------------------------------- */

void lsbc_guard_enter_whole(lsbc_guard_whole *guard) {
    sigaction(SIGINT, NULL, &guard->interrupt);
    sigaction(SIGTERM, NULL, &guard->terminate);
    guard->n_thread = has_openmp() ? omp_get_max_threads() : 0;
    guard->stamp = 0;
    lsbc_guard_enter(&guard->calling);
    if (guard->n_thread == 0 || (is_default(&guard->calling) && last_stamp == 0) || !may_use_workers()) return;
    lsbc_guard_leave(&guard->calling);
    mask_workers(guard);
    lsbc_guard_enter(&guard->calling);
}

/* The handler is all that Python's signal module replaces; the rest of the action follows it. */
static void restore_signal(int number, const struct sigaction *host) {
    struct sigaction now;
    sigaction(number, NULL, &now);
    if (now.sa_handler != host->sa_handler) sigaction(number, host, NULL);
}

void lsbc_guard_leave_whole(lsbc_guard_whole *guard) {
    if (guard->n_thread > 0 && omp_get_max_threads() != guard->n_thread) {
        largest_team = larger(largest_team, omp_get_max_threads());
        omp_set_num_threads(guard->n_thread);
    }
    restore_signal(SIGINT, &guard->interrupt);
    restore_signal(SIGTERM, &guard->terminate);
    lsbc_guard_leave(&guard->calling);
    if (guard->stamp != 0) on_workers(restore_worker, guard);
}
