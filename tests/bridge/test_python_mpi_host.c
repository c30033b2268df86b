/* A host that is driven by Python and has MPI from there: mpi4py was imported, and started MPI, before lsbc. */
#include <Python.h>

#include "check.h"

#include <mpi.h>

static void start_python(void) {
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    (void)PyConfig_SetBytesString(&config, &config.executable, HOST_PYTHON);
    CHECK(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyConfig_Clear(&config);
}

int main(void) {
    int32_t handle = 0;
    int is_initialized = 0, is_finalized = 0;
    double values[2] = {0.25, 0.5};
    start_python();
    CHECK(PyRun_SimpleString("from mpi4py import MPI\n") == 0);
    MPI_Initialized(&is_initialized);
    CHECK(is_initialized);
    PyThreadState *state = PyEval_SaveThread();
    CHECK(lsbc_create("ok.toml", (int32_t)MPI_Comm_c2f(MPI_COMM_WORLD), &handle) == LSBC_OK);
    CHECK(set_two_cells(handle) == LSBC_OK);
    CHECK(lsbc_set_field(handle, "urban", 2, values) == LSBC_OK);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_OK);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    PyEval_RestoreThread(state);
    MPI_Finalized(&is_finalized);
    CHECK(!is_finalized); /* that is for the host's Python to do, at its end */
    CHECK(PyRun_SimpleString("MPI.Finalize()\n") == 0);
    return n_failed != 0;
}
