// A channel's numbers are counted sample by sample: number `j` of channel `c`.
DEVICE unsigned number(unsigned c, unsigned j, unsigned channels, unsigned plane) { return (j / plane * channels + c) * plane + j % plane; }

// Sums of differences from the channel's first number, and of their squares, of part `i % parts` of channel `i / parts`.
KERNEL stats(R *y, unsigned count, const S *x, unsigned batch, unsigned channels, unsigned plane, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned all = batch * plane, share = (all + parts - 1) / parts;
  EACH_BLOCK(i, count) {
    unsigned c = i / parts, first = i % parts * share, end = first + share < all ? first + share : all;
    R origin = x[c * plane], sum = (R)0, squares = (R)0;
    for (unsigned j = first + threadIdx.x; j < end; j += blockDim.x) {
      R apart = (R)x[number(c, j, channels, plane)] - origin;
      sum += apart;
      squares += apart * apart;
    }
    sum = block_fold(sum, shared, Sum());
    squares = block_fold(squares, shared, Sum());
    if (threadIdx.x == 0) {
      y[i] = sum;
      y[count + i] = squares;
    }
  }
}

// Of packed maps a block takes so many channels together: rows of threads go over the pixels, each thread of a row has a channel.
#define LANES 32
DEVICE unsigned lanes() { return blockDim.x / 2 < LANES ? blockDim.x / 2 : LANES; }

// What the threads of one channel have, added up and told to all of them.
DEVICE R fold_rows(R mine, R *shared) {
  unsigned me = threadIdx.x;
  shared[me] = mine;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half >= lanes(); half /= 2) {
    if (me < half) shared[me] += shared[me + half];
    __syncthreads();
  }
  R all = shared[me % lanes()];
  __syncthreads();
  return all;
}

// As `stats`, of `[pixels, channels]`; block `i` takes part `i % parts` of channels `i / parts * LANES` and on.
KERNEL stats_by_pixel(R *y, unsigned count, const S *x, unsigned pixels, unsigned channels, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned share = (pixels + parts - 1) / parts, rows = blockDim.x / lanes();
  EACH_BLOCK(i, count) {
    unsigned part = i % parts, first = part * share, end = first + share < pixels ? first + share : pixels;
    for (unsigned lane = 0; lane < LANES; lane += lanes()) {
      unsigned c = i / parts * LANES + lane + threadIdx.x % lanes();
      R sum = (R)0, squares = (R)0;
      if (c < channels) {
        R origin = x[c];
        for (unsigned j = first + threadIdx.x / lanes(); j < end; j += rows) {
          R apart = (R)x[j * channels + c] - origin;
          sum += apart;
          squares += apart * apart;
        }
      }
      sum = fold_rows(sum, shared);
      squares = fold_rows(squares, shared);
      if (c < channels && threadIdx.x < lanes()) {
        y[c * parts + part] = sum;
        y[(channels + c) * parts + part] = squares;
      }
    }
  }
}

// As `affine`, in the same way.
KERNEL affine_by_pixel(R *y, unsigned count, const S *gy, const S *x, const R *mean, unsigned pixels, unsigned channels, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned share = (pixels + parts - 1) / parts, rows = blockDim.x / lanes();
  EACH_BLOCK(i, count) {
    unsigned part = i % parts, first = part * share, end = first + share < pixels ? first + share : pixels;
    for (unsigned lane = 0; lane < LANES; lane += lanes()) {
      unsigned c = i / parts * LANES + lane + threadIdx.x % lanes();
      R products = (R)0, sum = (R)0;
      if (c < channels)
        for (unsigned j = first + threadIdx.x / lanes(); j < end; j += rows) {
          R g = gy[j * channels + c];
          products += g * ((R)x[j * channels + c] - mean[c]);
          sum += g;
        }
      products = fold_rows(products, shared);
      sum = fold_rows(sum, shared);
      if (c < channels && threadIdx.x < lanes()) {
        y[c * parts + part] = products;
        y[(channels + c) * parts + part] = sum;
      }
    }
  }
}

// Means, then variances.
KERNEL stats_of_parts(R *y, unsigned count, const R *sums, const S *x, unsigned batch, unsigned channels, unsigned plane, unsigned parts) {
  EACH(i, count) {
    unsigned c = i % channels;
    double sum = 0, squares = 0, all = (double)batch * plane;
    for (unsigned part = 0; part < parts; part++) {
      sum += sums[c * parts + part];
      squares += sums[(channels + c) * parts + part];
    }
    double shift = sum / all, variance = squares / all - shift * shift;
    y[i] = i < channels ? (R)((double)(R)x[c * plane] + shift) : (R)(variance > 0 ? variance : 0);
  }
}

KERNEL affine(R *y, unsigned count, const S *gy, const S *x, const R *mean, unsigned batch, unsigned channels, unsigned plane, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned all = batch * plane, share = (all + parts - 1) / parts;
  EACH_BLOCK(i, count) {
    unsigned c = i / parts, first = i % parts * share, end = first + share < all ? first + share : all;
    R products = (R)0, sum = (R)0;
    for (unsigned j = first + threadIdx.x; j < end; j += blockDim.x) {
      unsigned at = number(c, j, channels, plane);
      R g = gy[at];
      products += g * ((R)x[at] - mean[c]);
      sum += g;
    }
    products = block_fold(products, shared, Sum());
    sum = block_fold(sum, shared, Sum());
    if (threadIdx.x == 0) {
      y[i] = products;
      y[count + i] = sum;
    }
  }
}

// The gradient of the weights, then that of the biases.
KERNEL affine_of_parts(R *y, unsigned count, const R *sums, const R *var, R eps, unsigned channels, unsigned parts) {
  EACH(i, count) {
    double sum = 0;
    for (unsigned part = 0; part < parts; part++) sum += sums[i * parts + part];
    y[i] = i < channels ? (R)(sum / sqrt((double)var[i] + (double)eps)) : (R)sum;
  }
}

#ifndef WIDTH
#define WIDTH 1
#endif
typedef Several<WIDTH> Some;

KERNEL grad_batch(Some *gx, unsigned count, const Some *gy, const Some *x, const R *stats, const R *affine, const R *weight, R eps, unsigned batch,
                  unsigned channels, unsigned plane, unsigned parts) {
  R all = (R)batch * (R)plane;
  EACH(i, count) {
    Some g = gy[i], there = x[i];
    unsigned first = i * WIDTH / plane % channels;
    for (unsigned k = 0; k < WIDTH; k++) {
      unsigned c = first + (plane == 1 ? k : 0);
      R plain = (R)1 / sqrt(stats[channels + c] + eps), scale = weight ? weight[c] * plain : plain;
      R level = affine[channels + c] / all, slope = plain * affine[c] / all;
      g.at[k] = ((R)g.at[k] - level - ((R)there.at[k] - stats[c]) * slope) * scale;
    }
    gx[i] = g;
  }
}
