KERNEL grid(unsigned *y, unsigned count, const unsigned *chosen, unsigned height, unsigned width) {
  const unsigned sides[] = SIDES;
  EACH(i, count) {
    unsigned side = sides[chosen[i / (height * width)]], across = (width + side - 1) / side;
    y[i] = i / width % height / side * across + i % width / side;
  }
}

// The largest number of each picture, and one.
KERNEL patch_count(R *y, unsigned count, const unsigned *patches, unsigned area) {
  __shared__ unsigned shared[MOST_THREADS];
  EACH_BLOCK(i, count) {
    unsigned mine = 0;
    for (unsigned j = threadIdx.x; j < area; j += blockDim.x) mine = Most()(mine, patches[i * area + j] + 1);
    unsigned all = block_fold(mine, shared, Most());
    if (threadIdx.x == 0) y[i] = (R)all;
  }
}

// Whether each patch is drawn: by itself, or among the numbers from 0 to `last`, of which `p` are drawn and 0 is none.
KERNEL hide(R *y, unsigned count, const unsigned *streams, unsigned samples, const double *counts, unsigned most, unsigned replaced, double p) {
  EACH(i, count) {
    unsigned picture = i / most, patch = i % most, last = (unsigned)counts[picture];
    const unsigned *stream = streams + 4 * (picture % samples);
    unsigned long long again = (unsigned long long)(picture / samples) * 2 * (most > 1 ? most : 1);
    bool hidden = false;
    if (patch < last && !replaced) hidden = word_at(stream, again + patch) / 4294967296.0 < p;
    if (patch < last && replaced) {
      unsigned draws = (unsigned)((last + 1) * p);
      for (unsigned draw = 0; draw < draws && !hidden; draw++) hidden = __umulhi(word_at(stream, again + draw), last + 1) == patch + 1;
    }
    y[i] = hidden ? (R)1 : (R)0;
  }
}
