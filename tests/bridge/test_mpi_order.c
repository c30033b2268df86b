/* MPI started late, at every thread level, and communicators that are parts of the job. The component is host_component.py.
 * Arguments: thread level (single, funneled, serialized, multiple), then what to do. */
#include "check.h"

#include <mpi.h>
#include <pthread.h>
#include <unistd.h>

static int rank, n_rank;

static int32_t created(const char *config_path, MPI_Comm comm) {
    int32_t handle = 0;
    CHECK(lsbc_create(config_path, comm == MPI_COMM_NULL ? LSBC_COMM_SERIAL : (int32_t)MPI_Comm_c2f(comm), &handle) == LSBC_OK);
    if (handle == 0) fprintf(stderr, "%s\n", last_error(0));
    return handle;
}

static double urban[2] = {0.25, 0.5};

static void prepare(int32_t handle) {
    CHECK(set_two_cells(handle) == LSBC_OK);
    CHECK(lsbc_set_field(handle, "urban", 2, urban) == LSBC_OK);
}

static void step(int32_t handle, int32_t year, int place) {
    double value[2] = {-1.0, -1.0};
    CHECK(lsbc_step_year(handle, year) == LSBC_OK);
    CHECK(lsbc_get_field(handle, "place", 1, 2, value) == LSBC_OK);
    CHECK(value[1] == place);
}

static void run_on(MPI_Comm comm) {
    int place, size;
    MPI_Comm_rank(comm, &place);
    MPI_Comm_size(comm, &size);
    int32_t handle = created("ok.toml", comm);
    prepare(handle);
    step(handle, 2019, 100 * place + size);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
}

static void *run_on_all(void *unused) { return run_on(MPI_COMM_WORLD), unused; }

static void two_instances_on_two_parts(void) {
    MPI_Comm row, column;
    const int n_row = n_rank / 2;
    MPI_Comm_split(MPI_COMM_WORLD, rank / 2, -rank, &row);
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &column);
    int32_t on_row = created("ok.toml", row), on_column = created("ok.toml", column);
    MPI_Comm_free(&row);
    MPI_Comm_free(&column);
    prepare(on_column);
    prepare(on_row);
    for (int32_t year = 2019; year < 2022; ++year) {
        step(on_row, year, 100 * (1 - rank % 2) + 2);
        step(on_column, year, 100 * (rank / 2) + n_row);
    }
    CHECK(lsbc_destroy(on_row) == LSBC_OK);
    step(on_column, 2022, 100 * (rank / 2) + n_row);
    CHECK(lsbc_destroy(on_column) == LSBC_OK);
}

static void one_rank_comes_late(void) {
    if (rank == 1) usleep(1000000);
    int32_t handle = created("ok.toml", MPI_COMM_WORLD);
    prepare(handle);
    if (rank == 1) usleep(1000000);
    step(handle, 2019, 100 * rank + n_rank);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
}

static void from_another_thread(void) {
    pthread_t thread;
    run_on(MPI_COMM_WORLD);
    CHECK(pthread_create(&thread, NULL, run_on_all, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static int level_named(const char *name) {
    if (strcmp(name, "single") == 0) return MPI_THREAD_SINGLE;
    if (strcmp(name, "funneled") == 0) return MPI_THREAD_FUNNELED;
    if (strcmp(name, "serialized") == 0) return MPI_THREAD_SERIALIZED;
    return MPI_THREAD_MULTIPLE;
}

int main(int n_argument, char **arguments) {
    if (n_argument != 3) return 2;
    int wanted = level_named(arguments[1]), provided = -1;
    const char *what = arguments[2];
    int32_t before = strcmp(what, "mpi4py_first") == 0 ? created("mpi4py.toml", MPI_COMM_NULL)
                     : strcmp(what, "serial_first") == 0 ? created("ok.toml", MPI_COMM_NULL) : 0;
    if (before != 0) prepare(before);
    MPI_Init_thread(NULL, NULL, wanted, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_rank);
    if (provided < wanted) fprintf(stderr, "the MPI library has only thread level %d\n", provided);
    if (strcmp(what, "parts") == 0) {
        two_instances_on_two_parts();
    } else if (strcmp(what, "late") == 0) {
        one_rank_comes_late();
    } else if (strcmp(what, "thread") == 0) {
        from_another_thread();
    } else {
        run_on(MPI_COMM_WORLD);
        step(before, 2019, 1);
    }
    MPI_Finalize();
    if (before != 0) CHECK(lsbc_destroy(before) == LSBC_OK);
    return n_failed != 0;
}
