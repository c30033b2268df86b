/* lsbc: 1 km land use and land-surface boundary conditions for weather and climate models.
 *
 * The C interface of liblsbc. Compiles alone as C99 and as C++, and may be included twice.
 *
 * Order of calls:  lsbc_create, lsbc_set_grid, then every year lsbc_set_field (each state), lsbc_step_year,
 * lsbc_get_field (each output wanted), and lsbc_destroy before MPI_Finalize.
 *
 * Collective calls. lsbc_create, lsbc_set_grid, lsbc_step_year, lsbc_write_restart, lsbc_read_restart and
 * lsbc_destroy are made by every rank of the communicator, in the same order; all ranks get the same code.
 * A handle that is unknown or destroyed carries no communicator, so that one error is returned on the calling
 * rank alone: a host that passes a live handle on some ranks and a dead one on others waits for ever, as it would
 * in an MPI call on a freed communicator. All other calls are local to the rank.
 *
 * Threads. Call from one thread at a time, best the master thread.
 *
 * What a call leaves alone. The floating-point traps, flags and rounding mode of the calling thread, and of the host's
 * OpenMP workers in a call that computes, the number of OpenMP threads, the handlers of SIGINT and SIGTERM and the locale
 * are after every call what they were before it. Inside, the default floating-point environment holds, so a host's
 * flush-to-zero or rounding mode cannot change a result. A host that arms traps in its OpenMP workers must call with those
 * of the calling thread armed too: only then are the workers' looked at.
 *
 * Environment. LSBC_PYTHON: the interpreter, in place of the one built in. LSBC_LOG_LEVEL: DEBUG, INFO (without it),
 * WARNING or ERROR; rank 0 writes its log to the standard error stream, the other ranks only warnings and errors.
 * LSBC_RECORD: a folder that all nodes see; what the host exchanges with lsbc is recorded there (lsbc harness replays it).
 * LSBC_SHARED_IMPORTS: 1, rank 0 reads the Python modules and hands them to the others; 0, every rank reads them itself;
 * without it they are handed over where the ranks are on several nodes.
 *
 * lsbc never exits, aborts or calls MPI_Abort. Once started, the embedded Python interpreter lives as long as the process.
 */
#ifndef LSBC_H
#define LSBC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header. Before 1.0 a minor version may break what was there; lsbc_version() is the library's own. */
#define LSBC_VERSION_MAJOR 0
#define LSBC_VERSION_MINOR 1
#define LSBC_VERSION_PATCH 0

/* Status codes, by who must act. Every function returns one of them. */

#define LSBC_OK 0

/* Who installed lsbc. */
#define LSBC_ERR_STARTUP 1 /* the Python interpreter, or a library that lsbc needs, did not start */

/* Who wrote the configuration. */
#define LSBC_ERR_CONFIG 2 /* the TOML file: the text names the key */
#define LSBC_ERR_MODEL 3  /* the model artefact is missing, damaged, or made for other channels or classes */

/* Who wrote the host's coupling code. */
#define LSBC_ERR_GRID 4  /* the host's cells: duplicate ids, bad corners, places without data */
#define LSBC_ERR_FIELD 5 /* a field is unknown or missing, or its size or address is wrong */
#define LSBC_ERR_VALUE 6 /* a field's values are not finite, out of range, or do not sum as they must */
#define LSBC_ERR_YEAR 7  /* the year runs backwards or skips */
#define LSBC_ERR_STATE 8 /* calls in the wrong order, or on a handle that is unknown or destroyed */

/* Who runs the job. */
#define LSBC_ERR_RESTART 9 /* the restart file is damaged or belongs to another grid or model */
#define LSBC_ERR_IO 10     /* a file could not be read or written */
#define LSBC_ERR_DEVICE 11 /* the accelerator is absent or out of memory */

/* Who wrote lsbc: please report the text. */
#define LSBC_ERR_INTERNAL 12

/* In place of a communicator: run on this process alone and never touch MPI. */
#define LSBC_COMM_SERIAL (-1)

/* Buffer that holds every text of lsbc_last_error uncut, the final NUL included. */
#define LSBC_TEXT_LENGTH 2048

