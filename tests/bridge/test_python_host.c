/* A host that has Python already, in which another library has touched what cffi takes for its lock (torch does). */
#include <Python.h>

#include "check.h"

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
    return n_failed != 0;
}
