/* A host whose fields lie on a device: the stand-in for the CUDA driver makes every touch from the host a fault. */
#include "check.h"

#include <stdlib.h>

void *stand_in_allocate(size_t n_byte);
int stand_in_copies(void);
void *stand_in_last_stream(void);
int cuPointerGetAttribute(void *value, int attribute, uint64_t address);
int cuCtxPushCurrent_v2(void *context);
int cuCtxPopCurrent_v2(void **context);
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t n_byte, void *stream);
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n_byte, void *stream);
int cuStreamSynchronize(void *stream);

static void *context;

static void write_device(double *to, const double *values, size_t n) {
    cuCtxPushCurrent_v2(context);
    CHECK(cuMemcpyHtoDAsync_v2((uint64_t)(uintptr_t)to, values, n * sizeof *values, NULL) == 0);
    cuStreamSynchronize(NULL);
    cuCtxPopCurrent_v2(&(void *){NULL});
}

static void read_device(double *values, const double *from, size_t n) {
    cuCtxPushCurrent_v2(context);
    CHECK(cuMemcpyDtoHAsync_v2(values, (uint64_t)(uintptr_t)from, n * sizeof *values, NULL) == 0);
    cuStreamSynchronize(NULL);
    cuCtxPopCurrent_v2(&(void *){NULL});
}

int main(void) {
    int32_t handle = 0;
    double *device = (double *)stand_in_allocate(4096), *urban = device, *frac = device + 8, *levels = device + 16;
    double values[2] = {0.25, 0.5}, result[6] = {0.0};
    const double nothing[24] = {0.0};
    CHECK(cuPointerGetAttribute(&context, 1, (uint64_t)(uintptr_t)device) == 0);
    write_device(device, nothing, 24);
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    CHECK(set_two_cells(handle) == LSBC_OK);

    /* The address alone says where the array lies. */
    CHECK(lsbc_set_field(handle, "urban", 2, urban) == LSBC_OK);
    lsbc_array_t lent;
    memset(&lent, 0, sizeof lent);
    lent.address = frac;
    lent.item_bytes = LSBC_REAL64;
    lent.n_dim = 1;
    lent.extent[0] = 2;
    lent.stride_bytes[0] = 2 * (int64_t)sizeof(double);
    lent.memory = LSBC_MEMORY_DEVICE;
    lent.stream = &handle;
    CHECK(lsbc_set_array(handle, "urban_frac", &lent) == LSBC_OK);
    const int before = stand_in_copies();
    CHECK(stand_in_copies() == before);
    write_device(urban, values, 2);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_OK);
    CHECK(stand_in_last_stream() == &handle);
    read_device(result, frac, 3);
    CHECK(result[0] == 2019.25 && result[1] == 0.0 && result[2] == 2019.5);
    CHECK(lsbc_get_field(handle, "lu_frac", 3, 2, levels) == LSBC_OK);
    read_device(result, levels, 6);
    CHECK(result[1] == 0.5 && result[4] == 0.75 && result[5] == 1.5);

    /* Host memory beside it stays host memory. */
    CHECK(lsbc_get_field(handle, "urban_frac", 1, 2, result) == LSBC_OK && result[1] == 2019.5);
    lent.address = values;
    CHECK(lsbc_get_array(handle, "urban_frac", &lent) == LSBC_ERR_DEVICE);
    CHECK_TEXT(handle, "of the CUDA driver failed with 1");
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    return n_failed != 0;
}
