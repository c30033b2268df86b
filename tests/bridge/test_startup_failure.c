/* A start that must fail: an error code, a text that holds every argument of the program, and again the same. */
#include "check.h"

int main(int n_argument, char **arguments) {
    int32_t handle = 99;
    for (int attempt = 0; attempt < 2; ++attempt) {
        CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_ERR_STARTUP);
        CHECK(handle == 0);
        for (int i = 1; i < n_argument; ++i) CHECK_TEXT(0, arguments[i]);
    }
    CHECK(lsbc_step_year(1, 2019) == LSBC_ERR_STATE);
    puts(text);
    return n_failed != 0;
}
