/* Whether an address is the host's or a CUDA device's. Knows no fields and no Python. */
#ifndef LSBC_MEMORY_KIND_H
#define LSBC_MEMORY_KIND_H

#include <stdint.h>

/* LSBC_MEMORY_DEVICE where the CUDA driver of this process knows the address as device or managed memory, else
   LSBC_MEMORY_HOST. Loads nothing. */
int32_t lsbc_memory_kind(const void *address);

#endif
