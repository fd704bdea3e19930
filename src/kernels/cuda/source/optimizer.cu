DEVICE R *at_address(const unsigned *words) { return (R *)((unsigned long long)words[1] << 32 | words[0]); }

// A block takes a chunk: of which tensor, and from where on. A tensor has three addresses of two words each, and its length.
KERNEL update(R *, unsigned count, const unsigned *tensors, const unsigned *chunks, const double *numbers, unsigned chunk) {
  EACH_BLOCK(i, count) {
    unsigned tensor = chunks[2 * i], start = chunks[2 * i + 1];
    const unsigned *mine = tensors + 7 * tensor;
    R *target = at_address(mine);
    const R *left = at_address(mine + 2), *right = at_address(mine + 4);
    R n[KEPT + 1];
    for (unsigned k = 0; k < KEPT; k++) n[k] = (R)numbers[KEPT * tensor + k];
    unsigned end = mine[6] - start < chunk ? mine[6] : start + chunk;
    for (unsigned j = start + threadIdx.x; j < end; j += blockDim.x) {
      R t = target[j], a = left[j], b = right[j];
      target[j] = RULE;
    }
  }
}
