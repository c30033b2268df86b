/* lsbc behind the Basic Model Interface 2.0 of CSDMS, as frameworks load models in C: its structure of functions.
 *
 * bmi.h is CSDMS's (repository bmi-c) or the framework's own copy; lsbc was built with one of the same structure.
 * Behind the functions stands the Python class lsbc.emulator.adapters.bmi:LsbcBmi, whose rules hold. An instance runs on
 * the calling process alone.
 *
 * Every function returns BMI_SUCCESS or BMI_FAILURE, and after a failure what it was to fill is as it was, but a pointer,
 * which is NULL. All variables are double; indices, nodes and edges count from 0. Arrays are as long as BMI says: one
 * value a face for a variable. Texts take no more than BMI_MAX_..._NAME characters, the final NUL included. */
#ifndef LSBC_BMI_C_H
#define LSBC_BMI_C_H

#include <stdint.h>

#include "bmi.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Fill a structure with the functions of lsbc; a structure is one instance. Starts nothing.
 *  @param model  out, caller-owned; not one that is initialised
 *  @return `model` */
Bmi *register_bmi_lsbc(Bmi *model);

/** The handle that lsbc_last_error takes (lsbc.h): it gives the text of the last failure. 0 before `initialize`, after one
 *  that failed, and after `finalize`. */
int32_t lsbc_bmi_handle(const Bmi *model);

#ifdef __cplusplus
}
#endif

#endif
