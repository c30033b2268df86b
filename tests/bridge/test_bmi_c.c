/* BMI's C structure: goes through a run with every function and writes every output of every year, for bmi_case.py to
 * compare. Arguments: configuration, file to write. */
#include "check.h"
#include "lsbc_bmi_c.h"

#include <math.h>
#include <stdlib.h>

enum { N_CELL = 81, N_NODE = 100, N_EDGE = 180, N_CORNER = 4 * N_CELL, N_INPUT = 12, N_OUTPUT = 48, MAX_TEXT = 2048 };

static Bmi model;
static char inputs[N_INPUT][BMI_MAX_VAR_NAME], outputs[N_OUTPUT][BMI_MAX_VAR_NAME];

#define DONE(call)                                                                                                          \
    do {                                                                                                                    \
        if ((call) != BMI_SUCCESS) {                                                                                        \
            ++n_failed;                                                                                                     \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, last_error(lsbc_bmi_handle(&model)));             \
        }                                                                                                                   \
    } while (0)
#define REFUSED(call, words)                        \
    do {                                            \
        CHECK((call) == BMI_FAILURE);               \
        CHECK_TEXT(lsbc_bmi_handle(&model), words); \
    } while (0)

/* The text is right, and behind its NUL nothing was written. */
#define CHECK_WORDS(call, words)                                                        \
    do {                                                                                \
        char got[MAX_TEXT];                                                             \
        memset(got, '#', sizeof got);                                                   \
        DONE(call);                                                                     \
        CHECK(memcmp(got, words "\0#", sizeof words + 1) == 0 && got[MAX_TEXT - 1] == '#'); \
    } while (0)
#define CHECK_NUMBER(call, expected) \
    do {                             \
        int number = -1;             \
        DONE(call);                  \
        CHECK(number == (expected)); \
    } while (0)
#define CHECK_TIME(function, expected)      \
    do {                                    \
        double time = -1.0;                 \
        DONE(model.function(&model, &time)); \
        CHECK(time == (expected));          \
    } while (0)

static void before_a_run(void) {
    double values[N_CELL] = {-1.0}, *pointer = values;
    char name[MAX_TEXT] = "as it was";
    int number = -1;
    CHECK(register_bmi_lsbc(NULL) == NULL);
    CHECK(register_bmi_lsbc(&model) == &model && model.data == NULL && lsbc_bmi_handle(&model) == 0);
    REFUSED(model.update(&model), "update came before initialize or after finalize");
    REFUSED(model.get_value(&model, "albedo", values), "get_value came before initialize");
    REFUSED(model.get_value_ptr(&model, "albedo", (void **)&pointer), "get_value_ptr came before initialize");
    REFUSED(model.get_component_name(&model, name), "get_component_name came before initialize");
    REFUSED(model.get_grid_face_nodes(&model, 0, &number), "get_grid_face_nodes came before initialize");
    CHECK(values[0] == -1.0 && pointer == NULL && strcmp(name, "as it was") == 0 && number == -1);
    DONE(model.finalize(&model));
    REFUSED(model.initialize(&model, "no_such_file.toml"), "no_such_file.toml: cannot be read");
    REFUSED(model.initialize(&model, NULL), "initialize got NULL for the configuration");
}

static void names_and_kinds(void) {
    char *places[N_OUTPUT];
    CHECK_WORDS(model.get_component_name(&model, got), "lsbc");
    CHECK_NUMBER(model.get_input_item_count(&model, &number), N_INPUT);
    CHECK_NUMBER(model.get_output_item_count(&model, &number), N_OUTPUT);
    memset(inputs, '#', sizeof inputs);
    for (int k = 0; k < N_INPUT; ++k) places[k] = inputs[k];
    DONE(model.get_input_var_names(&model, places));
    CHECK(strcmp(inputs[4], "land_luh2~urban__area_fraction") == 0 && inputs[4][31] == '#' && inputs[4][MAX_TEXT - 1] == '#');
    for (int k = 0; k < N_OUTPUT; ++k) places[k] = outputs[k];
    DONE(model.get_output_var_names(&model, places));
    CHECK(strcmp(outputs[N_OUTPUT - 1], "land_surface__valid_year") == 0);
    places[1] = NULL;
    REFUSED(model.get_output_var_names(&model, places), "get_output_var_names got NULL for a name or an array");
    CHECK_NUMBER(model.get_var_grid(&model, inputs[4], &number), 0);
    CHECK_NUMBER(model.get_var_itemsize(&model, inputs[4], &number), 8);
    CHECK_NUMBER(model.get_var_nbytes(&model, inputs[4], &number), 8 * N_CELL);
    CHECK_WORDS(model.get_var_type(&model, inputs[4], got), "double");
    CHECK_WORDS(model.get_var_units(&model, "root_depth", got), "m");
    CHECK_WORDS(model.get_var_location(&model, "root_depth", got), "face");
    REFUSED(model.get_var_units(&model, "snow", text), "There is no variable 'snow'");
    REFUSED(model.get_var_units(&model, NULL, text), "get_var_units got NULL for a name or an array");
    REFUSED(model.get_var_type(&model, "root_depth", NULL), "get_var_type got NULL for a name or an array");
    REFUSED(model.get_var_units(&model, "root_depth", NULL), "get_var_units got NULL for a name or an array");
    CHECK_WORDS(model.get_time_units(&model, got), "year");
    CHECK_TIME(get_start_time, 0.0);
    CHECK_TIME(get_end_time, 2.0);
    CHECK_TIME(get_time_step, 1.0);
}

