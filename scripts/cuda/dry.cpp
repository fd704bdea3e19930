// A driver for CUDA and the libraries beside it that compute nothing: memory is the host's, filled with zeros, and kernels are counted, not run. What a
// program asks of them is looked at: addresses and sizes of copies, convolutions and products, memory given back twice, shapes that do not fit.
// `scripts/cuda_dry.sh` builds it. At its end a program leaves what was counted in the file that WSSS_DRY names.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {
std::mutex guard;
std::map<uintptr_t, size_t> blocks;
// Given back, by size: a pool keeps what it has.
std::map<size_t, std::vector<uintptr_t>> idle;
std::map<std::string, long> calls, launches;
// For measuring what the host takes: memory that is lent again is not cleared.
const bool as_it_was = getenv("WSSS_DRY_UNCLEARED");
// Bytes of the device.
const size_t room = getenv("WSSS_DRY_BYTES") ? strtoull(getenv("WSSS_DRY_BYTES"), nullptr, 10) : SIZE_MAX;
size_t live = 0, peak = 0, whole_peak = 0;

[[noreturn]] void wrong(const std::string &what) {
  fprintf(stderr, "dry: %s\n", what.c_str());
  abort();
}

void count(const char *what) {
  std::lock_guard<std::mutex> lock(guard);
  calls[what]++;
}

// That so many bytes from an address on lie in one block.
void inside(const char *what, uintptr_t at, size_t bytes) {
  std::lock_guard<std::mutex> lock(guard);
  auto next = blocks.upper_bound(at);
  if (bytes == 0) return;
  if (next == blocks.begin()) wrong(std::string(what) + ": an address of no block");
  auto [start, size] = *std::prev(next);
  if (at + bytes > start + size)
    wrong(std::string(what) + ": " + std::to_string(bytes) + " bytes from byte " + std::to_string(at - start) + " of a block of " + std::to_string(size));
}

int allocate(uintptr_t *at, size_t bytes) {
  std::lock_guard<std::mutex> lock(guard);
  // As the driver rounds.
  size_t size = (bytes + 511) / 512 * 512;
  // CUDA_ERROR_OUT_OF_MEMORY.
  if (live + size > room) return 2;
  auto &same = idle[size];
  *at = same.empty() ? (uintptr_t)calloc(size, 1) : same.back();
  if (!same.empty()) {
    same.pop_back();
    if (!as_it_was) memset((void *)*at, 0, size);
  }
  blocks[*at] = bytes;
  live += size;
  if (live > peak) peak = live;
  if (live > whole_peak) whole_peak = live;
  return 0;
}

int release(uintptr_t at) {
  std::lock_guard<std::mutex> lock(guard);
  auto block = blocks.find(at);
  if (block == blocks.end()) wrong("memory is given back that is not held");
  size_t size = (block->second + 511) / 512 * 512;
  live -= size;
  idle[size].push_back(at);
  blocks.erase(block);
  return 0;
}

struct Report {
  ~Report() {
    const char *path = getenv("WSSS_DRY");
    FILE *file = path ? fopen(path, "w") : nullptr;
    if (!file) return;
    fprintf(file, "peak %zu bytes, %zu held at the end\n", whole_peak, live);
    for (auto &[name, number] : calls) fprintf(file, "call %-40s %ld\n", name.c_str(), number);
    for (auto &[name, number] : launches) fprintf(file, "kernel %-38s %ld\n", name.c_str(), number);
    fclose(file);
  }
} report;

struct Tensor { int format, number, dims[4]; };
struct Conv { int ph, pw, sh, sw, dh, dw, groups = 1, sums, math; };
struct Found { int algo, status; float time; size_t memory; int determinism, math, reserved[3]; };

size_t bytes_of(const Tensor &t) {
  size_t number = t.number == 0 ? 4 : t.number == 1 ? 8 : 2;
  return number * t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3];
}

void fits(const Tensor &x, const Tensor &w, const Tensor &y, const Conv &c) {
  const int *k = w.dims, p[] = {c.ph, c.pw}, s[] = {c.sh, c.sw}, d[] = {c.dh, c.dw};
  bool same = x.number == w.number && x.number == y.number && x.format == w.format && x.format == y.format;
  bool good = same && x.dims[0] == y.dims[0] && x.dims[1] == k[1] * c.groups && y.dims[1] == k[0] && k[0] % c.groups == 0;
  for (int axis = 0; axis < 2; axis++) {
    int room = x.dims[2 + axis] + 2 * p[axis] - d[axis] * (k[2 + axis] - 1) - 1;
    good = good && room >= 0 && y.dims[2 + axis] == room / s[axis] + 1;
  }
  if (!good) wrong("a convolution whose shapes do not fit");
}

