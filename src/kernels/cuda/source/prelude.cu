typedef REAL R;
// What maps are kept in: `R`, or packed the upper half of a float's digits, to the nearest, of two the even one.
#ifdef PACKED
struct S {
  unsigned short bits;
  S() = default;
  __device__ S(float x) {
    unsigned all = __float_as_uint(x);
    bits = x != x ? 0x7fc0 : (all + 0x7fff + (all >> 16 & 1)) >> 16;
  }
  __device__ operator float() const { return __uint_as_float((unsigned)bits << 16); }
};
#else
typedef R S;
#endif

#define KERNEL extern "C" __global__ void
#define DEVICE static __device__
// Every result of the call, whatever the size of the grid.
#define EACH(i, count) for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
// The same for results that a block makes together.
#define EACH_BLOCK(i, count) for (unsigned i = blockIdx.x; i < count; i += gridDim.x)
#define INF ((R)1e300 * (R)1e300)
#define NAN_OF(x) ((x) != (x))

struct Walk { int axes, length[7], stride[3][7], first[3]; };

// Where tensor `n` stands for number `i` of the result.
DEVICE unsigned place(const Walk &walk, int n, unsigned i) {
  int at = walk.first[n];
  for (int axis = walk.axes - 1; axis >= 0; axis--) {
    unsigned length = walk.length[axis];
    at += (int)(i % length) * walk.stride[n][axis];
    i /= length;
  }
  return at;
}

// Numbers of a map that a thread takes together.
template <int width> struct alignas(width * sizeof(S) < 16 ? width * sizeof(S) : 16) Several { S at[width]; };

// Number `i` of maps of `rows` by `columns`. Of packed maps the channels lie beside one another, `step` of them; of others `step` is 1.
struct Spot { unsigned row, column, map, lane; };
DEVICE Spot spot(unsigned i, unsigned rows, unsigned columns, unsigned step) {
  unsigned pixel = i / step;
  return {pixel / columns % rows, pixel % columns, pixel / (rows * columns), i % step};
}

// Where the first pixel of that map lies in a tensor of so many pixels a map; the next one lies `step` further.
DEVICE unsigned origin(Spot at, unsigned pixels, unsigned step) { return at.map * pixels * step + at.lane; }

// What the threads of a block have, joined by halves and told to all of them. Blocks have a power of two of threads.
template <typename T, typename Join> DEVICE T block_fold(T mine, T *shared, Join join) {
  unsigned me = threadIdx.x;
  shared[me] = mine;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (me < half) shared[me] = join(shared[me], shared[me + half]);
    __syncthreads();
  }
  T all = shared[0];
  __syncthreads();
  return all;
}

struct Sum { template <typename T> __device__ T operator()(T a, T b) const { return a + b; } };
struct Most { template <typename T> __device__ T operator()(T a, T b) const { return b > a ? b : a; } };

#define MOST_THREADS 256
