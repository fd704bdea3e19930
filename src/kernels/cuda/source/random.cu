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

KERNEL dropout(R *y, unsigned count, STREAMS, const R *x, unsigned plane, unsigned cut, R scale) {
  EACH(i, count) {
    unsigned number = i / plane;
    y[i] = word_at(STREAM(number), INDEX(number)) < cut ? (R)0 : x[i] * scale;
  }
}
