// A channel's numbers are counted sample by sample: number `j` of channel `c`.
DEVICE unsigned number(unsigned c, unsigned j, unsigned channels, unsigned plane) { return (j / plane * channels + c) * plane + j % plane; }

// Sums of differences from the channel's first number, and of their squares, of part `i % parts` of channel `i / parts`.
KERNEL stats(R *y, unsigned count, const R *x, unsigned batch, unsigned channels, unsigned plane, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned all = batch * plane, share = (all + parts - 1) / parts;
  EACH_BLOCK(i, count) {
    unsigned c = i / parts, first = i % parts * share, end = first + share < all ? first + share : all;
    R origin = x[c * plane], sum = (R)0, squares = (R)0;
    for (unsigned j = first + threadIdx.x; j < end; j += blockDim.x) {
      R apart = x[number(c, j, channels, plane)] - origin;
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

// Means, then variances.
KERNEL stats_of_parts(R *y, unsigned count, const R *sums, const R *x, unsigned batch, unsigned channels, unsigned plane, unsigned parts) {
  EACH(i, count) {
    unsigned c = i % channels;
    double sum = 0, squares = 0, all = (double)batch * plane;
    for (unsigned part = 0; part < parts; part++) {
      sum += sums[c * parts + part];
      squares += sums[(channels + c) * parts + part];
    }
    double shift = sum / all, variance = squares / all - shift * shift;
    y[i] = i < channels ? (R)(x[c * plane] + shift) : (R)(variance > 0 ? variance : 0);
  }
}

KERNEL affine(R *y, unsigned count, const R *gy, const R *x, const R *mean, unsigned batch, unsigned channels, unsigned plane, unsigned parts) {
  __shared__ R shared[MOST_THREADS];
  unsigned all = batch * plane, share = (all + parts - 1) / parts;
  EACH_BLOCK(i, count) {
    unsigned c = i / parts, first = i % parts * share, end = first + share < all ? first + share : all;
    R products = (R)0, sum = (R)0;
    for (unsigned j = first + threadIdx.x; j < end; j += blockDim.x) {
      unsigned at = number(c, j, channels, plane);
      products += gy[at] * (x[at] - mean[c]);
      sum += gy[at];
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

KERNEL grad_batch(R *gx, unsigned count, const R *gy, const R *x, const R *stats, const R *affine, const R *weight, R eps, unsigned batch,
                  unsigned channels, unsigned plane, unsigned parts) {
  R all = (R)batch * (R)plane;
  EACH(i, count) {
    unsigned c = i / plane % channels;
    R plain = (R)1 / sqrt(stats[channels + c] + eps), scale = weight ? weight[c] * plain : plain;
    R level = affine[channels + c] / all, slope = plain * affine[c] / all;
    gx[i] = (gy[i] - level - (x[i] - stats[c]) * slope) * scale;
  }
}
