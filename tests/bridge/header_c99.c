/* lsbc.h alone, and twice, in strict C99. */
#include "lsbc.h"
#include "lsbc.h"

int main(void) {
    lsbc_field_info_t info;
    /* 64 + 128 + 32 characters and two int32 without padding: what Fortran's bind(c) type and cffi assume. */
    return (sizeof info == 232 && LSBC_OK == 0) ? 0 : 1;
}
