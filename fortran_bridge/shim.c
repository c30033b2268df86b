/* The public functions of lsbc.h: check the handle, guard the host, call Python, translate the status.
 * Knows no fields, no grids and no years: those rules are the component's.
 */
#define _POSIX_C_SOURCE 200809L /* struct sigaction in guard.h */

/* All that liblsbc exports, with what cffi exports; the target hides the rest. */
#pragma GCC visibility push(default)
#include "inner.h"
#include "lsbc.h"
#pragma GCC visibility pop

#include "guard.h"
#include "host_mpi.h"
#include "instances.h"
#include "memory_kind.h"
#include "share.h"
#include "start.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>

#ifndef LSBC_VERSION
#error "LSBC_VERSION must be the version of the project"
#endif

#define START_TEXT (-1)

void lsbc_inner_text(int32_t handle, const char *text) {
    if (handle == START_TEXT) {
        lsbc_start_note(text);
    } else {
        (void)lsbc_instance_fail(handle, 0, "%s", text);
    }
}

static int mpi_is_running(void) {
    int is_initialized = 0, is_finalized = 0;
    MPI_Initialized(&is_initialized);
    if (is_initialized) MPI_Finalized(&is_finalized);
    return is_initialized && !is_finalized;
}

static int public_status(int32_t handle, int inner) {
    if (inner > 0) return LSBC_OK;
    if (inner < 0) return -inner;
    return lsbc_instance_fail(handle, LSBC_ERR_STARTUP, "Python never ran this call; see the standard error stream.");
}

/* LSBC_OK when a call may go on to Python. */
static int check_live(int32_t handle) {
    if (!lsbc_instance_is_live(handle, LSBC_FACE_CALLS)) {
        return lsbc_instance_fail(handle, LSBC_ERR_STATE, "Handle %d is unknown or destroyed.", (int)handle);
    }
    if (lsbc_start_is_alive()) return LSBC_OK;
    return lsbc_instance_fail(handle, LSBC_ERR_STATE, "Python is finalised; destroy handle %d before Py_Finalize.", (int)handle);
}

static int check_collective(int32_t handle) {
    int status = check_live(handle);
    if (status != LSBC_OK || !lsbc_instance_uses_mpi(handle) || mpi_is_running()) return status;
    return lsbc_instance_fail(handle, LSBC_ERR_STATE, "MPI is finalised; destroy handle %d before MPI_Finalize.", (int)handle);
}

/* One guarded call into Python, whose status stays in `status`. */
#define GUARDED_BY(guard_type, enter, leave, handle, status, inner_call) \
    do {                                                                 \
        guard_type guard;                                                \
        enter(&guard);                                                   \
        (status) = public_status((handle), (inner_call));                \
        leave(&guard);                                                   \
    } while (0)
/* A call that computes, loads libraries or waits for other ranks. */
#define GUARDED(handle, status, inner_call) \
    GUARDED_BY(lsbc_guard_whole, lsbc_guard_enter_whole, lsbc_guard_leave_whole, handle, status, inner_call)
/* A call that only looks and copies. */
#define GUARDED_LIGHTLY(handle, status, inner_call) \
    GUARDED_BY(lsbc_guard, lsbc_guard_enter, lsbc_guard_leave, handle, status, inner_call)

/* The highest status of all ranks. Ranks that fail keep the text of the lowest rank that has it. Collective. */
static int agree(MPI_Comm comm, int status) {
    char *text = lsbc_instance_text(0);
    struct {
        int status, rank;
    } mine = {status, 0}, worst;
    MPI_Comm_rank(comm, &mine.rank);
    MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MAXLOC, comm);
    if (worst.status == LSBC_OK) return LSBC_OK;
    if (mine.rank == worst.rank && strncmp(text, "rank ", 5) != 0) {
        char plain[LSBC_TEXT_LENGTH];
        memcpy(plain, text, sizeof plain);
        snprintf(text, LSBC_TEXT_LENGTH, "rank %d: %.2000s", mine.rank, plain);
    }
    MPI_Bcast(text, LSBC_TEXT_LENGTH, MPI_CHAR, worst.rank, comm);
    return worst.status;
}

static int agree_if_mpi(int32_t fortran_comm, int status) {
    return fortran_comm == LSBC_COMM_SERIAL ? status : agree(MPI_Comm_f2c((MPI_Fint)fortran_comm), status);
}

