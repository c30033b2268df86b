/* An interrupt while lsbc starts is the host's: its own handler gets it, and without one the run ends. The component is
 * host_component.py, which interrupts. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t n_interrupt = 0;

static void count(int number) { n_interrupt += number == SIGINT; }

static int created(void) {
    int32_t handle = 0;
    int status = lsbc_create("interrupt.toml", LSBC_COMM_SERIAL, &handle);
    CHECK(status != LSBC_OK || lsbc_destroy(handle) == LSBC_OK);
    return status;
}

int main(void) {
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        (void)created();
        _exit(0);
    }
    int how = 0;
    CHECK(waitpid(child, &how, 0) == child);
    CHECK(WIFSIGNALED(how) && WTERMSIG(how) == SIGINT);
    signal(SIGINT, count);
    CHECK(created() == LSBC_OK);
    CHECK(n_interrupt == 1);
    return n_failed != 0;
}