static void counts_of_the_grid(void) {
    double none[2] = {-1.0, -1.0};
    int number = -1;
    CHECK_WORDS(model.get_grid_type(&model, 0, got), "unstructured");
    CHECK_NUMBER(model.get_grid_rank(&model, 0, &number), 2);
    CHECK_NUMBER(model.get_grid_size(&model, 0, &number), N_NODE);
    CHECK_NUMBER(model.get_grid_node_count(&model, 0, &number), N_NODE);
    CHECK_NUMBER(model.get_grid_edge_count(&model, 0, &number), N_EDGE);
    CHECK_NUMBER(model.get_grid_face_count(&model, 0, &number), N_CELL);
    REFUSED(model.get_grid_rank(&model, 1, &number), "There is no grid 1");
    REFUSED(model.get_grid_shape(&model, 0, &number), "Grid 0 has no shape");
    REFUSED(model.get_grid_spacing(&model, 0, none), "Grid 0 has no spacing");
    REFUSED(model.get_grid_origin(&model, 0, none), "Grid 0 has no origin");
    REFUSED(model.get_grid_z(&model, 0, none), "Grid 0 has no z");
    REFUSED(model.get_grid_x(&model, 1, none), "There is no grid 1");
    REFUSED(model.get_grid_x(&model, 0, NULL), "get_grid_x got NULL for a name or an array");
    CHECK(number == -1 && none[0] == -1.0);
}

static int is_edge(const int ends[2], int a, int b) { return (ends[0] == a && ends[1] == b) || (ends[0] == b && ends[1] == a); }

static void mesh_of_the_grid(void) {
    static double x[N_NODE + 1], y[N_NODE + 1];
    static int nodes[N_CORNER + 1], edges[N_CORNER + 1], ends[2 * N_EDGE + 1], per_face[N_CELL + 1];
    x[N_NODE] = y[N_NODE] = -1.0;
    nodes[N_CORNER] = edges[N_CORNER] = ends[2 * N_EDGE] = per_face[N_CELL] = -1;
    DONE(model.get_grid_x(&model, 0, x));
    DONE(model.get_grid_y(&model, 0, y));
    DONE(model.get_grid_face_nodes(&model, 0, nodes));
    DONE(model.get_grid_face_edges(&model, 0, edges));
    DONE(model.get_grid_edge_nodes(&model, 0, ends));
    DONE(model.get_grid_nodes_per_face(&model, 0, per_face));
    CHECK(x[N_NODE] == -1.0 && y[N_NODE] == -1.0 && nodes[N_CORNER] == -1 && edges[N_CORNER] == -1 && ends[2 * N_EDGE] == -1);
    int smallest = N_NODE, largest = -1;
    for (int k = 0; k < N_CORNER; ++k) {
        smallest = nodes[k] < smallest ? nodes[k] : smallest;
        largest = nodes[k] > largest ? nodes[k] : largest;
    }
    CHECK(smallest == 0 && largest == N_NODE - 1); /* nodes count from 0 */
    for (int face = 0; face <= N_CELL; ++face) CHECK(per_face[face] == (face < N_CELL ? 4 : -1));
    /* The first cell is the one of 0.2 degrees from 9.1 E, 47.1 N. */
    double lon_sum = 0.0, lat_sum = 0.0;
    for (int k = 0; k < 4; ++k) {
        lon_sum += x[nodes[k]];
        lat_sum += y[nodes[k]];
        CHECK(is_edge(&ends[2 * edges[k]], nodes[k], nodes[(k + 1) % 4]));
    }
    CHECK(fabs(lon_sum / 4 - 9.2) < 1e-9 && fabs(lat_sum / 4 - 47.2) < 1e-9);
}