static int check_comm(int32_t fortran_comm) {
    if (fortran_comm == LSBC_COMM_SERIAL) return LSBC_OK;
    const char *other = lsbc_host_mpi_other();
    if (other != NULL) {
        return lsbc_instance_fail(0, LSBC_ERR_STARTUP,
                                  "liblsbc was built with %s, but the host runs %.200s; build lsbc with the host's MPI "
                                  "(cmake -DMPI_C_COMPILER=...).", lsbc_host_mpi_built(), other);
    }
    if (!mpi_is_running()) {
        return lsbc_instance_fail(0, LSBC_ERR_STATE,
                                  "MPI is not running; call MPI_Init before lsbc_create, or pass LSBC_COMM_SERIAL.");
    }
    if (!lsbc_host_mpi_has_comm(fortran_comm)) {
        return lsbc_instance_fail(0, LSBC_ERR_STATE, "%d is no Fortran communicator handle.", (int)fortran_comm);
    }
    int is_inter = 0;
    MPI_Comm_test_inter(MPI_Comm_f2c((MPI_Fint)fortran_comm), &is_inter);
    if (is_inter) return lsbc_instance_fail(0, LSBC_ERR_STATE, "lsbc needs an intra-communicator, not an inter-communicator.");
    return LSBC_OK;
}

/* All that can fail on one rank alone: arguments, the interpreter, the libraries. */
static int prepare(const char *config_path, int32_t fortran_comm, const int32_t *handle) {
    if (handle == NULL) return lsbc_instance_fail(0, LSBC_ERR_STATE, "lsbc_create: handle is NULL.");
    if (config_path == NULL) return lsbc_instance_fail(0, LSBC_ERR_CONFIG, "lsbc_create: config_path is NULL.");
    if (lsbc_start() != LSBC_OK) return lsbc_instance_fail(0, LSBC_ERR_STARTUP, "%s", lsbc_start_text());
    int32_t alone = LSBC_COMM_SERIAL;
    if (fortran_comm != LSBC_COMM_SERIAL) {
        alone = (int32_t)MPI_Comm_c2f(MPI_COMM_SELF);
        lsbc_host_mpi_show();
    }
    return public_status(0, lsbc_inner_prepare(0, alone));
}

/* `prepare` on all ranks: where they share imports rank 0 goes first. Collective. */
static int prepare_all(const char *config_path, int32_t fortran_comm, const int32_t *handle) {
    if (fortran_comm == LSBC_COMM_SERIAL) return prepare(config_path, fortran_comm, handle);
    MPI_Comm comm = MPI_Comm_f2c((MPI_Fint)fortran_comm);
    int rank, status = LSBC_OK, is_shared = lsbc_share_begin(comm);
    MPI_Comm_rank(comm, &rank);
    if (rank == 0 || !is_shared) status = prepare(config_path, fortran_comm, handle);
    if (is_shared) lsbc_share_end(comm, status == LSBC_OK ? config_path : NULL);
    if (rank != 0 && is_shared) status = prepare(config_path, fortran_comm, handle);
    return agree(comm, status);
}

static int create(const char *config_path, int32_t fortran_comm, int32_t *handle) {
    int status = prepare_all(config_path, fortran_comm, handle);
    if (status != LSBC_OK) return status;
    int32_t new_handle = lsbc_instance_reserve();
    if (new_handle == 0) return lsbc_instance_fail(0, LSBC_ERR_INTERNAL, "lsbc_create: no handle is left.");
    status = public_status(0, lsbc_inner_create(new_handle, config_path, fortran_comm));
    if (status == LSBC_OK && !lsbc_instance_open(new_handle, LSBC_FACE_CALLS, fortran_comm != LSBC_COMM_SERIAL)) {
        status = lsbc_instance_fail(0, LSBC_ERR_INTERNAL, "lsbc_create: no memory for handle %d.", (int)new_handle);
    }
    status = agree_if_mpi(fortran_comm, status);
    if (status == LSBC_OK) {
        *handle = new_handle;
    } else {
        lsbc_instance_close(new_handle);
        (void)lsbc_inner_drop(new_handle);
    }
    return status;
}

int lsbc_create(const char *config_path, int32_t fortran_comm, int32_t *handle) {
    lsbc_guard_whole guard;
    if (handle != NULL) *handle = 0;
    (void)lsbc_instance_fail(0, 0, "%s", "");
    int status = check_comm(fortran_comm);
    if (status != LSBC_OK) return status;
    lsbc_guard_enter_whole(&guard);
    status = create(config_path, fortran_comm, handle);
    lsbc_guard_leave_whole(&guard);
    return status;
}

int lsbc_set_grid(int32_t handle, int64_t n_cell, const int64_t *global_id, const double *lon_deg, const double *lat_deg,
                  int32_t n_vertex, const double *vertex_lon_deg, const double *vertex_lat_deg, const int32_t *owned) {
    int status = check_collective(handle);
    if (status != LSBC_OK) return status;
    GUARDED(handle, status, lsbc_inner_set_grid(handle, n_cell, global_id, lon_deg, lat_deg, n_vertex, vertex_lon_deg,
                                                vertex_lat_deg, owned));
    return status;
}

