/* A host that has Python already, in which another library has touched what cffi takes for its lock (torch does), and that
 * finalises it with an instance left. */
#include <Python.h>

#include "check.h"
#include "lsbc_bmi.h"

int main(void) {
    int32_t handle = 0;
    Py_InitializeEx(0);
    CHECK(PyRun_SimpleString("import datetime\n"
                             "for _ in range(3): hasattr(datetime.datetime_CAPI, 'anything')\n") == 0);
#if PY_VERSION_HEX < 0x030C0000
    CHECK(PyCapsule_Type.tp_version_tag != 0);
#endif
    PyThreadState *state = PyEval_SaveThread();
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    PyEval_RestoreThread(state);
    CHECK(PyRun_SimpleString("import datetime") == 0);
    state = PyEval_SaveThread();
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    PyEval_RestoreThread(state);
    CHECK(Py_FinalizeEx() == 0);
    int32_t count = 0, other = 0;
    CHECK(lsbc_field_count(handle, &count) == LSBC_ERR_STATE);
    CHECK_TEXT(handle, "Python is finalised");
    CHECK(lsbc_destroy(handle) == LSBC_ERR_STATE);
    CHECK(lsbc_bmi_finalize(handle) == LSBC_ERR_STATE);
    CHECK_TEXT(handle, "finalize came after Py_Finalize");
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &other) == LSBC_ERR_STARTUP);
    CHECK_TEXT(0, "Python was finalised in this process");
    Py_InitializeEx(0);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_ERR_STATE);
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &other) == LSBC_ERR_STARTUP);
    return n_failed != 0;
}
