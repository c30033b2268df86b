/* Handles and the last text of each. Knows no Python and no MPI. */
#include "instances.h"

#include "lsbc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct instance {
    struct instance *next;
    int32_t handle;
    lsbc_face face;
    int uses_mpi;
    int has_year;
    int32_t year;
    char text[LSBC_TEXT_LENGTH];
} instance;

static instance *first = NULL;
static int32_t last_handle = 0;
static char common_text[LSBC_TEXT_LENGTH] = "";

static instance *find(int32_t handle) {
    instance *at = first;
    while (at != NULL && at->handle != handle) at = at->next;
    return at;
}

int32_t lsbc_instance_reserve(void) { return last_handle == INT32_MAX ? 0 : ++last_handle; }

int lsbc_instance_open(int32_t handle, lsbc_face face, int uses_mpi) {
    instance *new_instance = (instance *)calloc(1, sizeof *new_instance);
    if (new_instance == NULL) return 0;
    new_instance->handle = handle;
    new_instance->face = face;
    new_instance->uses_mpi = uses_mpi;
    new_instance->next = first;
    first = new_instance;
    return 1;
}

void lsbc_instance_close(int32_t handle) {
    instance **link = &first;
    while (*link != NULL && (*link)->handle != handle) link = &(*link)->next;
    if (*link == NULL) return;
    instance *gone = *link;
    *link = gone->next;
    free(gone);
}

int lsbc_instance_is_live(int32_t handle, lsbc_face face) {
    const instance *at = find(handle);
    return at != NULL && at->face == face;
}

int lsbc_instance_uses_mpi(int32_t handle) {
    const instance *at = find(handle);
    return at != NULL && at->uses_mpi;
}

int lsbc_instance_is_last(int32_t handle) {
    return first != NULL && first->handle == handle && first->next == NULL;
}

void lsbc_instance_set_year(int32_t handle, int32_t year) {
    instance *at = find(handle);
    if (at == NULL) return;
    at->has_year = 1;
    at->year = year;
}

void lsbc_instance_forget_year(int32_t handle) {
    instance *at = find(handle);
    if (at != NULL) at->has_year = 0;
}

int lsbc_instance_is_at_year(int32_t handle, int32_t year) {
    const instance *at = find(handle);
    return at != NULL && at->has_year && at->year == year;
}

char *lsbc_instance_text(int32_t handle) {
    instance *at = find(handle);
    return at == NULL ? common_text : at->text;
}

int lsbc_instance_fail(int32_t handle, int status, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(lsbc_instance_text(handle), LSBC_TEXT_LENGTH, format, values);
    va_end(values);
    return status;
}