/* Directions of a field, seen from lsbc. */
#define LSBC_FIELD_IN 1  /* the host sets it */
#define LSBC_FIELD_OUT 2 /* the host gets it */

/* Where an array lies. */
#define LSBC_MEMORY_ANY 0    /* lsbc finds out: device memory is known to the CUDA driver of this process */
#define LSBC_MEMORY_HOST 1   /* ordinary memory */
#define LSBC_MEMORY_DEVICE 2 /* CUDA device or managed memory */

/* Bytes of one value. */
#define LSBC_REAL32 4
#define LSBC_REAL64 8

/* An array of the host, of any layout. Zero in a member marked "or 0" means the usual; clear the whole first.
 *
 * The cells lie in the order of lsbc_set_grid, the first dimension running fastest: (n_cell), a patch (n_i, n_j), or
 * blocks (nproma, n_block) of which the last holds `npromz` cells. A field of several levels has one dimension more:
 * the last, or with blocks the middle one: (n_cell, n_level), (n_i, n_j, n_level), (nproma, n_level, n_block). */
typedef struct lsbc_array_t {
    void *address;           /* of the first value; may be NULL without cells */
    int32_t item_bytes;      /* LSBC_REAL32 or LSBC_REAL64 */
    int32_t n_dim;           /* 1 to 3 */
    int64_t extent[3];       /* values along each dimension, the fastest first */
    int64_t stride_bytes[3]; /* from one value to the next along each dimension; all 0: without gaps */
    int64_t npromz;          /* cells in the last block, 1 to extent[0]; or 0: no blocks */
    int32_t level_dim;       /* dimension of the levels, counted from 1; or 0: the usual one */
    int32_t memory;          /* LSBC_MEMORY_ANY, LSBC_MEMORY_HOST or LSBC_MEMORY_DEVICE */
    void *stream;            /* CUDA stream of the host on which device memory is copied; or NULL: the default stream */
} lsbc_array_t;

/* One field of the exchange. The names end with a NUL. */
typedef struct lsbc_field_info_t {
    char name[64];           /* what lsbc_set_field and lsbc_get_field take */
    char standard_name[128]; /* CF standard name; empty where CF has none */
    char units[32];          /* UDUNITS; "1" for fractions */
    int32_t n_level;         /* 1 for a plain field */
    int32_t direction;       /* LSBC_FIELD_IN or LSBC_FIELD_OUT */
} lsbc_field_info_t;

/** Start lsbc on the ranks of a communicator. Collective.
 *
 *  The first call starts an embedded Python: the interpreter chosen when liblsbc was built, or the one named by the
 *  environment variable LSBC_PYTHON. A rank on which it does not start makes all ranks return LSBC_ERR_STARTUP.
 *  @param config_path   in, path of the TOML configuration, UTF-8, NUL-terminated
 *  @param fortran_comm  in, Fortran handle of an intra-communicator (MPI_Comm_c2f; MPI must be initialised); it is
 *                       duplicated. Or LSBC_COMM_SERIAL
 *  @param handle        out, the new instance, > 0; 0 after a failure
 *  @return LSBC_OK, LSBC_ERR_STARTUP, LSBC_ERR_CONFIG, LSBC_ERR_MODEL, LSBC_ERR_IO, LSBC_ERR_DEVICE, LSBC_ERR_STATE
 *          (MPI not initialised, or `handle` is NULL) or LSBC_ERR_INTERNAL; text: lsbc_last_error(0, ...) */
int lsbc_create(const char *config_path, int32_t fortran_comm, int32_t *handle);

