/* Two instances of BMI's C structure in one process, built for names of 51 characters and a NUL: the longest has 52.
 * Argument: configuration. */
#include "check.h"
#include "lsbc_bmi_c.h"

enum { N_CELL = 81, N_INPUT = 12, N_OUTPUT = 48 };

static double year_of(Bmi *model) {
    double year[N_CELL] = {-1.0};
    CHECK(model->get_value(model, "valid_year", year) == BMI_SUCCESS);
    return year[0];
}

static void names_that_do_not_fit(Bmi *model) {
    char letters[N_OUTPUT][BMI_MAX_VAR_NAME], *names[N_OUTPUT];
    for (int k = 0; k < N_OUTPUT; ++k) names[k] = letters[k];
    CHECK(model->get_input_var_names(model, names) == BMI_SUCCESS && strcmp(letters[0], "land_luh2~primf__area_fraction") == 0);
    CHECK(model->get_output_var_names(model, names) == BMI_FAILURE);
    CHECK_TEXT(lsbc_bmi_handle(model), "get_output_var_names gives 52 characters, more than the 51 of the variable");
    CHECK(strcmp(letters[0], "land_luh2~primf__area_fraction") == 0);
}

int main(int n_argument, char **arguments) {
    if (n_argument < 2) return 2;
    const char *config = arguments[1];
    Bmi first, second;
    (void)register_bmi_lsbc(&first);
    (void)register_bmi_lsbc(&second);
    CHECK(first.initialize(&first, config) == BMI_SUCCESS);
    CHECK(second.initialize(&second, config) == BMI_SUCCESS);
    CHECK(lsbc_bmi_handle(&first) != lsbc_bmi_handle(&second));
    CHECK(first.update(&first) == BMI_SUCCESS);
    CHECK(year_of(&first) == 2001.0 && year_of(&second) == 2000.0); /* each has its own year */
    CHECK(second.update_until(&second, 0.5) == BMI_FAILURE);
    CHECK_TEXT(lsbc_bmi_handle(&second), "Time 0.5 is not a whole number of years");
    CHECK(strcmp(last_error(lsbc_bmi_handle(&first)), "") == 0); /* a failure of one is not one of the other */
    names_that_do_not_fit(&second);
    CHECK(first.finalize(&first) == BMI_SUCCESS);
    CHECK(second.update(&second) == BMI_SUCCESS && year_of(&second) == 2001.0); /* it lives on */
    CHECK(first.initialize(&first, config) == BMI_SUCCESS && year_of(&first) == 2000.0); /* and the first may come again */
    CHECK(second.finalize(&second) == BMI_SUCCESS);
    CHECK(first.finalize(&first) == BMI_SUCCESS);
    return n_failed > 0;
}
