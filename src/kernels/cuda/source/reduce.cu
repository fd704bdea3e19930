#define SUM 0
#define MAX 1

DEVICE R nothing(unsigned how) { return how == SUM ? (R)0 : how == MAX ? -INF : INF; }

// A number that is none wins.
DEVICE R join(unsigned how, R a, R b) {
  if (how == SUM) return a + b;
  return (how == MAX ? b > a : b < a) || NAN_OF(b) ? b : a;
}

KERNEL fold_by_thread(R *y, unsigned count, const R *x, Walk kept, Walk folded, unsigned terms, unsigned how, R divisor) {
  unsigned inner = folded.length[folded.axes - 1];
  int stride = folded.stride[0][folded.axes - 1];
  EACH(i, count) {
    const R *from = x + place(kept, 0, i);
    R total = nothing(how);
    for (unsigned start = 0; start < terms; start += inner) {
      const R *run = from + place(folded, 0, start);
      for (unsigned j = 0; j < inner; j++) total = join(how, total, run[(int)j * stride]);
    }
    y[i] = total / divisor;
  }
}

// Result `i / parts`, and of its terms those of part `i % parts`.
KERNEL fold_by_block(R *y, unsigned count, const R *x, Walk kept, Walk folded, unsigned terms, unsigned how, R divisor, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned share = (terms + parts - 1) / parts, me = threadIdx.x;
  EACH_BLOCK(i, count) {
    const R *from = x + place(kept, 0, i / parts);
    unsigned first = i % parts * share, end = first + share < terms ? first + share : terms;
    R total = nothing(how);
    for (unsigned j = first + me; j < end; j += blockDim.x) total = join(how, total, from[place(folded, 0, j)]);
    shared[me] = total;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
      if (me < half) shared[me] = join(how, shared[me], shared[me + half]);
      __syncthreads();
    }
    if (me == 0) y[i] = shared[0] / divisor;
    __syncthreads();
  }
}

DEVICE bool better(bool largest, R a, R b) { return (largest ? a > b : a < b) || (NAN_OF(a) && !NAN_OF(b)); }

KERNEL first_by_thread(unsigned *y, unsigned count, const R *x, Walk kept, Walk folded, unsigned terms, unsigned largest) {
  unsigned inner = folded.length[folded.axes - 1];
  int stride = folded.stride[0][folded.axes - 1];
  EACH(i, count) {
    unsigned from = place(kept, 0, i), best = from;
    for (unsigned start = 0; start < terms; start += inner) {
      unsigned run = from + place(folded, 0, start);
      for (unsigned j = 0; j < inner; j++) {
        unsigned at = run + (int)j * stride;
        if (better(largest, x[at], x[best])) best = at;
      }
    }
    y[i] = best;
  }
}

// Terms are counted in the order of memory, so of equal ones the lower place is the first.
KERNEL first_by_block(unsigned *y, unsigned count, const R *x, Walk kept, Walk folded, unsigned terms, unsigned largest) {
  __shared__ unsigned places[MOST_THREADS];
  unsigned me = threadIdx.x;
  EACH_BLOCK(i, count) {
    unsigned from = place(kept, 0, i), best = from + place(folded, 0, me < terms ? me : 0);
    for (unsigned j = me; j < terms; j += blockDim.x) {
      unsigned at = from + place(folded, 0, j);
      if (better(largest, x[at], x[best])) best = at;
    }
    places[me] = best;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
      if (me < half) {
        unsigned mine = places[me], other = places[me + half];
        bool lower = other < mine && !better(largest, x[mine], x[other]);
        if (better(largest, x[other], x[mine]) || lower) places[me] = other;
      }
      __syncthreads();
    }
    if (me == 0) y[i] = places[0];
    __syncthreads();
  }
}

KERNEL scatter(R *gx, unsigned count, const unsigned *places, const R *gy) { EACH(i, count) gx[places[i]] = gy[i]; }

// The position along an axis of what stands at a place.
KERNEL along(unsigned *y, unsigned count, const unsigned *places, unsigned stride, unsigned length) {
  EACH(i, count) y[i] = places[i] / stride % length;
}

// 0 of a number, nothing that is a number else.
KERNEL nothing_of(R *y, unsigned count, const R *x) { EACH(i, count) y[i] = x[i] - x[i]; }
