/* lsbc's own component behind the C calls, as far as it goes without data: a configuration that is not there. */
#include "check.h"

int main(void) {
    int32_t handle = 99;
    int status = lsbc_create("no_such_folder/no_such_config.toml", LSBC_COMM_SERIAL, &handle);
    CHECK(status == LSBC_ERR_CONFIG || status == LSBC_ERR_IO);
    CHECK(handle == 0);
    CHECK_TEXT(0, "no_such_config.toml");
    return n_failed != 0;
}
