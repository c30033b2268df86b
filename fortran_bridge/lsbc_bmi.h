/* What module lsbc_bmi and the structure of lsbc_bmi_c.h call: the functions of BMI by their names. Hosts use those.
 *
 * A BMI instance is a handle like those of lsbc.h: lsbc_last_error gives its texts (with 0 those of a failed
 * lsbc_bmi_initialize), and the codes are the same. It runs on the calling process alone. */
#ifndef LSBC_BMI_H
#define LSBC_BMI_H

#include <stdint.h>

/* Make the instance: configuration, cells, first year. @param handle  out, > 0; 0 after a failure */
int lsbc_bmi_initialize(const char *config_file, int32_t *handle);

/* Any other function of BMI but finalize.
 * @param function  in, as bmipy calls it
 * @param name      in, of a variable; "" for functions without; never NULL
 * @param grid      in, of get_grid_*
 * @param time      in, of update_until
 * @param index     in, [n_index], positions from 0, of *_at_indices; may be NULL where n_index is 0
 * @param memory    in or out, [count] of `kind`: numbers, or for texts characters, padded with blanks; get_value_ptr gives
 *                  two int64, an address and a count
 * @param kind      in, "i4", "i8", "f4", "f8", or "S1" for characters */
int lsbc_bmi_call(int32_t handle, const char *function, const char *name, int32_t grid, double time, int64_t n_index,
                  const int32_t *index, int64_t count, void *memory, const char *kind);

/* End the instance; the handle is dead afterwards, whatever is returned. */
int lsbc_bmi_finalize(int32_t handle);

#endif
