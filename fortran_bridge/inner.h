/* Between the C shim and the embedded Python.
 *
 * Inner convention: +1 done; 0 Python never ran (what cffi returns when the interpreter did not start); negative: minus
 * a public status, its text already kept by lsbc_inner_text. The calls are those of build_ffi.py.
 */
#ifndef LSBC_INNER_H
#define LSBC_INNER_H

#include <stdint.h>

#include "lsbc.h"

/* Called by Python: keep the text of a failure. Handle -1 keeps why the registration failed. */
void lsbc_inner_text(int32_t handle, const char *text);

/* Join the running interpreter: 0 or -1. */
int lsbc_inner_start(void);

int lsbc_inner_prepare(int32_t handle, int32_t self_comm);
int lsbc_inner_create(int32_t handle, const char *config_path, int32_t fortran_comm);
int lsbc_inner_set_grid(int32_t handle, int64_t n_cell, const int64_t *global_id, const double *lon_deg,
                        const double *lat_deg, int32_t n_vertex, const double *vertex_lon_deg,
                        const double *vertex_lat_deg, const int32_t *owned);
int lsbc_inner_set_array(int32_t handle, const char *name, const lsbc_array_t *array);
int lsbc_inner_step_year(int32_t handle, int32_t year);
int lsbc_inner_get_array(int32_t handle, const char *name, const lsbc_array_t *array);
int lsbc_inner_field_count(int32_t handle, int32_t *count);
int lsbc_inner_field_info(int32_t handle, int32_t index, lsbc_field_info_t *info);
int lsbc_inner_write_restart(int32_t handle, const char *path);
int lsbc_inner_read_restart(int32_t handle, const char *path);
int lsbc_inner_destroy(int32_t handle, int32_t run_exit_functions);
int lsbc_inner_drop(int32_t handle);

#endif
