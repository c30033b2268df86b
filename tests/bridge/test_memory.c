/* Many calls leave no memory behind. */
#include "check.h"

#include <unistd.h>

enum { N_CALL = 100000, N_STEP = 2000, WARM_UP = 2000 };

static long resident_kb(void) {
    long n_page = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &n_page, &resident) != 2) return -1;
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int32_t year = 2018;

static void call(int32_t handle, double *urban, double *result) {
    CHECK(lsbc_set_field(handle, "urban", 2, urban) == LSBC_OK);
    CHECK(lsbc_step_year(handle, year) == LSBC_OK);
    CHECK(lsbc_get_field(handle, "urban_frac", 1, 2, result) == LSBC_OK);
}

static void run(int32_t handle, int n_call, int n_step) {
    double urban[2] = {0.25, 0.5}, result[2];
    for (int i = 0; i < n_call; ++i) call(handle, urban, result);
    for (int i = 0; i < n_step; ++i) {
        ++year;
        call(handle, urban, result);
        if (i % 100 == 0) CHECK(lsbc_set_field(handle, "snow", 2, urban) == LSBC_ERR_FIELD);
    }
}

int main(void) {
    int32_t handle = 0;
    double urban[2] = {0.25, 0.5};
    if (resident_kb() < 0) return 77; /* no /proc here */
    CHECK(freopen("/dev/null", "w", stdout) != NULL);
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    CHECK(set_two_cells(handle) == LSBC_OK);
    CHECK(lsbc_set_field(handle, "urban", 2, urban) == LSBC_OK);
    CHECK(lsbc_step_year(handle, year) == LSBC_OK);
    run(handle, WARM_UP, WARM_UP);
    const long before_kb = resident_kb();
    run(handle, N_CALL, N_STEP);
    const long grown_kb = resident_kb() - before_kb;
    fprintf(stderr, "%d calls and %d steps: %ld kB more\n", 3 * N_CALL, N_STEP, grown_kb);
    CHECK(grown_kb <= 1024);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    return n_failed != 0;
}
