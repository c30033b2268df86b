/* What belongs to the host is after every call what it was before: traps, flags, rounding, threads, signals, locale.
 * The fake component's step divides by zero, sets one OpenMP thread and replaces the signal handlers. */
#define _GNU_SOURCE /* feenableexcept */
#include "check.h"

#include <fenv.h>
#include <locale.h>
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const int traps = FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW;
static char locale_before[64];

static void host_handler(int number) { (void)number; }

static void set_up_host(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = host_handler;
    sigaction(SIGTERM, &action, NULL);
    omp_set_num_threads(3);
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_UNDERFLOW);
    feenableexcept(traps);
    snprintf(locale_before, sizeof locale_before, "%s", setlocale(LC_ALL, NULL));
}

static void check_host(void) {
    struct sigaction interrupt, terminate;
    sigaction(SIGINT, NULL, &interrupt);
    sigaction(SIGTERM, NULL, &terminate);
    CHECK(interrupt.sa_handler == SIG_DFL);
    CHECK(terminate.sa_handler == host_handler);
    CHECK(omp_get_max_threads() == 3);
    CHECK(fegetround() == FE_UPWARD);
    CHECK(fegetexcept() == traps);
    CHECK((fetestexcept(FE_UNDERFLOW | FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW)) == FE_UNDERFLOW);
    CHECK(strcmp(setlocale(LC_ALL, NULL), locale_before) == 0);
}

static int signal_that_ends_a_child_with(void (*act)(void)) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        act();
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void interrupt_myself(void) { raise(SIGINT); }

static void divide_by_zero(void) {
    volatile double zero = 0.0, result = 1.0 / zero;
    (void)result;
}

int main(void) {
    int32_t handle = 0;
    double values[2] = {0.25, 0.5};
    set_up_host();
    CHECK(lsbc_create("badkey.toml", LSBC_COMM_SERIAL, &handle) == LSBC_ERR_CONFIG);
    check_host();
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    check_host();
    CHECK(set_two_cells(handle) == LSBC_OK);
    check_host();
    CHECK(lsbc_set_field(handle, "urban", 2, values) == LSBC_OK);
    for (int32_t year = 2019; year < 2022; ++year) {
        CHECK(lsbc_step_year(handle, year) == LSBC_OK);
        check_host();
    }
    CHECK(signal_that_ends_a_child_with(interrupt_myself) == SIGINT);
    CHECK(signal_that_ends_a_child_with(divide_by_zero) == SIGFPE);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    check_host();
    return n_failed != 0;
}
