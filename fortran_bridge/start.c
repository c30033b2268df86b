/* Start the embedded Python once in the process. Knows no handles, no MPI and no land use. */
#define _GNU_SOURCE /* dladdr */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "start.h"

#include "inner.h"
#include "lsbc.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LSBC_PYTHON_EXECUTABLE
#error "LSBC_PYTHON_EXECUTABLE must name the interpreter that has lsbc installed"
#endif

static char text[LSBC_TEXT_LENGTH] = "";

static int is_own = 0;
static struct sigaction interrupt_of_host;

/* Another interpreter that somebody starts later is not the one that lsbc lives in. */
static int is_gone = 0;

static void note_the_end(void) { is_gone = 1; }

int lsbc_start_is_gone(void) { return is_gone; }

int lsbc_start_is_alive(void) { return !is_gone && Py_IsInitialized(); }

const char *lsbc_start_text(void) { return text; }

int lsbc_start_is_own(void) { return is_own; }

void lsbc_start_note(const char *reason) { snprintf(text, sizeof text, "%s", reason); }

static const char *interpreter_path(void) {
    const char *chosen = getenv("LSBC_PYTHON");
    return chosen != NULL && chosen[0] != '\0' ? chosen : LSBC_PYTHON_EXECUTABLE;
}

static int fail(const char *problem, const char *detail) {
    snprintf(text, sizeof text,
             "%s: %.1000s (interpreter %.500s, run inside libpython " PY_VERSION "). Name a Python %d.%d that has lsbc "
             "installed by the environment variable LSBC_PYTHON.",
             problem, detail, interpreter_path(), PY_MAJOR_VERSION, PY_MINOR_VERSION);
    return LSBC_ERR_STARTUP;
}

/* A host that loads liblsbc as a plugin hides libpython's symbols from Python's own extension modules. */
static void show_libpython(void) {
    Dl_info found;
    if (dladdr((void *)(uintptr_t)Py_IsInitialized, &found) == 0 || found.dli_fname == NULL) return;
    if (dlopen(found.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD) == NULL) {
        (void)dlopen(found.dli_fname, RTLD_NOW | RTLD_GLOBAL);
    }
}

/* UTF-8 whatever the host's locale, and the host's locale left alone. */
static PyStatus preinitialize(void) {
    PyPreConfig config;
    PyPreConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.configure_locale = 0;
    config.coerce_c_locale = 0;
    config.coerce_c_locale_warn = 0;
    config.utf8_mode = 1;
    return Py_PreInitialize(&config);
}

static PyStatus initialize(void) {
    PyStatus status = preinitialize();
    if (PyStatus_Exception(status)) return status;
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.install_signal_handlers = 0;
    status = PyConfig_SetBytesString(&config, &config.executable, interpreter_path());
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

/* Looked for before Python is asked: a wrong path makes it search elsewhere and take whatever it finds. */
static int is_program(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

static int start_interpreter(void) {
    if (!is_program(interpreter_path())) return fail("No Python interpreter to run", "no such program");
    PyStatus status = initialize();
    if (PyStatus_Exception(status)) {
        return fail("Python did not start", status.err_msg != NULL ? status.err_msg : "no reason given");
    }
    is_own = 1;
    (void)PyEval_SaveThread();
    return LSBC_OK;
}

void lsbc_start_describe_exception(char *into, size_t length) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *words = value != NULL ? PyObject_Str(value) : NULL;
    const char *reason = words != NULL ? PyUnicode_AsUTF8(words) : NULL;
    snprintf(into, length, "%s: %s", value != NULL ? Py_TYPE(value)->tp_name : "error", reason != NULL ? reason : "no reason given");
    PyErr_Clear();
    Py_XDECREF(words);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

/* What the registration code will import, tried here so that a failure has a text instead of a print on stderr.
   Importing signal now makes Python set its SIGINT handler now and never again. The host's comes back at once, so that an
   interrupt while all the rest is imported ends the run. */
static int import_needed(void) {
    static const char *const needed[] = {"signal", "numpy", "_cffi_backend", "lsbc.fortran_bridge.entry"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; ++i) {
        PyObject *module = PyImport_ImportModule(needed[i]);
        if (module == NULL) {
            char reason[1000];
            lsbc_start_describe_exception(reason, sizeof reason);
            return fail("Python started but cannot load what lsbc needs", reason);
        }
        Py_DECREF(module);
        if (i == 0) sigaction(SIGINT, &interrupt_of_host, NULL);
    }
    return LSBC_OK;
}

/* Before Python 3.12 cffi takes this tag for its lock, and aborts, or hangs, when another library (torch does) has made
   Python set it. Declaring the type modified sets it back to 0. */
static int free_cffi_lock(void) {
#if PY_VERSION_HEX < 0x030C0000
    PyType_Modified(&PyCapsule_Type);
    if (PyCapsule_Type.tp_version_tag != 0) {
        return fail("Another plugin uses Python in this process", "call lsbc_create before it imports torch");
    }
#endif
    return LSBC_OK;
}

int lsbc_start_interpreter(void) {
    static int was_tried = 0;
    static int status = LSBC_OK;
    if (!was_tried) {
        was_tried = 1;
        sigaction(SIGINT, NULL, &interrupt_of_host);
        show_libpython();
        if (!Py_IsInitialized()) status = start_interpreter();
    }
    return status;
}

static int start_once(void) {
    if (lsbc_start_interpreter() != LSBC_OK) return LSBC_ERR_STARTUP;
    PyGILState_STATE gil = PyGILState_Ensure();
    (void)Py_AtExit(note_the_end);
    int status = import_needed();
    if (status == LSBC_OK) status = free_cffi_lock();
    PyGILState_Release(gil);
    if (status != LSBC_OK) return status;
    if (lsbc_inner_start() == 0 && text[0] == '\0') return LSBC_OK;
    char reason[1000];
    snprintf(reason, sizeof reason, "%.999s", text[0] != '\0' ? text : "see the standard error stream");
    return fail("Python started but lsbc could not join it", reason);
}

static int was_tried = 0;

int lsbc_start_was_tried(void) { return was_tried; }

int lsbc_start(void) {
    static int status = LSBC_ERR_STARTUP;
    if (!was_tried) {
        was_tried = 1;
        status = start_once();
    }
    if (status == LSBC_OK && !lsbc_start_is_alive()) {
        lsbc_start_note("Python was finalised in this process, which lsbc cannot undo; call Py_Finalize when lsbc is no longer needed.");
        status = LSBC_ERR_STARTUP;
    }
    return status;
}
