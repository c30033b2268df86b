/* BMI for C: CSDMS's structure of functions, each a thin wrapper over lsbc_bmi_call. Knows no fields and no Python.
 *
 * `data` is the handle itself, so that nothing has to be freed. C arrays carry no length: a wrapper asks for the one that
 * BMI prescribes. Where that fails it is 0, and the call that follows is refused with its own words. */
#include "lsbc_bmi.h"

#pragma GCC visibility push(default)
#include "lsbc_bmi_c.h"
#pragma GCC visibility pop

#include "lsbc.h"

#include <stdlib.h>
#include <string.h>

static int bmi_status(int status) { return status == LSBC_OK ? BMI_SUCCESS : BMI_FAILURE; }

static int ask(Bmi *self, const char *function, const char *name, int grid, int64_t count, void *memory, const char *kind) {
    return bmi_status(lsbc_bmi_call(lsbc_bmi_handle(self), function, name, grid, 0.0, 0, NULL, count, memory, kind));
}

static int ask_at(Bmi *self, const char *function, const char *name, const int *inds, int count, void *values) {
    return bmi_status(lsbc_bmi_call(lsbc_bmi_handle(self), function, name, 0, 0.0, count, inds, count, values, "f8"));
}

static int64_t count_of(Bmi *self, const char *function, int grid) {
    int count = 0;
    return ask(self, function, "", grid, 1, &count, "i4") == BMI_SUCCESS ? count : 0;
}

/* Corners of all faces together. */
static int64_t corner_count(Bmi *self, int grid) {
    int64_t n_corner = 0, n_face = count_of(self, "get_grid_face_count", grid);
    int *nodes_per_face = (int *)malloc((size_t)n_face * sizeof(int));
    if (ask(self, "get_grid_nodes_per_face", "", grid, n_face, nodes_per_face, "i4") == BMI_SUCCESS) {
        for (int64_t face = 0; face < n_face; ++face) n_corner += nodes_per_face[face];
    }
    free(nodes_per_face);
    return n_corner;
}

static int all_there(int64_t n, char **texts) {
    for (int64_t i = 0; i < n; ++i) {
        if (texts == NULL || texts[i] == NULL) return 0;
    }
    return 1;
}

/* Texts of at most `room` bytes, the NUL included; only what they need is written. */
static int ask_texts(Bmi *self, const char *function, const char *name, int grid, int64_t n, int64_t room, char **texts) {
    const int64_t width = room - 1;
    char *letters = all_there(n, texts) ? (char *)malloc((size_t)(n * width)) : NULL; /* lsbc_bmi_call refuses NULL */
    int status = ask(self, function, name, grid, n * width, letters, "S1");
    for (int64_t i = 0; i < n && status == BMI_SUCCESS; ++i) {
        const char *text = letters + i * width;
        int64_t length = width;
        while (length > 0 && text[length - 1] == ' ') --length;
        memcpy(texts[i], text, (size_t)length);
        texts[i][length] = '\0';
    }
    free(letters);
    return status;
}

/* --- control ------------------------------------------------------------------------------------------------------ */

static int initialize(Bmi *self, const char *config_file) {
    if (self->data != NULL) return ask(self, "initialize", config_file, 0, 0, NULL, "i4"); /* refused: it was called before */
    int32_t handle = 0;
    int status = bmi_status(lsbc_bmi_initialize(config_file, &handle));
    self->data = (void *)(intptr_t)handle;
    return status;
}

static int update(Bmi *self) { return ask(self, "update", "", 0, 0, NULL, "f8"); }

static int update_until(Bmi *self, double time) {
    return bmi_status(lsbc_bmi_call(lsbc_bmi_handle(self), "update_until", "", 0, time, 0, NULL, 0, NULL, "f8"));
}

static int finalize(Bmi *self) {
    const int32_t handle = lsbc_bmi_handle(self);
    self->data = NULL;
    return handle == 0 ? BMI_SUCCESS : bmi_status(lsbc_bmi_finalize(handle));
}

/* --- one number, text or array by the name of the function ---------------------------------------------------------- */

