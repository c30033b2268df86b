/* Create and destroy, with whatever environment the test gives. Argument: the configuration. */
#include "check.h"

int main(int n_argument, char **arguments) {
    int32_t handle = 0;
    if (n_argument != 2) return 2;
    CHECK(lsbc_create(arguments[1], LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    if (handle == 0) fprintf(stderr, "%s\n", last_error(0));
    if (handle != 0) CHECK(lsbc_destroy(handle) == LSBC_OK);
    return n_failed != 0;
}
