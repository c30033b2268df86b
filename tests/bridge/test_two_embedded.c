/* A host with another library that embeds Python through cffi. Argument: which of the two comes first. */
#include "check.h"

int other_embedded_sum(int, int);

int main(int n_argument, char **arguments) {
    int32_t handle = 0;
    const int other_is_first = n_argument == 2 && strcmp(arguments[1], "other") == 0;
    if (other_is_first) CHECK(other_embedded_sum(2, 3) == 5);
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    CHECK(other_embedded_sum(20, 30) == 50);
    CHECK(set_two_cells(handle) == LSBC_OK);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    return n_failed != 0;
}
