#define SUM 0
#define MAX 1

DEVICE R nothing(unsigned how) { return how == SUM ? (R)0 : how == MAX ? -INF : INF; }

// A number that is none wins.
DEVICE R join(unsigned how, R a, R b) {
  if (how == SUM) return a + b;
  return (how == MAX ? b > a : b < a) || NAN_OF(b) ? b : a;
}

struct Joined {
  unsigned how;
  __device__ R operator()(R a, R b) const { return join(how, a, b); }
};

KERNEL fold_by_thread(R *y, unsigned count, const S *x, Walk kept, Walk folded, unsigned terms, unsigned how, R divisor) {
  unsigned inner = folded.length[folded.axes - 1];
  int stride = folded.stride[0][folded.axes - 1];
  EACH(i, count) {
    const S *from = x + place(kept, 0, i);
    R total = nothing(how);
    for (unsigned start = 0; start < terms; start += inner) {
      const S *run = from + place(folded, 0, start);
      for (unsigned j = 0; j < inner; j++) total = join(how, total, run[(int)j * stride]);
    }
    y[i] = total / divisor;
  }
}

// Result `i / parts`, and of its terms those of part `i % parts`.
KERNEL fold_by_block(R *y, unsigned count, const S *x, Walk kept, Walk folded, unsigned terms, unsigned how, R divisor, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned share = (terms + parts - 1) / parts, me = threadIdx.x;
  EACH_BLOCK(i, count) {
    const S *from = x + place(kept, 0, i / parts);
    unsigned first = i % parts * share, end = first + share < terms ? first + share : terms;
    R total = nothing(how);
    for (unsigned j = first + me; j < end; j += blockDim.x) total = join(how, total, from[place(folded, 0, j)]);
    total = block_fold(total, shared, Joined{how});
    if (me == 0) y[i] = total / divisor;
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

// Of two places the one with the better number, of equal ones the lower.
struct First {
  bool largest;
  const R *x;
  __device__ unsigned operator()(unsigned mine, unsigned other) const {
    bool lower = other < mine && !better(largest, x[mine], x[other]);
    return better(largest, x[other], x[mine]) || lower ? other : mine;
  }
};

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
    best = block_fold(best, places, First{largest != 0, x});
    if (me == 0) y[i] = best;
  }
}

KERNEL scatter(R *gx, unsigned count, const unsigned *places, const R *gy) { EACH(i, count) gx[places[i]] = gy[i]; }

// The position along an axis of what stands at a place.
KERNEL along(unsigned *y, unsigned count, const unsigned *places, unsigned stride, unsigned length) {
  EACH(i, count) y[i] = places[i] / stride % length;
}

// 0 of a number, nothing that is a number else.
KERNEL nothing_of(R *y, unsigned count, const S *x) { EACH(i, count) y[i] = (R)x[i] - (R)x[i]; }
