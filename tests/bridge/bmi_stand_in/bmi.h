/* Stands in for CSDMS's bmi.h in the tests: the functions of BMI 2.0 by name, order and type, as its specification lists
 * them. Texts can be made shorter. */
#ifndef LSBC_TEST_BMI_H
#define LSBC_TEST_BMI_H

#define BMI_SUCCESS 0
#define BMI_FAILURE 1

#define BMI_MAX_COMPONENT_NAME 2048
#define BMI_MAX_TYPE_NAME 2048
#define BMI_MAX_UNITS_NAME 2048
#ifndef BMI_MAX_VAR_NAME
#define BMI_MAX_VAR_NAME 2048
#endif

typedef struct Bmi Bmi;

struct Bmi {
    void *data;
    /* control */
    int (*initialize)(Bmi *, const char *);
    int (*update)(Bmi *);
    int (*update_until)(Bmi *, double);
    int (*finalize)(Bmi *);
    /* the model */
    int (*get_component_name)(Bmi *, char *);
    int (*get_input_item_count)(Bmi *, int *);
    int (*get_output_item_count)(Bmi *, int *);
    int (*get_input_var_names)(Bmi *, char **);
    int (*get_output_var_names)(Bmi *, char **);
    /* a variable */
    int (*get_var_grid)(Bmi *, const char *, int *);
    int (*get_var_type)(Bmi *, const char *, char *);
    int (*get_var_units)(Bmi *, const char *, char *);
    int (*get_var_itemsize)(Bmi *, const char *, int *);
    int (*get_var_nbytes)(Bmi *, const char *, int *);
    int (*get_var_location)(Bmi *, const char *, char *);
    /* time */
    int (*get_current_time)(Bmi *, double *);
    int (*get_start_time)(Bmi *, double *);
    int (*get_end_time)(Bmi *, double *);
    int (*get_time_units)(Bmi *, char *);
    int (*get_time_step)(Bmi *, double *);
    /* values: name, array, or name, indices, their number, array in either order */
    int (*get_value)(Bmi *, const char *, void *);
    int (*get_value_ptr)(Bmi *, const char *, void **);
    int (*get_value_at_indices)(Bmi *, const char *, void *, int *, int);
    int (*set_value)(Bmi *, const char *, void *);
    int (*set_value_at_indices)(Bmi *, const char *, int *, int, void *);
    /* a grid */
    int (*get_grid_rank)(Bmi *, int, int *);
    int (*get_grid_size)(Bmi *, int, int *);
    int (*get_grid_type)(Bmi *, int, char *);
    int (*get_grid_shape)(Bmi *, int, int *);
    int (*get_grid_spacing)(Bmi *, int, double *);
    int (*get_grid_origin)(Bmi *, int, double *);
    int (*get_grid_x)(Bmi *, int, double *);
    int (*get_grid_y)(Bmi *, int, double *);
    int (*get_grid_z)(Bmi *, int, double *);
    int (*get_grid_node_count)(Bmi *, int, int *);
    int (*get_grid_edge_count)(Bmi *, int, int *);
    int (*get_grid_face_count)(Bmi *, int, int *);
    int (*get_grid_edge_nodes)(Bmi *, int, int *);
    int (*get_grid_face_edges)(Bmi *, int, int *);
    int (*get_grid_face_nodes)(Bmi *, int, int *);
    int (*get_grid_nodes_per_face)(Bmi *, int, int *);
};

#endif
