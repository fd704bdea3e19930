#define LOG 1

KERNEL softmax_by_thread(R *y, unsigned count, const R *x, unsigned length, unsigned inner, unsigned which) {
  EACH(i, count) {
    unsigned first = i / inner * length * inner + i % inner;
    R most = -INF, total = (R)0;
    for (unsigned k = 0; k < length; k++) most = x[first + k * inner] > most ? x[first + k * inner] : most;
    for (unsigned k = 0; k < length; k++) total += exp(x[first + k * inner] - most);
    R rest = log(total), scale = (R)1 / total;
    for (unsigned k = 0; k < length; k++) {
      R apart = x[first + k * inner] - most;
      y[first + k * inner] = which == LOG ? apart - rest : exp(apart) * scale;
    }
  }
}

KERNEL softmax_by_block(R *y, unsigned count, const R *x, unsigned length, unsigned inner, unsigned which) {
  __shared__ R shared[MOST_THREADS];
  EACH_BLOCK(i, count) {
    unsigned first = i / inner * length * inner + i % inner;
    R most = -INF, total = (R)0;
    for (unsigned k = threadIdx.x; k < length; k += blockDim.x) most = x[first + k * inner] > most ? x[first + k * inner] : most;
    most = block_fold(most, shared, Most());
    for (unsigned k = threadIdx.x; k < length; k += blockDim.x) total += exp(x[first + k * inner] - most);
    total = block_fold(total, shared, Sum());
    R rest = log(total), scale = (R)1 / total;
    for (unsigned k = threadIdx.x; k < length; k += blockDim.x) {
      R apart = x[first + k * inner] - most;
      y[first + k * inner] = which == LOG ? apart - rest : exp(apart) * scale;
    }
  }
}

DEVICE R term(unsigned which, R g, R y) { return which == LOG ? g : g * y; }
DEVICE R gradient(unsigned which, R g, R y, R sum) { return which == LOG ? g - exp(y) * sum : y * (g - sum); }

KERNEL gradient_by_thread(R *gx, unsigned count, const R *gy, const R *y, unsigned length, unsigned inner, unsigned which) {
  EACH(i, count) {
    unsigned first = i / inner * length * inner + i % inner;
    R sum = (R)0;
    for (unsigned k = 0; k < length; k++) sum += term(which, gy[first + k * inner], y[first + k * inner]);
    for (unsigned k = 0; k < length; k++) {
      unsigned at = first + k * inner;
      gx[at] = gradient(which, gy[at], y[at], sum);
    }
  }
}

KERNEL gradient_by_block(R *gx, unsigned count, const R *gy, const R *y, unsigned length, unsigned inner, unsigned which) {
  __shared__ R shared[MOST_THREADS];
  EACH_BLOCK(i, count) {
    unsigned first = i / inner * length * inner + i % inner;
    R sum = (R)0;
    for (unsigned k = threadIdx.x; k < length; k += blockDim.x) sum += term(which, gy[first + k * inner], y[first + k * inner]);
    sum = block_fold(sum, shared, Sum());
    for (unsigned k = threadIdx.x; k < length; k += blockDim.x) {
      unsigned at = first + k * inner;
      gx[at] = gradient(which, gy[at], y[at], sum);
    }
  }
}