static lsbc_array_t plain_array(void *values, int32_t item_bytes, int32_t n_dim, int64_t n_cell, int32_t n_level) {
    lsbc_array_t array;
    memset(&array, 0, sizeof array);
    array.address = values;
    array.item_bytes = item_bytes;
    array.n_dim = n_dim;
    array.extent[0] = n_cell;
    array.extent[1] = n_level;
    array.level_dim = n_dim == 2 ? 2 : 0;
    return array;
}

/* The description with its kind of memory found out; NULL stays NULL. */
static const lsbc_array_t *with_memory(const lsbc_array_t *array, lsbc_array_t *copy) {
    if (array == NULL || array->memory != LSBC_MEMORY_ANY) return array;
    *copy = *array;
    copy->memory = lsbc_memory_kind(array->address);
    return copy;
}

int lsbc_set_array(int32_t handle, const char *name, const lsbc_array_t *array) {
    lsbc_array_t copy;
    int status = check_live(handle);
    if (status != LSBC_OK) return status;
    GUARDED_LIGHTLY(handle, status, lsbc_inner_set_array(handle, name, with_memory(array, &copy)));
    return status;
}

int lsbc_set_field(int32_t handle, const char *name, int64_t n_cell, double *values) {
    lsbc_array_t array = plain_array(values, LSBC_REAL64, 1, n_cell, 1);
    return lsbc_set_array(handle, name, &array);
}

int lsbc_set_field_f32(int32_t handle, const char *name, int64_t n_cell, float *values) {
    lsbc_array_t array = plain_array(values, LSBC_REAL32, 1, n_cell, 1);
    return lsbc_set_array(handle, name, &array);
}

int lsbc_step_year(int32_t handle, int32_t year) {
    int status = check_collective(handle);
    if (status != LSBC_OK || lsbc_instance_is_at_year(handle, year)) return status;
    GUARDED(handle, status, lsbc_inner_step_year(handle, year));
    if (status == LSBC_OK) lsbc_instance_set_year(handle, year);
    return status;
}

int lsbc_get_array(int32_t handle, const char *name, const lsbc_array_t *array) {
    lsbc_array_t copy;
    int status = check_live(handle);
    if (status != LSBC_OK) return status;
    GUARDED_LIGHTLY(handle, status, lsbc_inner_get_array(handle, name, with_memory(array, &copy)));
    return status;
}

int lsbc_get_field(int32_t handle, const char *name, int32_t n_level, int64_t n_cell, double *values) {
    lsbc_array_t array = plain_array(values, LSBC_REAL64, n_level == 1 ? 1 : 2, n_cell, n_level);
    return lsbc_get_array(handle, name, &array);
}

int lsbc_get_field_f32(int32_t handle, const char *name, int32_t n_level, int64_t n_cell, float *values) {
    lsbc_array_t array = plain_array(values, LSBC_REAL32, n_level == 1 ? 1 : 2, n_cell, n_level);
    return lsbc_get_array(handle, name, &array);
}

int lsbc_field_count(int32_t handle, int32_t *count) {
    int status = check_live(handle);
    if (status != LSBC_OK) return status;
    GUARDED_LIGHTLY(handle, status, lsbc_inner_field_count(handle, count));
    return status;
}

int lsbc_field_info(int32_t handle, int32_t index, lsbc_field_info_t *info) {
    int status = check_live(handle);
    if (status != LSBC_OK) return status;
    GUARDED_LIGHTLY(handle, status, lsbc_inner_field_info(handle, index, info));
    return status;
}

int lsbc_write_restart(int32_t handle, const char *path) {
    int status = check_collective(handle);
    if (status != LSBC_OK) return status;
    GUARDED(handle, status, lsbc_inner_write_restart(handle, path));
    return status;
}

int lsbc_read_restart(int32_t handle, const char *path) {
    int status = check_collective(handle);
    if (status != LSBC_OK) return status;
    lsbc_instance_forget_year(handle); /* the file's year is Python's to know */
    GUARDED(handle, status, lsbc_inner_read_restart(handle, path));
    return status;
}

int lsbc_last_error(int32_t handle, char *buffer, int32_t length) {
    if (buffer == NULL || length <= 0) return LSBC_ERR_FIELD;
    snprintf(buffer, (size_t)length, "%s", lsbc_instance_text(handle));
    return LSBC_OK;
}

int lsbc_destroy(int32_t handle) {
    int status = check_collective(handle);
    if (status != LSBC_OK) return status;
    int32_t run_exit_functions = lsbc_start_is_own() && lsbc_instance_is_last(handle);
    GUARDED(handle, status, lsbc_inner_destroy(handle, run_exit_functions));
    char text[LSBC_TEXT_LENGTH];
    memcpy(text, lsbc_instance_text(handle), sizeof text);
    lsbc_instance_close(handle);
    if (status != LSBC_OK) (void)lsbc_instance_fail(handle, status, "%s", text);
    return status;
}

const char *lsbc_version(void) { return LSBC_VERSION; }
