/* The smallest C host: creates and ends an instance. */
#include <lsbc.h>
#include <stdio.h>

int main(void) {
    int32_t handle;
    char text[LSBC_TEXT_LENGTH];
    if (lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) != LSBC_OK) {
        lsbc_last_error(0, text, (int32_t)sizeof text);
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    return lsbc_destroy(handle);
}
