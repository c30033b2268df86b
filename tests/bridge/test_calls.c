/* Every call with good and with impossible arguments, in and out of order, on one process. */
#include "check.h"
#include "lsbc_bmi.h"

static void refuses_impossible_arguments_of_create(void) {
    int32_t handle = 99;
    CHECK(lsbc_create(NULL, LSBC_COMM_SERIAL, &handle) == LSBC_ERR_CONFIG);
    CHECK(handle == 0);
    CHECK_TEXT(0, "config_path is NULL");
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, NULL) == LSBC_ERR_STATE);
    CHECK(lsbc_create("ok.toml", 0, &handle) == LSBC_ERR_STATE);
    CHECK_TEXT(0, "MPI is not running");
}

static void gives_code_and_text_of_a_failed_create(void) {
    int32_t handle = 99;
    CHECK(lsbc_create("badkey.toml", LSBC_COMM_SERIAL, &handle) == LSBC_ERR_CONFIG);
    CHECK(handle == 0);
    CHECK_TEXT(0, "model.colour is not a key.");
    CHECK(lsbc_create("defect.toml", LSBC_COMM_SERIAL, &handle) == LSBC_ERR_INTERNAL);
    CHECK_TEXT(0, "ValueError: no such luck");
    CHECK(lsbc_create("exit.toml", LSBC_COMM_SERIAL, &handle) == LSBC_ERR_INTERNAL);
    CHECK_TEXT(0, "SystemExit: 3");
}

static void texts_end_with_nul_however_long(void) {
    int32_t handle = 0;
    char small[5];
    memset(small, '!', sizeof small);
    CHECK(lsbc_create("long.toml", LSBC_COMM_SERIAL, &handle) == LSBC_ERR_CONFIG);
    CHECK(strlen(last_error(0)) == LSBC_TEXT_LENGTH - 1);
    CHECK(lsbc_last_error(0, small, 4) == LSBC_OK);
    CHECK(strcmp(small, "ran") == 0 && small[4] == '!');
    CHECK(lsbc_last_error(0, NULL, 4) == LSBC_ERR_FIELD);
    CHECK(lsbc_last_error(0, small, 0) == LSBC_ERR_FIELD);
    CHECK(lsbc_last_error(0, small, -1) == LSBC_ERR_FIELD);
    CHECK(small[0] == 'r');
}

static void every_call_refuses_a_handle_that_is_not_alive(int32_t handle) {
    double value = 0.0;
    float value_f32 = 0.0F;
    int32_t count;
    lsbc_field_info_t info;
    CHECK(set_two_cells(handle) == LSBC_ERR_STATE);
    CHECK(lsbc_set_field(handle, "urban", 1, &value) == LSBC_ERR_STATE);
    CHECK(lsbc_set_field_f32(handle, "urban", 1, &value_f32) == LSBC_ERR_STATE);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_ERR_STATE);
    CHECK_TEXT(handle, "unknown or destroyed");
    CHECK(lsbc_get_field(handle, "urban_frac", 1, 1, &value) == LSBC_ERR_STATE);
    CHECK(lsbc_get_field_f32(handle, "urban_frac", 1, 1, &value_f32) == LSBC_ERR_STATE);
    CHECK(lsbc_field_count(handle, &count) == LSBC_ERR_STATE);
    CHECK(lsbc_field_info(handle, 0, &info) == LSBC_ERR_STATE);
    CHECK(lsbc_write_restart(handle, "r") == LSBC_ERR_STATE);
    CHECK(lsbc_read_restart(handle, "r") == LSBC_ERR_STATE);
    CHECK(lsbc_destroy(handle) == LSBC_ERR_STATE);
}

