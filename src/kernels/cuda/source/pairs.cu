// Whether pixel (y, x) has a second one a step away.
DEVICE bool is_source(int y, int x, int dy, int dx, int height, int width) {
  if (ALL) return y + dy < height && x + dx >= 0 && x + dx < width;
  return y < height - REACH && x >= REACH && x < width - REACH;
}

DEVICE R sign(R x) { return x > (R)0 ? (R)1 : x < (R)0 ? (R)-1 : (R)0; }

KERNEL table(R *y, unsigned count, const R *x, const R *v, unsigned channels, unsigned height, unsigned width, unsigned plain) {
  const int down[] = DOWN, right[] = RIGHT;
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height, p = i / area % PAIRS;
    if (!is_source(row, column, down[p], right[p], height, width)) {
      y[i] = (R)0;
      continue;
    }
    unsigned from = i / (area * PAIRS) * channels * area + row * width + column;
    int to = down[p] * (int)width + right[p];
    R sum = (R)0;
    for (unsigned c = 0; c < channels; c++, from += area) sum += sign(x[from] - x[from + to]) * (v[from] - v[from + to]);
    sum /= (R)channels;
    y[i] = plain ? sum : exp(-sum);
  }
}

// Each feature asks the pairs it is the first of, then those it is the second of.
KERNEL distance_grad(R *gx, unsigned count, const R *g, const R *x, unsigned channels, unsigned height, unsigned width) {
  const int down[] = DOWN, right[] = RIGHT;
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height;
    const R *pairs = g + i / (area * channels) * PAIRS * area;
    R sum = (R)0;
    for (int p = 0; p < PAIRS; p++) {
      int dy = down[p], dx = right[p], to = dy * (int)width + dx, at = row * width + column;
      if (is_source(row, column, dy, dx, height, width)) sum += pairs[p * area + at] * sign(x[i] - x[i + to]);
      int y = row - dy, z = column - dx;
      if (y >= 0 && z >= 0 && z < (int)width && is_source(y, z, dy, dx, height, width))
        sum -= pairs[p * area + at - to] * sign(x[i - to] - x[i]);
    }
    gx[i] = sum / (R)channels;
  }
}

// Where the largest number on the way from a pixel stands, of equal ones the first in the order of rows.
DEVICE unsigned highest(const R *edge, unsigned from, int dy, int dx, int width) {
  unsigned best = from;
  for (int y = 0; y <= dy; y++)
    for (int x = dx < 0 ? dx : 0; x <= (dx > 0 ? dx : 0); x++) {
      // The distance from the line, times its length.
      int apart = dy * x - dx * y;
      unsigned at = from + y * width + x;
      if (apart * apart < dy * dy + dx * dx && edge[at] > edge[best]) best = at;
    }
  return best;
}

KERNEL path(R *y, unsigned count, const R *edge, const R *v, unsigned height, unsigned width, unsigned plain) {
  const int down[] = DOWN, right[] = RIGHT;
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height, p = i / area % PAIRS;
    unsigned picture = i / (area * PAIRS) * area;
    if (!is_source(row, column, down[p], right[p], height, width)) {
      y[i] = (R)0;
      continue;
    }
    R most = v[picture + highest(edge + picture, row * width + column, down[p], right[p], width)];
    y[i] = plain ? most : (R)1 - most;
  }
}

// Each pixel asks the pairs on whose way it lies.
KERNEL path_grad(R *gx, unsigned count, const R *g, const R *edge, unsigned height, unsigned width) {
  const int down[] = DOWN, right[] = RIGHT;
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height;
    unsigned picture = i / area, here = row * width + column;
    R sum = (R)0;
    for (int p = 0; p < PAIRS; p++) {
      int dy = down[p], dx = right[p];
      for (int a = 0; a <= dy; a++)
        for (int b = dx < 0 ? dx : 0; b <= (dx > 0 ? dx : 0); b++) {
          int apart = dy * b - dx * a, y = row - a, x = column - b;
          if (apart * apart >= dy * dy + dx * dx || y < 0 || x < 0 || x >= (int)width || !is_source(y, x, dy, dx, height, width)) continue;
          unsigned from = y * width + x;
          if (highest(edge + picture * area, from, dy, dx, width) == here) sum += g[(picture * PAIRS + p) * area + from];
        }
    }
    gx[i] = sum;
  }
}

// How the labels of a pair stand: 0 both background, 1 both the same other class, 2 two classes; 255 is not known.
KERNEL relation(R *y, unsigned count, const unsigned *labels, unsigned height, unsigned width, unsigned wanted) {
  const int down[] = DOWN, right[] = RIGHT;
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height, p = i / area % PAIRS;
    y[i] = (R)0;
    if (!is_source(row, column, down[p], right[p], height, width)) continue;
    unsigned from = i / (area * PAIRS) * area + row * width + column;
    unsigned a = labels[from], b = labels[from + down[p] * (int)width + right[p]];
    bool holds = wanted == 0 ? a == 0 && b == 0 : wanted == 1 ? a == b && a != 0 : a != b;
    if (holds && a != 255 && b != 255) y[i] = (R)1;
  }
}