int choose(int *returned, Found *found) {
  *returned = 1;
  *found = {1, 0, 0.0f, 4096, 1, 0, {0, 0, 0}};
  return 0;
}

int convolve(const char *what, Tensor *x, const void *xs, Tensor *w, const void *ws, Tensor *y, const void *ys, Conv *c, void *room, size_t bytes) {
  count(what);
  fits(*x, *w, *y, *c);
  inside(what, (uintptr_t)xs, bytes_of(*x));
  inside(what, (uintptr_t)ws, bytes_of(*w));
  inside(what, (uintptr_t)ys, bytes_of(*y));
  inside(what, (uintptr_t)room, bytes);
  if (x->number == 9) count("cudnn in bfloat16");
  return 0;
}

size_t matrix(int rows, int columns, int lead) { return rows == 0 || columns == 0 ? 0 : (size_t)lead * (columns - 1) + rows; }

int product(const char *what, int ta, int tb, int m, int n, int k, const void *a, int lda, long long sa, const void *b, int ldb, long long sb, void *c, int ldc,
            long long sc, int batch, size_t number) {
  count(what);
  if (batch == 0) return 0;
  inside(what, (uintptr_t)a, number * (sa * (batch - 1) + (ta ? matrix(k, m, lda) : matrix(m, k, lda))));
  inside(what, (uintptr_t)b, number * (sb * (batch - 1) + (tb ? matrix(n, k, ldb) : matrix(k, n, ldb))));
  inside(what, (uintptr_t)c, number * (sc * (batch - 1) + matrix(m, n, ldc)));
  return 0;
}
} // namespace