static void refuses_impossible_grids(int32_t handle) {
    const double *corner = &vertex_lon[0][0];
    CHECK(lsbc_set_grid(handle, -1, global_id, lon, lat, 4, corner, corner, owned) == LSBC_ERR_GRID);
    CHECK_TEXT(handle, "n_cell must be 0 or more, got -1 on rank 0");
    CHECK(lsbc_set_grid(handle, 2, NULL, lon, lat, 4, corner, corner, owned) == LSBC_ERR_GRID);
    CHECK_TEXT(handle, "global_id is NULL");
    CHECK(lsbc_set_grid(handle, 2, global_id, lon, lat, 4, corner, corner, NULL) == LSBC_ERR_GRID);
    CHECK(lsbc_set_grid(handle, 2, global_id, lon, lat, 2, corner, corner, owned) == LSBC_ERR_GRID);
    CHECK(lsbc_set_grid(handle, 2, global_id, lon, lat, -4, corner, corner, owned) == LSBC_ERR_GRID);
    CHECK(lsbc_set_grid(handle, INT64_MAX, global_id, lon, lat, 4, corner, corner, owned) == LSBC_ERR_INTERNAL);
}

static void refuses_impossible_fields(int32_t handle) {
    double values[2] = {0.25, 0.5};
    CHECK(lsbc_set_field(handle, NULL, 2, values) == LSBC_ERR_FIELD);
    CHECK(lsbc_set_field(handle, "urban", -2, values) == LSBC_ERR_FIELD);
    CHECK_TEXT(handle, "'urban' has -2 values on rank 0; an extent must be 0 or more");
    CHECK(lsbc_set_field(handle, "urban", 3, values) == LSBC_ERR_FIELD);
    CHECK(lsbc_set_field(handle, "urban", 2, NULL) == LSBC_ERR_FIELD);
    CHECK(lsbc_set_field(handle, "snow", 2, values) == LSBC_ERR_FIELD);
    CHECK_TEXT(handle, "'snow' is not an input");
    CHECK(lsbc_get_field(handle, NULL, 1, 2, values) == LSBC_ERR_FIELD);
    CHECK(lsbc_get_field(handle, "urban_frac", 0, 2, values) == LSBC_ERR_FIELD);
    CHECK(lsbc_get_field(handle, "urban_frac", -1, 2, values) == LSBC_ERR_FIELD);
    CHECK(lsbc_get_field(handle, "urban_frac", 1, 2, NULL) == LSBC_ERR_FIELD);
    CHECK(lsbc_field_count(handle, NULL) == LSBC_ERR_FIELD);
    CHECK(lsbc_field_info(handle, 0, NULL) == LSBC_ERR_FIELD);
    CHECK(lsbc_write_restart(handle, NULL) == LSBC_ERR_STATE);
    CHECK(lsbc_read_restart(handle, NULL) == LSBC_ERR_STATE);
}

static void lists_the_fields(int32_t handle) {
    int32_t count = 0;
    lsbc_field_info_t info;
    CHECK(lsbc_field_count(handle, &count) == LSBC_OK && count == 4);
    CHECK(lsbc_field_info(handle, 0, &info) == LSBC_OK);
    CHECK(strcmp(info.name, "urban") == 0 && info.direction == LSBC_FIELD_IN);
    CHECK(lsbc_field_info(handle, 2, &info) == LSBC_OK);
    CHECK(strcmp(info.name, "lu_frac") == 0 && strcmp(info.standard_name, "area_fraction") == 0);
    CHECK(strcmp(info.units, "1") == 0 && info.n_level == 3 && info.direction == LSBC_FIELD_OUT);
    CHECK(lsbc_field_info(handle, 4, &info) == LSBC_ERR_FIELD);
    CHECK(lsbc_field_info(handle, -1, &info) == LSBC_ERR_FIELD);
}

static void is_not_taken_for_an_instance_of_bmi(int32_t handle) {
    int32_t count = 0;
    CHECK(lsbc_bmi_finalize(handle) == LSBC_ERR_STATE);
    CHECK(lsbc_bmi_call(handle, "update", "", 0, 0.0, 0, NULL, 0, NULL, "i4") == LSBC_ERR_STATE);
    CHECK(lsbc_field_count(handle, &count) == LSBC_OK && count == 4);
}