/** Hand over this rank's cells. Collective. The arrays are copied and may go after the call.
 *
 *  @param n_cell          in, cells of this rank; 0 is allowed, and then all arrays may be NULL
 *  @param global_id       in, [n_cell], number of each cell in the whole grid [1]
 *  @param lon_deg         in, [n_cell], longitude of the cell centre [degrees_east]
 *  @param lat_deg         in, [n_cell], latitude of the cell centre [degrees_north]
 *  @param n_vertex        in, corners a cell, 3 or more, the same on all ranks; cells with fewer repeat the last corner
 *  @param vertex_lon_deg  in, [n_cell][n_vertex], longitude of the corners in order around the cell [degrees_east]
 *  @param vertex_lat_deg  in, [n_cell][n_vertex], latitude of the corners [degrees_north]
 *  @param owned           in, [n_cell], 1 where this rank owns the cell, 0 in its halo [1]
 *  @return LSBC_OK, LSBC_ERR_GRID, LSBC_ERR_IO (values in the fine-grid file), LSBC_ERR_STARTUP (no memory for ranks that
 *          share an engine), LSBC_ERR_MODEL (of the engine that stands in for a device), LSBC_ERR_DEVICE, LSBC_ERR_STATE or
 *          LSBC_ERR_INTERNAL */
int lsbc_set_grid(int32_t handle, int64_t n_cell, const int64_t *global_id, const double *lon_deg, const double *lat_deg,
                  int32_t n_vertex, const double *vertex_lon_deg, const double *vertex_lat_deg, const int32_t *owned);

/** Lend a field of the host to lsbc. Local.
 *
 *  lsbc keeps the address. An input is read in every lsbc_step_year and never written to. An output is filled at once
 *  with the last good year, if there is one, and by every lsbc_step_year and lsbc_read_restart that succeeds, and left as
 *  it is by one that fails; but outputs in device memory are undefined when a device fails while they are filled
 *  (LSBC_ERR_DEVICE). The array must stay where it is, and alive, until the next lsbc_set_field of the same name or
 *  lsbc_destroy. A call that is refused also takes back the array lent before, so that no year is made from old values.
 *  Host memory is used in place. Device memory is copied once a year, on the default stream (lsbc_set_array: on a
 *  stream of the host), which lsbc waits for.
 *  The inputs koppen_group and coldest_month_temperature need not be set: set them only where the host knows the climate,
 *  not to zeros; what the host gives takes the place of what lsbc knows, group 0 is unknown, and 0 K is refused.
 *  @param name    in, name of a field (see lsbc_field_info), NUL-terminated
 *  @param n_cell  in, as in lsbc_set_grid
 *  @param values  in or out, [n_cell], in the units of lsbc_field_info; may be NULL when n_cell is 0. A field of several
 *                 levels needs lsbc_set_array
 *  @return LSBC_OK, LSBC_ERR_FIELD, LSBC_ERR_VALUE (an output of which the last good year has no such day, as
 *          "leaf_area_index@366", or no weeks), LSBC_ERR_DEVICE, LSBC_ERR_STATE or LSBC_ERR_INTERNAL */
int lsbc_set_field(int32_t handle, const char *name, int64_t n_cell, double *values);
/** The same in single precision. */
int lsbc_set_field_f32(int32_t handle, const char *name, int64_t n_cell, float *values);
/** The same for an array of any layout. Nothing is copied of host memory that one stride describes (a section of a
 *  one-dimensional array, blocks or a patch without gaps); other layouts are copied once a year, as they are read.
 *  @param array  in; the description is copied, the array itself is kept by address */
int lsbc_set_array(int32_t handle, const char *name, const lsbc_array_t *array);

/** Bring the land use to `year` and make the boundary fields of that year. Collective.
 *
 *  The same year again does nothing. After a failure the fields of the last good year stay valid.
 *  @param year  in, calendar year, the same on all ranks (the year already reached returns without asking the others);
 *               the start year of the configuration first, then one year after the other
 *  @return LSBC_OK, LSBC_ERR_YEAR, LSBC_ERR_FIELD, LSBC_ERR_VALUE, LSBC_ERR_STATE, LSBC_ERR_IO, LSBC_ERR_DEVICE,
 *          LSBC_ERR_MODEL (of the engine that stands in for a device) or LSBC_ERR_INTERNAL */
int lsbc_step_year(int32_t handle, int32_t year);

