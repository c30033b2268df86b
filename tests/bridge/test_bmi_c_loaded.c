/* A framework without lsbc and MPI that loads BMI's C structure with its symbols hidden, unloads it and loads it again.
 * Argument: configuration. Environment: BMI_LIBRARY. */
#include "bmi.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef Bmi *(*register_call)(Bmi *);

static int one_run(const char *path, const char *config) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, "register_bmi_lsbc") : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 0;
    }
    Bmi model;
    (void)((register_call)(uintptr_t)symbol)(&model);
    int works = model.initialize(&model, config) == BMI_SUCCESS && model.update_until(&model, 2.0) == BMI_SUCCESS;
    return model.finalize(&model) == BMI_SUCCESS && dlclose(library) == 0 && works;
}

int main(int n_argument, char **arguments) {
    const char *library = getenv("BMI_LIBRARY");
    if (n_argument < 2 || library == NULL) return 2;
    for (int run = 1; run <= 2; ++run) {
        if (!one_run(library, arguments[1])) {
            fprintf(stderr, "run %d fails\n", run);
            return 1;
        }
    }
    return 0;
}
