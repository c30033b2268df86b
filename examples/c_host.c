/* A host in C, without MPI: a patch of quarter degree cells with one land use everywhere and towns that grow.
 *
 *   c_host CONFIG WEST EAST SOUTH NORTH FIRST_YEAR LAST_YEAR        (edges in whole degrees, inside the fine-grid file)
 */
#include <lsbc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELLS_PER_DEGREE = 4, CORNERS = 4, STATES = 12 };

static const char *state_name[STATES] = {"primf", "primn", "secdf", "secdn", "urban", "c3ann",
                                         "c4ann", "c3per", "c4per", "c3nfx", "pastr", "range"};
static const double first_state[STATES] = {0.0, 0.01, 0.37, 0.05, 0.05, 0.34, 0.0, 0.0, 0.0, 0.0, 0.18, 0.0};
enum { URBAN = 4, CROP = 5 };
static const double urban_growth_per_year = 0.001;

typedef struct patch {
    int64_t n_cell;
    int64_t *id;
    double *lon, *lat, *corner_lon, *corner_lat;
    int32_t *owned;
    double *state[STATES]; /* lent to lsbc once, changed in place every year */
    double *field;
} patch;

/* Allocated or gone: a host would do something better. */
static void *room(int64_t n, size_t size)
{
    void *memory = calloc((size_t)n, size);
    if (!memory) {
        fprintf(stderr, "c_host: out of memory\n");
        exit(1);
    }
    return memory;
}

static patch make_patch(int west, int east, int south, int north)
{
    const int n_lon = (east - west) * CELLS_PER_DEGREE, n_lat = (north - south) * CELLS_PER_DEGREE;
    const double size = 1.0 / CELLS_PER_DEGREE;
    patch p = {.n_cell = (int64_t)n_lon * n_lat};
    p.id = room(p.n_cell, sizeof *p.id);
    p.owned = room(p.n_cell, sizeof *p.owned);
    p.lon = room(p.n_cell, sizeof(double));
    p.lat = room(p.n_cell, sizeof(double));
    p.field = room(p.n_cell, sizeof(double));
    p.corner_lon = room(p.n_cell * CORNERS, sizeof(double));
    p.corner_lat = room(p.n_cell * CORNERS, sizeof(double));
    for (int s = 0; s < STATES; s++)
        p.state[s] = room(p.n_cell, sizeof(double));
    for (int64_t c = 0; c < p.n_cell; c++) {
        const double lon = west + size * (double)(c % n_lon), lat = south + size * (double)(c / n_lon);
        const double corner_lon[CORNERS] = {lon, lon + size, lon + size, lon};
        const double corner_lat[CORNERS] = {lat, lat, lat + size, lat + size};
        p.id[c] = c;
        p.owned[c] = 1;
        p.lon[c] = lon + size / 2;
        p.lat[c] = lat + size / 2;
        for (int k = 0; k < CORNERS; k++) {
            p.corner_lon[c * CORNERS + k] = corner_lon[k];
            p.corner_lat[c * CORNERS + k] = corner_lat[k];
        }
        for (int s = 0; s < STATES; s++)
            p.state[s][c] = first_state[s];
    }
    return p;
}

static void free_patch(patch *p)
{
    free(p->id);
    free(p->owned);
    free(p->lon);
    free(p->lat);
    free(p->corner_lon);
    free(p->corner_lat);
    free(p->field);
    for (int s = 0; s < STATES; s++)
        free(p->state[s]);
}

static void grow_towns(patch *p)
{
    for (int64_t c = 0; c < p->n_cell; c++) {
        p->state[URBAN][c] += urban_growth_per_year;
        p->state[CROP][c] -= urban_growth_per_year;
    }
}

static int print_mean(int32_t handle, patch *p, const char *name)
{
    const int status = lsbc_get_field(handle, name, 1, p->n_cell, p->field);
    double sum = 0.0;
    for (int64_t c = 0; c < p->n_cell; c++)
        sum += p->field[c];
    if (status == LSBC_OK)
        printf("  %s %.4f", name, sum / (double)p->n_cell);
    return status;
}

static int run(int32_t handle, patch *p, int first_year, int last_year)
{
    int status = lsbc_set_grid(handle, p->n_cell, p->id, p->lon, p->lat, CORNERS, p->corner_lon, p->corner_lat, p->owned);
    for (int s = 0; s < STATES && status == LSBC_OK; s++)
        status = lsbc_set_field(handle, state_name[s], p->n_cell, p->state[s]);
    for (int year = first_year; year <= last_year && status == LSBC_OK; year++) {
        if ((status = lsbc_step_year(handle, year)) != LSBC_OK)
            break;
        printf("%d", year);
        if ((status = print_mean(handle, p, "urban_frac")) == LSBC_OK && (status = print_mean(handle, p, "lai")) == LSBC_OK)
            status = print_mean(handle, p, "albedo");
        printf("\n");
        grow_towns(p);
    }
    return status;
}

int main(int n_word, char **word)
{
    int32_t handle = 0;
    char text[LSBC_TEXT_LENGTH];
    if (n_word != 8) {
        fprintf(stderr, "usage: c_host CONFIG WEST EAST SOUTH NORTH FIRST_YEAR LAST_YEAR\n");
        return 2;
    }
    patch p = make_patch(atoi(word[2]), atoi(word[3]), atoi(word[4]), atoi(word[5]));
    int status = lsbc_create(word[1], LSBC_COMM_SERIAL, &handle);
    if (status == LSBC_OK)
        status = run(handle, &p, atoi(word[6]), atoi(word[7]));
    if (status != LSBC_OK) {
        lsbc_last_error(handle, text, sizeof text);
        fprintf(stderr, "c_host: error %d: %s\n", status, text);
    }
    if (handle)
        lsbc_destroy(handle);
    free_patch(&p);
    return status == LSBC_OK ? 0 : 1;
}
