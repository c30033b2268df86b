/* Let one rank read the Python modules from disk and hand them to the others. Knows no handles and no land use.
 *
 * What travels is a row of parts, each behind its length; length 0 ends it. Every rank takes part in every broadcast,
 * whatever fails on it: it then only throws the part away.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <marshal.h>

#include "share.h"

#include "lsbc.h"
#include "start.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MODULE "lsbc.fortran_bridge.shared_imports"
#define VERSION_BYTES 256 /* as in shared_imports.py */

enum { PIECE = 1 << 20 };

/* For a rank without memory: it has to receive all the same. */
static char spare[PIECE];

enum { NEVER, BETWEEN_NODES, ALWAYS };

static int chosen_mode(void) {
    const char *chosen = getenv("LSBC_SHARED_IMPORTS");
    if (chosen == NULL || chosen[0] == '\0') return BETWEEN_NODES;
    return strcmp(chosen, "0") == 0 ? NEVER : ALWAYS;
}

/* Ranks of one node share what its system keeps of the files, and starting side by side they are sooner ready. */
static int is_one_node(MPI_Comm comm, int n_rank) {
    MPI_Comm node;
    int n_here;
    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &n_here);
    MPI_Comm_free(&node);
    return n_here == n_rank;
}

/* Between looks whether rank 0 has imported its next part: the cores are free for it until then. */
static const struct timespec look_again_after = {0, 500000};

static int64_t bcast_length(MPI_Comm comm, int64_t length) {
    MPI_Request request;
    int is_done = 0;
    MPI_Ibcast(&length, 1, MPI_INT64_T, 0, comm, &request);
    for (;;) {
        MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
        if (is_done) return length;
        nanosleep(&look_again_after, NULL);
    }
}

/* `bytes` may be NULL where they are received. */
static void bcast_bytes(MPI_Comm comm, char *bytes, int64_t length) {
    for (int64_t at = 0; at < length; at += PIECE) {
        const int n = (int)(length - at < PIECE ? length - at : PIECE);
        MPI_Bcast(bytes != NULL ? bytes + at : spare, n, MPI_BYTE, 0, comm);
    }
}

/* Rank 0's Giver or another rank's Taker of shared_imports.py; NULL where there is none. */
static PyObject *partner = NULL;

static void drop_partner(void) {
    Py_CLEAR(partner);
    PyErr_Clear();
}

static void make_giver(void) {
    PyObject *module = PyImport_ImportModule(MODULE);
    if (module != NULL) partner = PyObject_CallMethod(module, "Giver", NULL);
    Py_XDECREF(module);
    PyErr_Clear();
}

/* The giver's next part, for the caller to free; NULL when there is none. */
static char *make_part(const char *method, const char *text, int64_t *length) {
    char *bytes = NULL;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *part = NULL;
    if (partner != NULL) part = text == NULL ? PyObject_CallMethod(partner, method, NULL) : PyObject_CallMethod(partner, method, "y", text);
    if (part != NULL && PyBytes_Check(part) && (bytes = malloc((size_t)PyBytes_GET_SIZE(part))) != NULL) {
        *length = (int64_t)PyBytes_GET_SIZE(part);
        memcpy(bytes, PyBytes_AS_STRING(part), (size_t)*length);
    }
    Py_XDECREF(part);
    PyErr_Clear();
    PyGILState_Release(gil);
    return bytes;
}

/* Broadcast one part, or the end; 0 for the end. */
static int give(MPI_Comm comm, const char *method, const char *text) {
    int64_t length = 0;
    char *bytes = lsbc_start_was_tried() && lsbc_start() == LSBC_OK ? make_part(method, text, &length) : NULL;
    if (bcast_length(comm, length) > 0) bcast_bytes(comm, bytes, length);
    free(bytes);
    return length > 0;
}