static void reads_the_hosts_own_memory_at_the_step(int32_t handle) {
    double values[2] = {0.0, 0.0}, address[2], result[2] = {-1.0, -1.0}, levels[3][2];
    float result_f32[2], values_f32[2] = {0.75F, 0.125F};
    CHECK(lsbc_set_field(handle, "urban", 2, values) == LSBC_OK);
    CHECK(lsbc_get_field(handle, "urban_frac", 1, 2, result) == LSBC_ERR_STATE);
    CHECK(result[0] == -1.0);
    values[0] = 0.25;
    values[1] = 0.5;
    CHECK(lsbc_step_year(handle, 2019) == LSBC_OK);
    CHECK(lsbc_get_field(handle, "urban_frac", 1, 2, result) == LSBC_OK);
    CHECK(result[0] == 2019.25 && result[1] == 2019.5);
    CHECK(lsbc_get_field(handle, "input_address", 1, 2, address) == LSBC_OK);
    CHECK((double *)(uintptr_t)address[0] == values);
    CHECK(lsbc_get_field(handle, "lu_frac", 3, 2, &levels[0][0]) == LSBC_OK);
    CHECK(levels[0][1] == 0.5 && levels[2][0] == 0.75 && levels[2][1] == 1.5);
    CHECK(lsbc_get_field(handle, "lu_frac", 2, 2, &levels[0][0]) == LSBC_ERR_FIELD);
    CHECK(lsbc_get_field(handle, "urban_frac", 2, 1, result) == LSBC_ERR_FIELD); /* as many values, but two levels */
    CHECK_TEXT(handle, "2 along the axis of its 1 level");
    CHECK(lsbc_step_year(handle, 2022) == LSBC_ERR_YEAR);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_OK);
    CHECK(lsbc_set_field_f32(handle, "urban", 2, values_f32) == LSBC_OK);
    CHECK(lsbc_step_year(handle, 2020) == LSBC_OK);
    CHECK(lsbc_get_field_f32(handle, "urban_frac", 1, 2, result_f32) == LSBC_OK);
    CHECK(result_f32[0] == 2020.75F && result_f32[1] == 2020.125F);
}

static void restarts(int32_t handle) {
    CHECK(lsbc_write_restart(handle, "bridge_test.restart") == LSBC_OK);
    CHECK(lsbc_read_restart(handle, "bridge_test.restart") == LSBC_OK);
    CHECK(lsbc_step_year(handle, 2020) == LSBC_OK);
    CHECK(lsbc_read_restart(handle, "no/such/file") == LSBC_ERR_INTERNAL);
    CHECK_TEXT(handle, "FileNotFoundError");
}

int main(void) {
    int32_t handle = 0, other = 0, empty = 0;
    every_call_refuses_a_handle_that_is_not_alive(0);
    every_call_refuses_a_handle_that_is_not_alive(INT32_MIN);
    refuses_impossible_arguments_of_create();
    gives_code_and_text_of_a_failed_create();
    texts_end_with_nul_however_long();

    double value = 0.0;
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK && handle > 0);
    CHECK(lsbc_set_field(handle, "urban", 2, &value) == LSBC_ERR_STATE);
    CHECK_TEXT(handle, "call lsbc_set_grid first");
    refuses_impossible_grids(handle);
    CHECK(set_two_cells(handle) == LSBC_OK);
    refuses_impossible_fields(handle);
    lists_the_fields(handle);
    is_not_taken_for_an_instance_of_bmi(handle);
    reads_the_hosts_own_memory_at_the_step(handle);
    restarts(handle);

    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &other) == LSBC_OK && other != handle);
    CHECK(strcmp(last_error(other), "") == 0);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    every_call_refuses_a_handle_that_is_not_alive(handle);
    CHECK(lsbc_field_count(other, &empty) == LSBC_OK);
    CHECK(lsbc_destroy(other) == LSBC_OK);

    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &empty) == LSBC_OK && empty != handle && empty != other);
    CHECK(lsbc_set_grid(empty, 0, NULL, NULL, NULL, 4, NULL, NULL, NULL) == LSBC_OK);
    CHECK(lsbc_set_field(empty, "urban", 0, NULL) == LSBC_OK);
    CHECK(lsbc_step_year(empty, 2019) == LSBC_OK);
    CHECK(lsbc_get_field(empty, "lu_frac", 3, 0, NULL) == LSBC_OK);
    CHECK(lsbc_destroy(empty) == LSBC_OK);
    CHECK(strcmp(lsbc_version(), LSBC_EXPECTED_VERSION) == 0);
    return n_failed != 0;
}
