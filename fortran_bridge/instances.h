/* Handles and the last text of each. Knows no Python and no MPI. */
#ifndef LSBC_INSTANCES_H
#define LSBC_INSTANCES_H

#include <stdint.h>

/* Which functions an instance belongs to: those of lsbc.h or those of lsbc_bmi.h. Neither takes the other's handles. */
typedef enum lsbc_face { LSBC_FACE_CALLS, LSBC_FACE_BMI } lsbc_face;

/* A number that was never used before, not yet live; 0 when none is left. */
int32_t lsbc_instance_reserve(void);
/* Make a reserved number live; 0 when memory is out. */
int lsbc_instance_open(int32_t handle, lsbc_face face, int uses_mpi);
void lsbc_instance_close(int32_t handle);
int lsbc_instance_is_live(int32_t handle, lsbc_face face);

int lsbc_instance_uses_mpi(int32_t handle);
/* Whether no other instance is live. */
int lsbc_instance_is_last(int32_t handle);

/* The year an instance has reached, so that the same year again need not ask Python. */
void lsbc_instance_set_year(int32_t handle, int32_t year);
void lsbc_instance_forget_year(int32_t handle);
int lsbc_instance_is_at_year(int32_t handle, int32_t year);

/* Text of a live instance, else the common one. Holds LSBC_TEXT_LENGTH bytes. */
char *lsbc_instance_text(int32_t handle);
/* Keep a text and return `status`: the last line of a function that fails. */
int lsbc_instance_fail(int32_t handle, int status, const char *format, ...);

#endif