static void write_outputs(FILE *file, double expected_time) {
    double values[N_CELL + 1];
    CHECK_TIME(get_current_time, expected_time);
    for (int k = 0; k < N_OUTPUT; ++k) {
        values[N_CELL] = -1.0;
        DONE(model.get_value(&model, outputs[k], values));
        CHECK(values[N_CELL] == -1.0);
        CHECK(fwrite(values, sizeof(double), N_CELL, file) == N_CELL);
    }
}

/* Values in and out; the year's own states are in place again afterwards. */
static void values_in_and_out(void) {
    double values[N_CELL], some[2] = {0.125, 0.25}, *urban = NULL;
    int ends[2] = {0, N_CELL - 1}, turned[2] = {N_CELL - 1, 0}, outside[2] = {0, N_CELL};
    DONE(model.get_value_ptr(&model, "urban", (void **)&urban));
    DONE(model.get_value(&model, inputs[4], values)); /* a name of lsbc and its name in BMI */
    CHECK(memcmp(urban, values, sizeof values) == 0);
    for (int k = 0; k < N_CELL; ++k) urban[k] = 0.5;
    REFUSED(model.update(&model), "sum to");
    DONE(model.set_value(&model, "urban", values));
    CHECK(memcmp(urban, values, sizeof values) == 0);
    DONE(model.set_value_at_indices(&model, "urban", ends, 2, some));
    CHECK(urban[0] == 0.125 && urban[N_CELL - 1] == 0.25 && urban[1] == values[1]);
    DONE(model.get_value_at_indices(&model, "urban", some, turned, 2));
    CHECK(some[0] == 0.25 && some[1] == 0.125);
    DONE(model.get_value_at_indices(&model, "urban", NULL, NULL, 0));
    REFUSED(model.get_value_at_indices(&model, "urban", some, outside, 2), "Indices into variable");
    REFUSED(model.get_value_at_indices(&model, "urban", some, NULL, 2), "get_value_at_indices got NULL for a name or an array");
    REFUSED(model.get_value_at_indices(&model, "urban", some, ends, -1), "or a negative count");
    REFUSED(model.set_value(&model, "albedo", values), "Variable 'albedo' is an output");
    REFUSED(model.set_value(&model, "urban", NULL), "set_value got NULL for a name or an array");
    REFUSED(model.get_value(&model, "snow", values), "There is no variable 'snow'");
    REFUSED(model.get_value_ptr(&model, "urban", NULL), "get_value_ptr got NULL for a name or an array");
    memcpy(urban, values, sizeof values);
}

int main(int n_argument, char **arguments) {
    FILE *file = n_argument == 3 ? fopen(arguments[2], "wb") : NULL;
    if (file == NULL) return 2;
    double *forest = NULL, values[N_CELL];

    before_a_run();
    if (model.initialize(&model, arguments[1]) != BMI_SUCCESS) {
        fprintf(stderr, "initialize: %s\n", last_error(0));
        return 1;
    }
    REFUSED(model.initialize(&model, arguments[1]), "initialize was called twice");
    names_and_kinds();
    counts_of_the_grid();
    mesh_of_the_grid();

    DONE(model.get_value_ptr(&model, "lu_frac.forest", (void **)&forest));
    write_outputs(file, 0.0);
    REFUSED(model.update_until(&model, 0.5), "Time 0.5 is not a whole number of years");
    DONE(model.update(&model));
    write_outputs(file, 1.0);
    DONE(model.get_value(&model, "lu_frac.forest", values));
    CHECK(memcmp(forest, values, sizeof values) == 0); /* the pointer sees the new year */
    values_in_and_out();
    DONE(model.update_until(&model, 2.0));
    write_outputs(file, 2.0);
    REFUSED(model.update(&model), "Year 2002 is run.last_year");

    DONE(model.finalize(&model));
    DONE(model.finalize(&model));
    REFUSED(model.update(&model), "update came before initialize or after finalize");
    CHECK(fclose(file) == 0);
    return n_failed > 0;
}
