/* The end of the last instance does what only the end of an interpreter would: exit functions run, buffers are written.
 * The component is host_component.py. Argument: a file for its exit function; this program's output goes to another. */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int32_t created(const char *config_path) {
    int32_t handle = 0;
    CHECK(lsbc_create(config_path, LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    return handle;
}

static const char *content(const char *path) {
    static char buffer[64];
    memset(buffer, 0, sizeof buffer);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        (void)!fread(buffer, 1, sizeof buffer - 1, file);
        fclose(file);
    }
    return buffer;
}

int main(int n_argument, char **arguments) {
    char printed[1024];
    if (n_argument != 2) return 2;
    snprintf(printed, sizeof printed, "%s.printed", arguments[1]);
    unlink(arguments[1]);
    setenv("EXIT_FILE", arguments[1], 1);
    unsetenv("PYTHONUNBUFFERED");
    if (dup2(open(printed, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO) < 0) return 2;
    int32_t other = created("ok.toml"), handle = created("exit.toml");
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    CHECK(strcmp(content(printed), "kept in the buffer") == 0);
    CHECK(strcmp(content(arguments[1]), "") == 0); /* the other instance may need what an exit function would end */
    CHECK(lsbc_destroy(other) == LSBC_OK);
    CHECK(strcmp(content(arguments[1]), "ran") == 0);
    handle = created("ok.toml");
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    _exit(n_failed != 0);
}