static void give_early(MPI_Comm comm) {
    if (lsbc_start() == LSBC_OK) {
        PyGILState_STATE gil = PyGILState_Ensure();
        make_giver();
        PyGILState_Release(gil);
    }
    while (give(comm, "early", NULL)) continue;
}

/* shared_imports.py itself comes with the first part, behind the version of the Python that it is for. */
static void make_taker(const char *bytes, int64_t length) {
    if (length <= VERSION_BYTES || strncmp(bytes, Py_GetVersion(), VERSION_BYTES - 1) != 0) return;
    PyObject *name = PyUnicode_FromString(MODULE), *module = NULL, *code, *path, *part;
    PyObject *content = PyMarshal_ReadObjectFromString(bytes + VERSION_BYTES, (Py_ssize_t)(length - VERSION_BYTES));
    if (name != NULL && content != NULL && PyArg_ParseTuple(content, "OUO", &code, &path, &part)) {
        module = PyImport_ExecCodeModuleObject(name, code, path, NULL);
        if (module != NULL) partner = PyObject_CallMethod(module, "Taker", "O", part);
    }
    Py_XDECREF(module);
    Py_XDECREF(content);
    Py_XDECREF(name);
    PyErr_Clear();
}

static void use_part(const char *bytes, int64_t length, int is_first) {
    PyGILState_STATE gil = PyGILState_Ensure();
    if (is_first) {
        make_taker(bytes, length);
    } else if (partner != NULL) {
        PyObject *part = PyMemoryView_FromMemory((char *)(uintptr_t)bytes, (Py_ssize_t)length, PyBUF_READ);
        PyObject *done = part == NULL ? NULL : PyObject_CallMethod(partner, "take", "O", part);
        if (done == NULL) drop_partner();
        Py_XDECREF(done);
        Py_XDECREF(part);
    }
    PyGILState_Release(gil);
}

/* Receive one part, or the end; 0 for the end. */
static int take(MPI_Comm comm, int is_usable, int is_first) {
    const int64_t length = bcast_length(comm, 0);
    if (length == 0) return 0;
    char *bytes = is_usable ? malloc((size_t)length) : NULL;
    bcast_bytes(comm, bytes, length);
    if (bytes != NULL) use_part(bytes, length, is_first);
    free(bytes);
    return 1;
}

/* The first part goes before the first import; then Python joins, as always before torch can be there. */
static void take_early(MPI_Comm comm) {
    int is_usable = chosen_mode() != NEVER && !lsbc_start_was_tried() && lsbc_start_interpreter() == LSBC_OK;
    int is_first = 1;
    while (take(comm, is_usable, is_first)) {
        if (is_first && partner != NULL) is_usable = lsbc_start() == LSBC_OK;
        is_first = 0;
    }
}

int lsbc_share_begin(MPI_Comm comm) {
    int rank, n_rank;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &n_rank);
    if (n_rank == 1) return 0;
    /* Whether a rank has yet to start, and what rank 0 has chosen for all. */
    int mine[2] = {!lsbc_start_was_tried(), rank == 0 ? chosen_mode() : NEVER}, all[2];
    MPI_Allreduce(mine, all, 2, MPI_INT, MPI_MAX, comm);
    if (!all[0] || all[1] == NEVER || (all[1] == BETWEEN_NODES && is_one_node(comm, n_rank))) return 0;
    if (rank == 0) {
        give_early(comm);
    } else {
        take_early(comm);
    }
    return 1;
}

void lsbc_share_end(MPI_Comm comm, const char *config_path) {
    int rank;
    MPI_Comm_rank(comm, &rank);
    if (rank == 0) {
        if (config_path != NULL) {
            (void)give(comm, "last", config_path);
        } else {
            (void)bcast_length(comm, 0);
        }
    } else {
        (void)take(comm, partner != NULL, 0);
    }
    if (partner == NULL) return;
    PyGILState_STATE gil = PyGILState_Ensure();
    drop_partner();
    PyGILState_Release(gil);
}
