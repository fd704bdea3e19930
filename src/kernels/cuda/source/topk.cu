typedef unsigned long long Key;

// A whole number that grows with the number; one that is none is the largest.
DEVICE Key key_of(float x) {
  union { float number; unsigned bits; } both;
  both.number = x == 0 ? 0 : x;
  if (NAN_OF(x)) return 0xFFFFFFFFu;
  return both.bits & 0x80000000u ? ~both.bits : both.bits | 0x80000000u;
}
DEVICE Key key_of(double x) {
  union { double number; Key bits; } both;
  both.number = x == 0 ? 0 : x;
  if (NAN_OF(x)) return ~0ull;
  return both.bits >> 63 ? ~both.bits : both.bits | 1ull << 63;
}

DEVICE Key least_of(const unsigned *least, unsigned sample) { return (Key)least[2 * sample + 1] << 32 | least[2 * sample]; }

// `COUNTED` is asked of each number `j` of a part of a sample.
#define COUNT(name, COUNTED)                                                                                                             \
  KERNEL name(unsigned *y, unsigned count, const R *x, const unsigned *least, const unsigned *cut, unsigned size, unsigned parts,       \
              unsigned bit) {                                                                                                            \
    __shared__ unsigned shared[MOST_THREADS];                                                                                            \
    unsigned share = (size + parts - 1) / parts;                                                                                         \
    EACH_BLOCK(i, count) {                                                                                                               \
      unsigned sample = i / parts, first = i % parts * share, end = first + share < size ? first + share : size, mine = 0;               \
      Key known = least_of(least, sample);                                                                                               \
      const R *numbers = x + sample * size;                                                                                              \
      for (unsigned j = first + threadIdx.x; j < end; j += blockDim.x) mine += COUNTED;                                                  \
      unsigned all = block_fold(mine, shared, Sum());                                                                                          \
      if (threadIdx.x == 0) y[i] = all;                                                                                                  \
    }                                                                                                                                    \
  }

COUNT(count_large, key_of(numbers[j]) >= (known | 1ull << bit))
COUNT(count_above, key_of(numbers[j]) > known)
COUNT(count_equal, key_of(numbers[j]) == known && j < cut[sample] + (1u << bit))

DEVICE unsigned total(const unsigned *counts, unsigned sample, unsigned parts) {
  unsigned sum = 0;
  for (unsigned part = 0; part < parts; part++) sum += counts[sample * parts + part];
  return sum;
}

KERNEL take_bit(unsigned *least, unsigned count, const unsigned *counts, unsigned parts, unsigned bit, unsigned k) {
  EACH(i, count) if (total(counts, i, parts) >= k) least[2 * i + bit / 32] |= 1u << bit % 32;
}

KERNEL wanted(unsigned *y, unsigned count, const unsigned *above, unsigned parts, unsigned k) { EACH(i, count) y[i] = k - total(above, i, parts); }

// `cut` ends at the place of the last one that counts.
KERNEL move_on(unsigned *cut, unsigned count, const unsigned *counts, const unsigned *wanted, unsigned parts, unsigned bit) {
  EACH(i, count) if (total(counts, i, parts) < wanted[i]) cut[i] += 1u << bit;
}

DEVICE bool is_chosen(const R *x, const unsigned *least, const unsigned *cut, unsigned i, unsigned size) {
  Key key = key_of(x[i]), known = least_of(least, i / size);
  return key > known || (key == known && i % size <= cut[i / size]);
}

KERNEL weighed(R *y, unsigned count, const R *x, const unsigned *least, const unsigned *cut, unsigned size, R share) {
  EACH(i, count) y[i] = is_chosen(x, least, cut, i, size) ? x[i] * share : (R)0;
}

KERNEL shares(R *y, unsigned count, const R *x, const unsigned *least, const unsigned *cut, const R *gy, unsigned size, R k) {
  EACH(i, count) y[i] = is_chosen(x, least, cut, i, size) ? (gy ? gy[i / size] / k : (R)1) : (R)0;
}
