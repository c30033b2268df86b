/* Failures on one of two ranks: every rank gets the same code and the text that names the rank, and nobody waits. */
#include "check.h"

#include <mpi.h>

static int rank;
static int32_t comm;

static void fails_everywhere_when_one_rank_cannot_start(void) {
    int32_t handle = 99;
    CHECK(lsbc_create("ok.toml", comm, &handle) == LSBC_ERR_STARTUP);
    CHECK(handle == 0);
    CHECK_TEXT(0, "rank 1: ");
    CHECK_TEXT(0, "/nowhere/python");
}

/* The handler of errors that the host has is fatal: a number that MPI takes for a communicator would end the job. */
static void refuses_what_is_no_communicator_of_its_own_ranks(void) {
    int32_t handle = 0;
    MPI_Comm both_sides;
    MPI_Errhandler of_world, of_self;
    CHECK(lsbc_create("ok.toml", (int32_t)MPI_Comm_c2f(MPI_COMM_NULL), &handle) == LSBC_ERR_STATE);
    CHECK(lsbc_create("ok.toml", 123456, &handle) == LSBC_ERR_STATE);
    CHECK_TEXT(0, "123456 is no Fortran communicator handle");
    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &of_world);
    MPI_Comm_get_errhandler(MPI_COMM_SELF, &of_self);
    CHECK(of_world == MPI_ERRORS_ARE_FATAL && of_self == MPI_ERRORS_ARE_FATAL);
    MPI_Intercomm_create(MPI_COMM_SELF, 0, MPI_COMM_WORLD, 1 - rank, 5, &both_sides);
    CHECK(lsbc_create("ok.toml", (int32_t)MPI_Comm_c2f(both_sides), &handle) == LSBC_ERR_STATE);
    CHECK_TEXT(0, "not an inter-communicator");
    MPI_Comm_free(&both_sides);
}

static void agrees_about_arguments_and_create(void) {
    int32_t handle = 99;
    CHECK(lsbc_create(rank == 1 ? NULL : "ok.toml", comm, &handle) == LSBC_ERR_CONFIG);
    CHECK_TEXT(0, "rank 1: lsbc_create: config_path is NULL");
    CHECK(lsbc_create("rank1.toml", comm, &handle) == LSBC_ERR_CONFIG);
    CHECK(strcmp(last_error(0), "rank 1: only here") == 0);
    CHECK(lsbc_create("unagreed.toml", comm, &handle) == LSBC_ERR_CONFIG);
    CHECK_TEXT(0, "rank 1: nobody else knows");
    CHECK(handle == 0);
}

static void agrees_in_every_collective_call(void) {
    int32_t handle = 0;
    double values[2] = {0.25, 0.5}, result[2] = {-1.0, -1.0};
    CHECK(lsbc_create("ok.toml", comm, &handle) == LSBC_OK);
    CHECK(lsbc_set_grid(handle, rank == 1 ? -1 : 0, global_id, NULL, NULL, 4, NULL, NULL, NULL) == LSBC_ERR_GRID);
    CHECK_TEXT(handle, "n_cell must be 0 or more, got -1 on rank 1");
    CHECK(set_two_cells(handle) == LSBC_OK);
    if (rank == 0) CHECK(lsbc_set_field(handle, "urban", 2, values) == LSBC_OK);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_ERR_FIELD);
    CHECK_TEXT(handle, "rank 1: ");
    CHECK(lsbc_set_field(handle, "urban", 2, values) == LSBC_OK);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_OK);
    CHECK(lsbc_write_restart(handle, rank == 1 ? NULL : "ranks.restart") == LSBC_ERR_STATE);
    CHECK(lsbc_read_restart(handle, rank == 0 ? NULL : "ranks.restart") == LSBC_ERR_STATE);
    CHECK(lsbc_get_field(handle, "urban_frac", 1, 2, result) == LSBC_OK && result[0] == 2019.25);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    CHECK(lsbc_destroy(handle) == LSBC_ERR_STATE);
}

static void agrees_about_a_defect(void) {
    int32_t handle = 0;
    double values[2] = {0.25, 0.5};
    CHECK(lsbc_create("ok.toml", comm, &handle) == LSBC_OK);
    CHECK(set_two_cells(handle) == LSBC_OK);
    CHECK(lsbc_set_field(handle, "urban", 2, values) == LSBC_OK);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_ERR_INTERNAL);
    CHECK_TEXT(handle, "rank 1: ");
    CHECK_TEXT(handle, "ZeroDivisionError");
    CHECK(lsbc_destroy(handle) == LSBC_OK);
}

/* Argument: which of the cases. */
int main(int n_argument, char **arguments) {
    const char *what = n_argument == 2 ? arguments[1] : "";
    int32_t handle = 0, left = 0;
    CHECK(lsbc_create("ok.toml", 0, &handle) == LSBC_ERR_STATE);
    CHECK_TEXT(0, "MPI is not running");
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    comm = (int32_t)MPI_Comm_c2f(MPI_COMM_WORLD);
    if (strcmp(what, "start") == 0) {
        fails_everywhere_when_one_rank_cannot_start();
    } else if (strcmp(what, "defect") == 0) {
        agrees_about_a_defect();
    } else {
        refuses_what_is_no_communicator_of_its_own_ranks();
        agrees_about_arguments_and_create();
        agrees_in_every_collective_call();
        CHECK(lsbc_create("ok.toml", comm, &left) == LSBC_OK);
    }
    MPI_Finalize();
    if (left != 0) {
        CHECK(lsbc_step_year(left, 2019) == LSBC_ERR_STATE);
        CHECK(lsbc_destroy(left) == LSBC_ERR_STATE);
        CHECK_TEXT(left, "before MPI_Finalize");
    }
    return n_failed != 0;
}
