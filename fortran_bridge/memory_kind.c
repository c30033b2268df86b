/* Whether an address is the host's or a CUDA device's. Knows no fields and no Python. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "memory_kind.h"

#include "lsbc.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

enum { CU_POINTER_ATTRIBUTE_MEMORY_TYPE = 2, CU_MEMORYTYPE_DEVICE = 2 };

typedef int (*attribute_call)(void *value, int attribute, uint64_t address);

static int read_count_of_loads(struct dl_phdr_info *info, size_t size, void *count) {
    (void)size;
    *(unsigned long long *)count = info->dlpi_adds;
    return 1; /* the first object tells it as well as any */
}

/* A host that has device memory has loaded the driver already. Looked for again only after something was loaded: a name
   that is not there is searched for in files. */
static attribute_call find_driver(void) {
    static attribute_call driver = NULL;
    static unsigned long long n_load_seen = 0;
    unsigned long long n_load = 0;
    if (driver != NULL) return driver;
    dl_iterate_phdr(read_count_of_loads, &n_load);
    if (n_load == n_load_seen) return NULL;
    n_load_seen = n_load;
    void *library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (library != NULL) *(void **)&driver = dlsym(library, "cuPointerGetAttribute");
    return driver;
}

int32_t lsbc_memory_kind(const void *address) {
    attribute_call driver = find_driver();
    unsigned int kind = 0;
    /* an address that the driver has never seen is an error of its own */
    if (driver == NULL || driver(&kind, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (uint64_t)(uintptr_t)address) != 0) return LSBC_MEMORY_HOST;
    return kind == CU_MEMORYTYPE_DEVICE ? LSBC_MEMORY_DEVICE : LSBC_MEMORY_HOST;
}
