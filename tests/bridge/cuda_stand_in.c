/* Stands for the CUDA driver where there is no GPU: the calls that lsbc makes, with the driver's own rules.
 *
 * Its device memory cannot be touched from the host (a read or write is a segmentation fault); copies are made when
 * their stream is waited for, and only in the context of the memory. Built with the driver's soname.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, INVALID_CONTEXT = 201, ILLEGAL_ADDRESS = 700 };
enum { ATTRIBUTE_CONTEXT = 1, ATTRIBUTE_MEMORY_TYPE = 2, ATTRIBUTE_DEVICE_ORDINAL = 9, MEMORY_TYPE_DEVICE = 2, MAX_STREAM = 8 };

static char context_of_the_host;
static unsigned char *device = NULL;
static size_t device_bytes = 0;
static void *current = NULL;
static int n_copy = 0, is_pool = 0, n_retained = 0;

typedef struct copy {
    void *to;
    const void *from;
    size_t n_byte;
    void *stream;
    int is_pending;
} copy;
static copy pending;

/* For the tests: memory of the stand-in's device, and how many copies were made so far. */
void *stand_in_allocate(size_t n_byte) {
    device = mmap(NULL, n_byte, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    device_bytes = n_byte;
    return device == MAP_FAILED ? NULL : device;
}
int stand_in_copies(void) { return n_copy; }
void *stand_in_last_stream(void) { return pending.stream; }
void *stand_in_context(void) { return current; }
/* Whether the memory is of a pool, which belongs to no context; and users of the device's own context. */
void stand_in_is_pool(int yes) { is_pool = yes; }
int stand_in_retained(void) { return n_retained; }

static int is_device(uint64_t address, size_t n_byte) {
    uint64_t first = (uint64_t)(uintptr_t)device;
    return device != NULL && address >= first && address + n_byte <= first + device_bytes;
}

int cuPointerGetAttribute(void *value, int attribute, uint64_t address) {
    if (!is_device(address, 1)) return INVALID_VALUE;
    if (attribute == ATTRIBUTE_CONTEXT) {
        void *context = is_pool ? NULL : &context_of_the_host;
        memcpy(value, &context, sizeof context);
        return SUCCESS;
    }
    if (attribute == ATTRIBUTE_MEMORY_TYPE) {
        unsigned int kind = MEMORY_TYPE_DEVICE;
        memcpy(value, &kind, sizeof kind);
        return SUCCESS;
    }
    if (attribute == ATTRIBUTE_DEVICE_ORDINAL) {
        const int ordinal = 3;
        memcpy(value, &ordinal, sizeof ordinal);
        return SUCCESS;
    }
    return INVALID_VALUE;
}

int cuCtxGetCurrent(void **context) {
    *context = current;
    return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal + 10;
    return ordinal == 3 ? SUCCESS : INVALID_VALUE;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    if (device != 13) return INVALID_VALUE;
    *context = &context_of_the_host;
    ++n_retained;
    return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    if (device != 13) return INVALID_VALUE;
    --n_retained;
    return SUCCESS;
}

int cuCtxPushCurrent_v2(void *context) {
    if (context != &context_of_the_host) return INVALID_CONTEXT;
    current = context;
    return SUCCESS;
}

int cuCtxPopCurrent_v2(void **context) {
    *context = current;
    current = NULL;
    return SUCCESS;
}

static int enqueue(void *to, const void *from, uint64_t on_device, size_t n_byte, void *stream) {
    if (current != &context_of_the_host) return INVALID_CONTEXT;
    if (!is_device(on_device, n_byte)) return ILLEGAL_ADDRESS;
    pending.to = to;
    pending.from = from;
    pending.n_byte = n_byte;
    pending.stream = stream;
    pending.is_pending = 1;
    return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t n_byte, void *stream) {
    return enqueue(to, (const void *)(uintptr_t)from, from, n_byte, stream);
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n_byte, void *stream) {
    return enqueue((void *)(uintptr_t)to, from, to, n_byte, stream);
}

int cuStreamSynchronize(void *stream) {
    if (!pending.is_pending || pending.stream != stream) return SUCCESS;
    mprotect(device, device_bytes, PROT_READ | PROT_WRITE);
    memcpy(pending.to, pending.from, pending.n_byte);
    mprotect(device, device_bytes, PROT_NONE);
    pending.is_pending = 0;
    ++n_copy;
    return SUCCESS;
}

int cuGetErrorString(int failure, const char **text) {
    *text = failure == ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "stand-in failure";
    return SUCCESS;
}
