/* A host that starts lsbc under MPI, gives it a grid and ends, and says what that cost; started by benchmarks/startup.py.
 *
 *   startup_host CONFIG [YEAR]      cells of a quarter degree on 9..11 E, 47..49 N; with YEAR that year too, and a sum of the bits of its fields
 *
 * Each stage begins with an access(2) to a name that a trace of system calls can be cut at.
 */
#include <lsbc.h>

#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WEST = 9, SOUTH = 47, N_SIDE = 8, CORNERS = 4, STATES = 12 };

static const double size_deg = 0.25;
static const char *state_name[STATES] = {"primf", "primn", "secdf", "secdn", "urban", "c3ann", "c4ann", "c3per", "c4per", "c3nfx", "pastr", "range"};
static const double state_value[STATES] = {0.0, 0.01, 0.37, 0.05, 0.05, 0.34, 0.0, 0.0, 0.0, 0.0, 0.18, 0.0};

static int64_t id[N_SIDE * N_SIDE];
static double lon[N_SIDE * N_SIDE], lat[N_SIDE * N_SIDE], values[STATES][N_SIDE * N_SIDE];
static double corner_lon[N_SIDE * N_SIDE][CORNERS], corner_lat[N_SIDE * N_SIDE][CORNERS];
static int32_t owned[N_SIDE * N_SIDE];

static double resident_mb(void)
{
    char line[256];
    double kib = 0.0;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL)
        return 0.0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmRSS: %lf", &kib) == 1)
            break;
    fclose(file);
    return kib * 1024e-6;
}

static void begin(const char *stage)
{
    char name[64];
    snprintf(name, sizeof name, "lsbc-stage-%s", stage);
    (void)!access(name, F_OK);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Every size-th cell is this rank's. */
static int64_t make_cells(int rank, int n_rank)
{
    int64_t n = 0;
    for (int64_t cell = rank; cell < N_SIDE * N_SIDE; cell += n_rank, n++) {
        const double west = WEST + size_deg * (double)(cell % N_SIDE), south = SOUTH + size_deg * (double)(cell / N_SIDE);
        const double around_lon[CORNERS] = {west, west + size_deg, west + size_deg, west};
        const double around_lat[CORNERS] = {south, south, south + size_deg, south + size_deg};
        id[n] = cell;
        owned[n] = 1;
        lon[n] = west + size_deg / 2;
        lat[n] = south + size_deg / 2;
        memcpy(corner_lon[n], around_lon, sizeof around_lon);
        memcpy(corner_lat[n], around_lat, sizeof around_lat);
        for (int s = 0; s < STATES; s++)
            values[s][n] = state_value[s];
    }
    return n;
}

static void require(int status)
{
    char text[LSBC_TEXT_LENGTH];
    if (status == LSBC_OK)
        return;
    lsbc_last_error(0, text, (int32_t)sizeof text);
    fprintf(stderr, "startup_host: status %d: %s\n", status, text);
    MPI_Abort(MPI_COMM_WORLD, status);
}

/* The sum of the 64-bit words of a field over the ranks: the same for the same bits. */
static uint64_t run_year(int32_t handle, int64_t n, int year)
{
    double field[N_SIDE * N_SIDE];
    uint64_t mine = 0, all = 0;
    for (int s = 0; s < STATES; s++)
        require(lsbc_set_field(handle, state_name[s], n, values[s]));
    require(lsbc_step_year(handle, year));
    require(lsbc_get_field(handle, "lai", 1, n, field));
    for (int64_t c = 0; c < n; c++) {
        uint64_t word;
        memcpy(&word, &field[c], sizeof word);
        mine += word * (uint64_t)(2 * id[c] + 1);
    }
    MPI_Reduce(&mine, &all, 1, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    return all;
}

int main(int n_word, char **word)
{
    int rank, n_rank;
    int32_t handle;
    uint64_t bits = 0;
    MPI_Init(&n_word, &word);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_rank);
    const int64_t n = make_cells(rank, n_rank);
    const double before_mb = resident_mb();
    begin("create");
    const double began = MPI_Wtime();
    require(lsbc_create(word[1], (int32_t)MPI_Comm_c2f(MPI_COMM_WORLD), &handle));
    const double created = MPI_Wtime(), create_mb = resident_mb();
    begin("grid");
    const double before_grid = MPI_Wtime();
    require(lsbc_set_grid(handle, n, id, lon, lat, CORNERS, corner_lon[0], corner_lat[0], owned));
    const double ready = MPI_Wtime();
    begin("rest");
    if (n_word > 2)
        bits = run_year(handle, n, atoi(word[2]));
    printf("{\"rank\": %d, \"create_s\": %.4f, \"set_grid_s\": %.4f, \"before_mb\": %.1f, \"create_mb\": %.1f, \"bits\": \"%016llx\"}\n", rank,
           created - began, ready - before_grid, before_mb, create_mb, (unsigned long long)bits);
    require(lsbc_destroy(handle));
    MPI_Finalize();
    return 0;
}
