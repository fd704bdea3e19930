// Row `r` belongs to sample `r % samples`, and each of its rows has numbers of its own.
#define STREAMS const unsigned *streams, unsigned samples, unsigned row
#define STREAM(i) (streams + 4 * ((i) / row % samples))
#define INDEX(i) ((unsigned long long)((i) / row / samples) * row + (i) % row)

KERNEL draw_real(R *y, unsigned count, STREAMS, unsigned which, double p) {
  EACH(i, count) {
    unsigned long long index = 2 * INDEX(i);
    double first = word_at(STREAM(i), index) / 4294967296.0, second = word_at(STREAM(i), index + 1) / 4294967296.0;
    double normal = sqrt(-2.0 * log(1.0 - first)) * cos(6.283185307179586 * second);
    y[i] = which == 0 ? (first < p ? (R)1 : (R)0) : which == 1 ? (R)first : (R)normal;
  }
}

DEVICE unsigned below(unsigned word, unsigned count) { return __umulhi(word, count); }

KERNEL draw_index(unsigned *y, unsigned count, STREAMS, unsigned classes) {
  EACH(i, count) y[i] = below(word_at(STREAM(i), INDEX(i)), classes);
}

KERNEL draw_class(unsigned *y, unsigned count, STREAMS, const R *tags, unsigned classes) {
  EACH(i, count) {
    const R *mine = tags + i * classes;
    unsigned present = 0, chosen = 255;
    for (unsigned k = 0; k < classes; k++) present += mine[k] > (R)0.5;
    unsigned left = below(word_at(STREAM(i), INDEX(i)), present);
    for (unsigned k = 0; k < classes; k++)
      if (mine[k] > (R)0.5 && left-- == 0) chosen = k;
    y[i] = present ? chosen : 255;
  }
}

// Numbers are counted as if maps were not packed, so that a number stays or goes however it lies.
KERNEL dropout(S *y, unsigned count, STREAMS, const S *x, unsigned plane, unsigned cut, R scale, unsigned pixels, unsigned step) {
  EACH(i, count) {
    Spot at = spot(i, 1, pixels, step);
    unsigned number = ((at.map * step + at.lane) * pixels + at.column) / plane;
    y[i] = word_at(STREAM(number), INDEX(number)) < cut ? (R)0 : (R)x[i] * scale;
  }
}
