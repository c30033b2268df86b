/* A host that loads liblsbc at run time with its symbols hidden (RTLD_LOCAL), lets go of it and loads it again. Argument: the library. */
#define _GNU_SOURCE /* RTLD_NOLOAD */
#include "lsbc.h"

#include <dlfcn.h>
#include <stdio.h>

typedef int (*create_call)(const char *, int32_t, int32_t *);
typedef int (*error_call)(int32_t, char *, int32_t);
typedef int (*destroy_call)(int32_t);

static void *find(void *library, const char *name) {
    void *symbol = dlsym(library, name);
    if (symbol == NULL) fprintf(stderr, "%s\n", dlerror());
    return symbol;
}

int main(int n_argument, char **arguments) {
    void *library = n_argument == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    create_call create = (create_call)find(library, "lsbc_create");
    error_call error = (error_call)find(library, "lsbc_last_error");
    destroy_call destroy = (destroy_call)find(library, "lsbc_destroy");
    int32_t handle = 0;
    char text[LSBC_TEXT_LENGTH];
    if (create("ok.toml", LSBC_COMM_SERIAL, &handle) != LSBC_OK) {
        error(0, text, (int32_t)sizeof text);
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    if (destroy(handle) != LSBC_OK) return 1;
    /* Python keeps addresses inside the library: it stays when the host lets go of it. */
    dlclose(library);
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (library == NULL) {
        fprintf(stderr, "dlclose took the library away\n");
        return 1;
    }
    create = (create_call)find(library, "lsbc_create");
    if (create("ok.toml", LSBC_COMM_SERIAL, &handle) != LSBC_OK) return 1;
    return destroy(handle) != LSBC_OK;
}
