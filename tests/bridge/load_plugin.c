/* A host without lsbc and MPI that loads a plugin with its symbols hidden (RTLD_LOCAL). Argument: the plugin. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

int main(int n_argument, char **arguments) {
    void *plugin = n_argument == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = plugin != NULL ? dlsym(plugin, "plugin_main") : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    return ((int (*)(void))(uintptr_t)symbol)();
}