extern "C" {
typedef uintptr_t At;
typedef void *Any;

// The driver.
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int *version) { return *version = 13000, 0; }
int cuDeviceGet(int *device, int number) { return *device = number, number == 0 ? 0 : 101; }
int cuDeviceGetAttribute(int *value, int attribute, int) {
  // Capability 9.0, memory in pools, 132 processors; threads of a block.
  *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 115 ? 1 : attribute == 16 ? 132 : attribute == 1 ? 1024 : 0;
  return 0;
}
int cuDeviceGetDefaultMemPool(Any *pool, int) { return *pool = (Any)1, 0; }
int cuDevicePrimaryCtxRetain(Any *context, int) { return *context = (Any)1, 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxDestroy_v2(Any) { return 0; }
int cuCtxGetCurrent(Any *context) { return *context = (Any)1, 0; }
int cuCtxSetCurrent(Any) { return 0; }
int cuCtxSynchronize() { return count("cuCtxSynchronize"), 0; }
int cuEventCreate(Any *event, unsigned) { return *event = (Any)1, 0; }
int cuEventDestroy_v2(Any) { return 0; }
int cuEventRecord(Any, Any) { return count("cuEventRecord"), 0; }
int cuEventSynchronize(Any) { return count("cuEventSynchronize"), 0; }
int cuGetErrorString(int, const char **text) { return *text = "an error of the dry driver", 0; }
int cuStreamCreate(Any *stream, unsigned) { return *stream = (Any)1, 0; }
int cuStreamDestroy_v2(Any) { return 0; }
int cuStreamIsCapturing(Any, int *is) { return *is = 0, 0; }
int cuStreamSynchronize(Any) { return count("cuStreamSynchronize"), 0; }
int cuStreamWaitEvent(Any, Any, unsigned) { return 0; }
int cuMemAlloc_v2(At *at, size_t bytes) { return count("cuMemAlloc"), allocate(at, bytes); }
int cuMemAllocAsync(At *at, size_t bytes, Any) { return count("cuMemAllocAsync"), allocate(at, bytes); }
int cuMemFree_v2(At at) { return release(at); }
int cuMemFreeAsync(At at, Any) { return release(at); }
int cuMemHostAlloc(Any *at, size_t bytes, unsigned) { return count("cuMemHostAlloc"), *at = calloc(bytes, 1), 0; }
int cuMemFreeHost(Any at) { return free(at), 0; }
int cuMemPoolSetAttribute(Any, int, Any) { return peak = live, 0; }
int cuMemPoolGetAttribute(Any, int, Any value) { return *(uint64_t *)value = peak, 0; }
int cuMemcpyHtoDAsync_v2(At to, const void *from, size_t bytes, Any) {
  count("cuMemcpyHtoDAsync");
  inside("a copy to the device", to, bytes);
  memcpy((void *)to, from, bytes);
  return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, At from, size_t bytes, Any) {
  count("cuMemcpyDtoHAsync");
  inside("a copy from the device", from, bytes);
  memcpy(to, (void *)from, bytes);
  return 0;
}
int cuMemcpyDtoDAsync_v2(At to, At from, size_t bytes, Any) {
  count("cuMemcpyDtoDAsync");
  inside("a copy on the device", to, bytes);
  inside("a copy on the device", from, bytes);
  memmove((void *)to, (void *)from, bytes);
  return 0;
}
int cuMemcpyPeerAsync(At, Any, At, Any, size_t, Any) { wrong("a copy between devices"); }
int cuMemsetD8Async(At to, unsigned char value, size_t bytes, Any) {
  count("cuMemsetD8Async");
  inside("a filling", to, bytes);
  memset((void *)to, value, bytes);
  return 0;
}
int cuModuleLoad(Any *module, const char *) { return *module = (Any)1, 0; }
int cuModuleLoadData(Any *module, const void *) { return count("cuModuleLoadData"), *module = (Any)1, 0; }
int cuModuleUnload(Any) { return 0; }
int cuModuleGetFunction(Any *function, Any, const char *name) { return *function = strdup(name), 0; }
int cuLaunchKernel(Any function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned, Any, void **, void **) {
  if (gx == 0 || gy == 0 || gz == 0 || gy > 65535 || gz > 65535 || bx * by * bz == 0 || bx * by * bz > 1024) wrong("a grid that no card takes");
  std::lock_guard<std::mutex> lock(guard);
  calls["cuLaunchKernel"]++;
  launches[(char *)function]++;
  return 0;
}

// The runtime, as far as Candle's own kernels name it.
Any *__cudaRegisterFatBinary(Any) { static Any handle; return &handle; }
void __cudaRegisterFatBinaryEnd(Any *) {}
void __cudaUnregisterFatBinary(Any *) {}
void __cudaRegisterFunction(Any *, const char *, char *, const char *, int, Any, Any, Any, Any, int *) {}
void __cudaRegisterVar(Any *, char *, char *, const char *, int, size_t, int, int) {}
int __cudaGetKernel(Any *, Any) { return 0; }
int __cudaLaunchKernel_ptsz(Any, ...) { wrong("a kernel of Candle's that nothing here calls"); }
int __cudaPushCallConfiguration(...) { return 0; }
int __cudaPopCallConfiguration(...) { return 0; }
int cudaFuncSetAttribute(Any, int, int) { return 0; }
int cudaGetDevice(int *device) { return *device = 0, 0; }

// NVRTC.
int nvrtcCreateProgram(Any *program, const char *, const char *, int, const char *const *, const char *const *) { return *program = (Any)1, 0; }
int nvrtcCompileProgram(Any, int, const char *const *) { return count("nvrtcCompileProgram"), 0; }
int nvrtcDestroyProgram(Any *) { return 0; }
int nvrtcGetPTXSize(Any, size_t *size) { return *size = 1, 0; }
int nvrtcGetPTX(Any, char *ptx) { return *ptx = 0, 0; }
int nvrtcGetProgramLogSize(Any, size_t *size) { return *size = 1, 0; }
int nvrtcGetProgramLog(Any, char *log) { return *log = 0, 0; }

// cuRAND and cuBLAS.
int curandCreateGenerator(Any *generator, int) { return *generator = (Any)1, 0; }
int curandDestroyGenerator(Any) { return 0; }
int curandSetPseudoRandomGeneratorSeed(Any, unsigned long long) { return 0; }
int curandSetStream(Any, Any) { return 0; }
int cublasCreate_v2(Any *handle) { return *handle = (Any)1, 0; }
int cublasDestroy_v2(Any) { return 0; }
int cublasSetStream_v2(Any, Any) { return 0; }
int cublasDgemmStridedBatched(Any, int ta, int tb, int m, int n, int k, const double *, const double *a, int lda, long long sa, const double *b, int ldb,
                              long long sb, const double *, double *c, int ldc, long long sc, int batch) {
  return product("cublasDgemmStridedBatched", ta, tb, m, n, k, a, lda, sa, b, ldb, sb, c, ldc, sc, batch, 8);
}
int cublasGemmStridedBatchedEx(Any, int ta, int tb, int m, int n, int k, const void *, const void *a, int kind, int lda, long long sa, const void *b, int,
                               int ldb, long long sb, const void *, void *c, int, int ldc, long long sc, int batch, int, int) {
  return product("cublasGemmStridedBatchedEx", ta, tb, m, n, k, a, lda, sa, b, ldb, sb, c, ldc, sc, batch, kind == 0 ? 4 : 2);
}

// cuDNN.
size_t cudnnGetVersion() { return 91900; }
int cudnnCreate(Any *handle) { return *handle = (Any)1, 0; }
int cudnnDestroy(Any) { return 0; }
int cudnnSetStream(Any, Any) { return 0; }
int cudnnCreateTensorDescriptor(Tensor **t) { return *t = new Tensor, 0; }
int cudnnDestroyTensorDescriptor(Tensor *t) { return delete t, 0; }
int cudnnSetTensor4dDescriptor(Tensor *t, int format, int number, int a, int b, int c, int d) { return *t = {format, number, {a, b, c, d}}, 0; }
int cudnnCreateFilterDescriptor(Tensor **t) { return *t = new Tensor, 0; }
int cudnnDestroyFilterDescriptor(Tensor *t) { return delete t, 0; }
int cudnnSetFilter4dDescriptor(Tensor *t, int number, int format, int a, int b, int c, int d) { return *t = {format, number, {a, b, c, d}}, 0; }
int cudnnCreateConvolutionDescriptor(Conv **c) { return *c = new Conv, 0; }
int cudnnDestroyConvolutionDescriptor(Conv *c) { return delete c, 0; }
int cudnnSetConvolution2dDescriptor(Conv *c, int ph, int pw, int sh, int sw, int dh, int dw, int, int sums) { return *c = {ph, pw, sh, sw, dh, dw, 1, sums, 0}, 0; }
int cudnnSetConvolutionGroupCount(Conv *c, int groups) { return c->groups = groups, 0; }
int cudnnSetConvolutionMathType(Conv *c, int math) { return c->math = math, 0; }
int cudnnGetConvolutionForwardAlgorithm_v7(Any, Tensor *x, Tensor *w, Conv *c, Tensor *y, int, int *returned, Found *found) {
  return fits(*x, *w, *y, *c), choose(returned, found);
}
int cudnnGetConvolutionBackwardDataAlgorithm_v7(Any, Tensor *w, Tensor *y, Conv *c, Tensor *x, int, int *returned, Found *found) {
  return fits(*x, *w, *y, *c), choose(returned, found);
}
int cudnnGetConvolutionBackwardFilterAlgorithm_v7(Any, Tensor *x, Tensor *y, Conv *c, Tensor *w, int, int *returned, Found *found) {
  return fits(*x, *w, *y, *c), choose(returned, found);
}
int cudnnConvolutionForward(Any, const void *, Tensor *x, const void *xs, Tensor *w, const void *ws, Conv *c, int, void *room, size_t bytes, const void *, Tensor *y,
                            void *ys) {
  return convolve("cudnnConvolutionForward", x, xs, w, ws, y, ys, c, room, bytes);
}
int cudnnConvolutionBackwardData(Any, const void *, Tensor *w, const void *ws, Tensor *y, const void *ys, Conv *c, int, void *room, size_t bytes, const void *,
                                 Tensor *x, void *xs) {
  return convolve("cudnnConvolutionBackwardData", x, xs, w, ws, y, ys, c, room, bytes);
}
int cudnnConvolutionBackwardFilter(Any, const void *, Tensor *x, const void *xs, Tensor *y, const void *ys, Conv *c, int, void *room, size_t bytes, const void *,
                                   Tensor *w, void *ws) {
  return convolve("cudnnConvolutionBackwardFilter", x, xs, w, ws, y, ys, c, room, bytes);
}
}
