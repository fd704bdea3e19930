// A row of places for each plane, `padded` of them: those of its numbers, and what is beyond, which comes last.
KERNEL places(unsigned *order, unsigned count, unsigned padded) { EACH(i, count) order[i] = i % padded; }

// The larger number first, of equal ones the first; one that is none is the largest.
DEVICE bool before(const R *x, unsigned size, unsigned a, unsigned b) {
  if (a >= size || b >= size) return a < b;
  R p = x[a], q = x[b];
  bool no_p = NAN_OF(p), no_q = NAN_OF(q);
  if (no_p != no_q) return no_p;
  return no_p || p == q ? a < b : p > q;
}

// One step of a bitonic sort: places `step` apart are exchanged, within stretches of `stretch` up and down in turn.
KERNEL exchange(unsigned *order, unsigned count, const R *x, unsigned size, unsigned padded, unsigned step, unsigned stretch) {
  EACH(i, count) {
    unsigned plane = i / (padded / 2), within = i % (padded / 2);
    unsigned low = within / step * 2 * step + within % step;
    unsigned *a = order + plane * padded + low, *b = a + step;
    bool ascending = (low & stretch) == 0;
    if (before(x + plane * size, size, *b, *a) == ascending) {
      unsigned kept = *a;
      *a = *b;
      *b = kept;
    }
  }
}

#define WEIGHT(rank) pow(decay, (double)(rank)) * factor

KERNEL by_rank(R *y, unsigned count, const R *x, const unsigned *order, unsigned size, unsigned padded, double decay, double factor) {
  EACH(i, count) {
    unsigned plane = i / size, rank = i % size;
    y[i] = (R)(x[plane * size + order[plane * padded + rank]] * WEIGHT(rank));
  }
}

KERNEL shares_by_rank(R *gx, unsigned count, const R *gy, const unsigned *order, unsigned size, unsigned padded, double decay, double factor) {
  EACH(i, count) {
    unsigned plane = i / size, rank = i % size;
    gx[plane * size + order[plane * padded + rank]] = (R)(gy[plane] * WEIGHT(rank));
  }
}
