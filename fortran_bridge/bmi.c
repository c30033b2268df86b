/* BMI for Fortran and C: hands each function to bmi_calls.py in the interpreter that lsbc_start started. Knows no fields. */
#define _POSIX_C_SOURCE 200809L /* struct sigaction in guard.h */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#pragma GCC visibility push(default)
#include "lsbc_bmi.h"
#pragma GCC visibility pop

#include "guard.h"
#include "inner.h"
#include "instances.h"
#include "lsbc.h"
#include "start.h"

#include <string.h>

/* What a call hands over, and where its answer goes. */
struct question {
    const char *function, *name;
    int32_t number;
    double time;
    int64_t n_index;
    const int32_t *index;
    int64_t count;
    void *memory;
    const char *kind;
};

/* The one BmiCalls of this process; NULL with an exception set. */
static PyObject *bmi_calls(void) {
    static PyObject *calls = NULL;
    if (calls == NULL) {
        PyObject *module = PyImport_ImportModule("lsbc.fortran_bridge.bmi_calls");
        if (module != NULL) calls = PyObject_CallMethod(module, "BmiCalls", NULL);
        Py_XDECREF(module);
    }
    return calls;
}

/* A failure that bmi_calls.py could not turn into a code; clears the exception. */
static int fail_with_exception(int32_t handle) {
    char reason[1000];
    lsbc_start_describe_exception(reason, sizeof reason);
    return lsbc_instance_fail(handle, LSBC_ERR_INTERNAL, "BMI: %s", reason);
}

static int ask_python(int32_t handle, const struct question *q) {
    int status = LSBC_OK;
    const char *text = "";
    PyObject *calls = bmi_calls();
    PyObject *answer = calls == NULL
                           ? NULL
                           : PyObject_CallMethod(calls, "call", "isyid(LL)(LLs)", (int)handle, q->function, q->name, (int)q->number,
                                                 q->time, (long long)(intptr_t)q->index, (long long)q->n_index,
                                                 (long long)(intptr_t)q->memory, (long long)q->count, q->kind);
    if (answer == NULL || !PyArg_ParseTuple(answer, "iy", &status, &text)) {
        status = fail_with_exception(handle);
    } else if (status != LSBC_OK) {
        (void)lsbc_instance_fail(handle, status, "%s", text);
    }
    Py_XDECREF(answer);
    return status;
}

static int ask(int32_t handle, const struct question *question) {
    PyGILState_STATE gil = PyGILState_Ensure();
    int status = ask_python(handle, question);
    PyGILState_Release(gil);
    return status;
}

/* A call that may compute, import or write. */
static int ask_guarded(int32_t handle, const struct question *question) {
    lsbc_guard_whole guard;
    lsbc_guard_enter_whole(&guard);
    int status = ask(handle, question);
    lsbc_guard_leave_whole(&guard);
    return status;
}

static int prepare(void) {
    if (lsbc_start() != LSBC_OK) return lsbc_instance_fail(0, LSBC_ERR_STARTUP, "%s", lsbc_start_text());
    int inner = lsbc_inner_prepare(0, LSBC_COMM_SERIAL);
    if (inner == 0) return lsbc_instance_fail(0, LSBC_ERR_STARTUP, "Python never ran this call; see the standard error stream.");
    return inner > 0 ? LSBC_OK : -inner;
}

static int initialize(const char *config_file, int32_t *handle) {
    int status = prepare();
    if (status != LSBC_OK) return status;
    int32_t new_handle = lsbc_instance_reserve();
    if (new_handle == 0) return lsbc_instance_fail(0, LSBC_ERR_INTERNAL, "lsbc_bmi_initialize: no handle is left.");
    struct question question = {"initialize", config_file, 0, 0.0, 0, NULL, 0, NULL, "i4"};
    status = ask(new_handle, &question);
    if (status != LSBC_OK) return status;
    if (!lsbc_instance_open(new_handle, LSBC_FACE_BMI, 0)) {
        question.function = "finalize";
        (void)ask(new_handle, &question);
        return lsbc_instance_fail(0, LSBC_ERR_INTERNAL, "lsbc_bmi_initialize: no memory for handle %d.", (int)new_handle);
    }
    *handle = new_handle;
    return LSBC_OK;
}

int lsbc_bmi_initialize(const char *config_file, int32_t *handle) {
    lsbc_guard_whole guard;
    *handle = 0;
    if (config_file == NULL) return lsbc_instance_fail(0, LSBC_ERR_CONFIG, "initialize got NULL for the configuration.");
    (void)lsbc_instance_fail(0, 0, "%s", "");
    lsbc_guard_enter_whole(&guard);
    int status = initialize(config_file, handle);
    lsbc_guard_leave_whole(&guard);
    return status;
}

static int check_live(int32_t handle, const char *function) {
    if (lsbc_start_is_gone()) return lsbc_instance_fail(handle, LSBC_ERR_STATE, "%s came after Py_Finalize.", function);
    if (lsbc_instance_is_live(handle, LSBC_FACE_BMI)) return LSBC_OK;
    return lsbc_instance_fail(handle, LSBC_ERR_STATE, "%s came before initialize or after finalize.", function);
}

int lsbc_bmi_call(int32_t handle, const char *function, const char *name, int32_t grid, double time, int64_t n_index,
                  const int32_t *index, int64_t count, void *memory, const char *kind) {
    int status = check_live(handle, function);
    if (status != LSBC_OK) return status;
    if (name == NULL || (memory == NULL && count > 0) || (index == NULL && n_index > 0) || count < 0 || n_index < 0) {
        return lsbc_instance_fail(handle, LSBC_ERR_FIELD, "%s got NULL for a name or an array, or a negative count.", function);
    }
    const struct question question = {function, name, grid, time, n_index, index, count, memory, kind};
    if (strstr(function, "_value") == NULL) return ask_guarded(handle, &question);
    lsbc_guard guard; /* only copies */
    lsbc_guard_enter(&guard);
    status = ask(handle, &question);
    lsbc_guard_leave(&guard);
    return status;
}

int lsbc_bmi_finalize(int32_t handle) {
    int status = check_live(handle, "finalize");
    if (status != LSBC_OK) return status;
    int32_t run_exit_functions = lsbc_start_is_own() && lsbc_instance_is_last(handle);
    const struct question question = {"finalize", "", run_exit_functions, 0.0, 0, NULL, 0, NULL, "i4"};
    status = ask_guarded(handle, &question);
    char text[LSBC_TEXT_LENGTH];
    memcpy(text, lsbc_instance_text(handle), sizeof text);
    lsbc_instance_close(handle);
    if (status != LSBC_OK) (void)lsbc_instance_fail(handle, status, "%s", text);
    return status;
}