#define NUMBER(function, type, kind) \
    static int function(Bmi *self, type *value) { return ask(self, #function, "", 0, 1, value, kind); }
#define NUMBER_OF_VARIABLE(function) \
    static int function(Bmi *self, const char *name, int *value) { return ask(self, #function, name, 0, 1, value, "i4"); }
#define NUMBER_OF_GRID(function) \
    static int function(Bmi *self, int grid, int *value) { return ask(self, #function, "", grid, 1, value, "i4"); }
#define ARRAY_OF_GRID(function, type, kind, count) \
    static int function(Bmi *self, int grid, type *values) { return ask(self, #function, "", grid, count, values, kind); }
#define TEXT(function, room) \
    static int function(Bmi *self, char *text) { return ask_texts(self, #function, "", 0, 1, room, &text); }
#define TEXT_OF_VARIABLE(function, room) \
    static int function(Bmi *self, const char *name, char *text) { return ask_texts(self, #function, name, 0, 1, room, &text); }
#define NAMES(function, count) \
    static int function(Bmi *self, char **names) { \
        return ask_texts(self, #function, "", 0, count_of(self, #count, 0), BMI_MAX_VAR_NAME, names); \
    }

TEXT(get_component_name, BMI_MAX_COMPONENT_NAME)
NUMBER(get_input_item_count, int, "i4")
NUMBER(get_output_item_count, int, "i4")
NAMES(get_input_var_names, get_input_item_count)
NAMES(get_output_var_names, get_output_item_count)

NUMBER_OF_VARIABLE(get_var_grid)
NUMBER_OF_VARIABLE(get_var_itemsize)
NUMBER_OF_VARIABLE(get_var_nbytes)
TEXT_OF_VARIABLE(get_var_units, BMI_MAX_UNITS_NAME)
TEXT_OF_VARIABLE(get_var_location, BMI_MAX_TYPE_NAME)

NUMBER(get_current_time, double, "f8")
NUMBER(get_start_time, double, "f8")
NUMBER(get_end_time, double, "f8")
NUMBER(get_time_step, double, "f8")
TEXT(get_time_units, BMI_MAX_UNITS_NAME)

NUMBER_OF_GRID(get_grid_rank)
NUMBER_OF_GRID(get_grid_size)
NUMBER_OF_GRID(get_grid_node_count)
NUMBER_OF_GRID(get_grid_edge_count)
NUMBER_OF_GRID(get_grid_face_count)
ARRAY_OF_GRID(get_grid_shape, int, "i4", 0) /* an unstructured grid has no shape, spacing, origin or z */
ARRAY_OF_GRID(get_grid_spacing, double, "f8", 0)
ARRAY_OF_GRID(get_grid_origin, double, "f8", 0)
ARRAY_OF_GRID(get_grid_z, double, "f8", 0)
ARRAY_OF_GRID(get_grid_x, double, "f8", count_of(self, "get_grid_node_count", grid))
ARRAY_OF_GRID(get_grid_y, double, "f8", count_of(self, "get_grid_node_count", grid))
ARRAY_OF_GRID(get_grid_edge_nodes, int, "i4", 2 * count_of(self, "get_grid_edge_count", grid))
ARRAY_OF_GRID(get_grid_face_edges, int, "i4", corner_count(self, grid))
ARRAY_OF_GRID(get_grid_face_nodes, int, "i4", corner_count(self, grid))
ARRAY_OF_GRID(get_grid_nodes_per_face, int, "i4", count_of(self, "get_grid_face_count", grid))

/* As C calls it. */
static int get_var_type(Bmi *self, const char *name, char *type) {
    char python_type[BMI_MAX_TYPE_NAME], *place = python_type;
    int status = ask_texts(self, "get_var_type", name, 0, 1, BMI_MAX_TYPE_NAME, type != NULL ? &place : NULL);
    if (status == BMI_SUCCESS) strcpy(type, strcmp(python_type, "float64") == 0 ? "double" : python_type);
    return status;
}

static int get_grid_type(Bmi *self, int grid, char *type) {
    return ask_texts(self, "get_grid_type", "", grid, 1, BMI_MAX_TYPE_NAME, &type);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static int get_value(Bmi *self, const char *name, void *dest) {
    return ask(self, "get_value", name, 0, count_of(self, "get_grid_face_count", 0), dest, "f8");
}

static int get_value_ptr(Bmi *self, const char *name, void **dest_ptr) {
    int64_t address_and_count[2] = {0, 0};
    int status = ask(self, "get_value_ptr", name, 0, 2, dest_ptr != NULL ? address_and_count : NULL, "i8");
    if (dest_ptr != NULL) *dest_ptr = (void *)(intptr_t)address_and_count[0];
    return status;
}

static int get_value_at_indices(Bmi *self, const char *name, void *dest, int *inds, int count) {
    return ask_at(self, "get_value_at_indices", name, inds, count, dest);
}

static int set_value(Bmi *self, const char *name, void *src) {
    return ask(self, "set_value", name, 0, count_of(self, "get_grid_face_count", 0), src, "f8");
}

static int set_value_at_indices(Bmi *self, const char *name, int *inds, int count, void *src) {
    return ask_at(self, "set_value_at_indices", name, inds, count, src);
}

/* --- the structure ------------------------------------------------------------------------------------------------ */

static const Bmi functions = {
    .data = NULL,
    .initialize = initialize,
    .update = update,
    .update_until = update_until,
    .finalize = finalize,
    .get_component_name = get_component_name,
    .get_input_item_count = get_input_item_count,
    .get_output_item_count = get_output_item_count,
    .get_input_var_names = get_input_var_names,
    .get_output_var_names = get_output_var_names,
    .get_var_grid = get_var_grid,
    .get_var_type = get_var_type,
    .get_var_units = get_var_units,
    .get_var_itemsize = get_var_itemsize,
    .get_var_nbytes = get_var_nbytes,
    .get_var_location = get_var_location,
    .get_current_time = get_current_time,
    .get_start_time = get_start_time,
    .get_end_time = get_end_time,
    .get_time_units = get_time_units,
    .get_time_step = get_time_step,
    .get_value = get_value,
    .get_value_ptr = get_value_ptr,
    .get_value_at_indices = get_value_at_indices,
    .set_value = set_value,
    .set_value_at_indices = set_value_at_indices,
    .get_grid_rank = get_grid_rank,
    .get_grid_size = get_grid_size,
    .get_grid_type = get_grid_type,
    .get_grid_shape = get_grid_shape,
    .get_grid_spacing = get_grid_spacing,
    .get_grid_origin = get_grid_origin,
    .get_grid_x = get_grid_x,
    .get_grid_y = get_grid_y,
    .get_grid_z = get_grid_z,
    .get_grid_node_count = get_grid_node_count,
    .get_grid_edge_count = get_grid_edge_count,
    .get_grid_face_count = get_grid_face_count,
    .get_grid_edge_nodes = get_grid_edge_nodes,
    .get_grid_face_edges = get_grid_face_edges,
    .get_grid_face_nodes = get_grid_face_nodes,
    .get_grid_nodes_per_face = get_grid_nodes_per_face,
};

Bmi *register_bmi_lsbc(Bmi *model) {
    if (model != NULL) *model = functions;
    return model;
}

int32_t lsbc_bmi_handle(const Bmi *model) { return (int32_t)(intptr_t)model->data; }
