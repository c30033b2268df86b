/* Start the embedded Python once in the process. Knows no handles, no MPI and no land use. */
#ifndef LSBC_START_H
#define LSBC_START_H

#include <stddef.h>

/* LSBC_OK or LSBC_ERR_STARTUP, the same every time; never exits. */
int lsbc_start(void);
/* The first half of it: the interpreter runs, nothing is imported. Once in the process; the same status every time. */
int lsbc_start_interpreter(void);
/* Whether lsbc_start was called, in this process. */
int lsbc_start_was_tried(void);
/* Whether the interpreter is still there: a host may finalise its own, and any library that of the process. */
int lsbc_start_is_alive(void);
/* Whether the interpreter that lsbc joined was finalised. */
int lsbc_start_is_gone(void);
/* Whether lsbc started the interpreter: then it has no other owner. */
int lsbc_start_is_own(void);
/* What is wrong and what to do; empty after success. */
const char *lsbc_start_text(void);
/* "ModuleNotFoundError: No module named 'numpy'" from Python's exception that is set, which is cleared. The caller holds the GIL. */
void lsbc_start_describe_exception(char *into, size_t length);
/* Used by the registration code to tell why it failed. */
void lsbc_start_note(const char *text);

#endif