/** Fill an array of the host with a boundary field. Local. The array is not kept.
 *
 *  @param name     in, name of an output field (see lsbc_field_info), NUL-terminated. A field of months also comes as 52 weeks (n_level 52),
 *                  or for one day of the year (n_level 1) by its name, @ and the day: "leaf_area_index@200"
 *  @param n_level  in, levels of the field; 1 for a plain field
 *  @param n_cell   in, as in lsbc_set_grid
 *  @param values   out, [n_level][n_cell], in the units of lsbc_field_info; host or device memory; untouched after a failure
 *  @return LSBC_OK, LSBC_ERR_FIELD, LSBC_ERR_VALUE (the year has no such day, or its months have no weeks), LSBC_ERR_DEVICE,
 *          LSBC_ERR_STATE or LSBC_ERR_INTERNAL */
int lsbc_get_field(int32_t handle, const char *name, int32_t n_level, int64_t n_cell, double *values);
/** The same in single precision. */
int lsbc_get_field_f32(int32_t handle, const char *name, int32_t n_level, int64_t n_cell, float *values);
/** The same for an array of any layout; what lies between its values, or behind the last cell of blocks, is untouched. */
int lsbc_get_array(int32_t handle, const char *name, const lsbc_array_t *array);

/** Number of fields, in and out together. Local.
 *  @param count  out [1]
 *  @return LSBC_OK, LSBC_ERR_FIELD (`count` is NULL), LSBC_ERR_STATE or LSBC_ERR_INTERNAL */
int lsbc_field_count(int32_t handle, int32_t *count);

/** Describe one field. Local.
 *  @param index  in, 0 to count - 1
 *  @param info   out
 *  @return LSBC_OK, LSBC_ERR_FIELD, LSBC_ERR_STATE or LSBC_ERR_INTERNAL */
int lsbc_field_info(int32_t handle, int32_t index, lsbc_field_info_t *info);

/** Write the state, exactly. Collective.
 *  @param path  in, the file, the same on all ranks, UTF-8, NUL-terminated
 *  @return LSBC_OK, LSBC_ERR_IO, LSBC_ERR_STATE or LSBC_ERR_INTERNAL */
int lsbc_write_restart(int32_t handle, const char *path);

/** Read the state that lsbc_write_restart left, also on another number of ranks. Collective, after lsbc_set_grid.
 *
 *  The fields are made anew: where the configuration needs a climate that the host gives, it must be lent before.
 *  @param path  in, the file, the same on all ranks, UTF-8, NUL-terminated
 *  @return LSBC_OK, LSBC_ERR_RESTART, LSBC_ERR_IO, LSBC_ERR_VALUE (a climate, or a day or weeks of a lent output),
 *          LSBC_ERR_DEVICE (a lent output), LSBC_ERR_STATE or LSBC_ERR_INTERNAL */
int lsbc_read_restart(int32_t handle, const char *path);

/** Text of the last failure. Local; needs neither Python nor MPI.
 *
 *  @param handle  in, a live instance; any other number, 0 for choice, gives the last failure that belongs to no live
 *                 instance: a failed lsbc_create, or a call on a handle that is unknown or destroyed
 *  @param buffer  out, [length], the text, cut if need be and always NUL-terminated; empty when nothing has failed
 *  @param length  in, bytes of `buffer`, 1 or more; LSBC_TEXT_LENGTH is enough
 *  @return LSBC_OK, or LSBC_ERR_FIELD when `buffer` is NULL or `length` is not positive */
int lsbc_last_error(int32_t handle, char *buffer, int32_t length);

/** End an instance, flush what it printed and free its communicator. Collective; call it before MPI_Finalize.
 *
 *  The handle is dead afterwards, whatever is returned, with one exception: after MPI_Finalize, or when the host or a
 *  library has finalised the Python of the process, nothing is done.
 *  With the last instance, and where lsbc started the interpreter, the exit functions that Python code registered are run
 *  (but not those of objects that live on): nothing else would. The interpreter itself is not finalised: the host may
 *  create another instance.
 *  @return LSBC_OK, LSBC_ERR_STATE (unknown handle, or MPI or Python is finalised), LSBC_ERR_IO or LSBC_ERR_INTERNAL */
int lsbc_destroy(int32_t handle);

/** Version of liblsbc, "major.minor.patch". Static storage. */
const char *lsbc_version(void);

#ifdef __cplusplus
}
#endif

#endif
