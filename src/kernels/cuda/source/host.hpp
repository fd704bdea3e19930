// What of CUDA the texts use, for one processor.
#include <cmath>
#include <cstdint>
#include <utility>

#define __global__
#define __device__
#define __shared__ static
#define __forceinline__ inline

struct dim3 { unsigned x = 1, y = 1, z = 1; };
static thread_local dim3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;

using std::abs, std::ceil, std::erfc, std::exp, std::expm1, std::floor, std::frexp, std::ldexp, std::log, std::log1p, std::max, std::min;
using std::pow, std::rint, std::sqrt, std::tanh, std::fabs, std::cos;
static unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
static float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
static unsigned __umulhi(unsigned a, unsigned b) { return (uint64_t)a * b >> 32; }

// Threads of a block that wait for one another are threads; all others take turns.
#ifdef TOGETHER
#include <pthread.h>
static pthread_barrier_t meeting;
#define __syncthreads() pthread_barrier_wait(&meeting)
#else
#define __syncthreads()
#endif

namespace host {
template <typename... A, std::size_t... I>
void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
  kernel(*(A *)arguments[I]...);
}

template <typename... A>
void run(void (*kernel)(A...), void **arguments, unsigned blocks, unsigned block) {
  gridDim.x = blocks;
  blockDim.x = block;
#ifdef TOGETHER
  pthread_barrier_init(&meeting, nullptr, block);
#endif
  for (unsigned b = 0; b < blocks; b++) {
    auto one = [=](unsigned t) {
      blockIdx.x = b;
      threadIdx.x = t;
      call(kernel, arguments, std::index_sequence_for<A...>{});
    };
#ifdef TOGETHER
    struct Thread {
      pthread_t id;
      decltype(one) *work;
      unsigned number;
    } threads[64];
    for (unsigned t = 0; t < block; t++) {
      threads[t].work = &one;
      threads[t].number = t;
      pthread_create(&threads[t].id, nullptr, [](void *own) -> void * {
        Thread *thread = (Thread *)own;
        (*thread->work)(thread->number);
        return nullptr;
      }, &threads[t]);
    }
    for (unsigned t = 0; t < block; t++) pthread_join(threads[t].id, nullptr);
#else
    for (unsigned t = 0; t < block; t++) one(t);
#endif
  }
#ifdef TOGETHER
  pthread_barrier_destroy(&meeting);
#endif
}
}
