// The two pixels that place `at` lies between, and the weight of the second.
struct Tap { unsigned first, second; R weight; };

DEVICE Tap tap(unsigned at, double scale, double shift, unsigned length) {
  double source = scale * at + shift;
  source = source > 0 ? source : 0;
  Tap t;
  t.first = (unsigned)source < length - 1 ? (unsigned)source : length - 1;
  t.second = t.first + 1 < length ? t.first + 1 : length - 1;
  double weight = source - t.first;
  t.weight = (R)(weight < 0 ? 0 : weight > 1 ? 1 : weight);
  return t;
}

// What pixel `at` weighs for that place.
DEVICE R weight_of(unsigned at, Tap t) {
  if (t.first == t.second) return at == t.first ? (R)1 : (R)0;
  return at == t.first ? (R)1 - t.weight : at == t.second ? t.weight : (R)0;
}

// The places that may read pixel `at`: those that lie less than 1 away, and a little more for what rounding does.
DEVICE unsigned first_reader(unsigned at, double scale, double shift) {
  if (scale == 0 || at == 0) return 0;
  double from = (at - 1.0 - shift) / scale - 1;
  return from > 0 ? (unsigned)from : 0;
}
DEVICE unsigned after_reader(unsigned at, double scale, double shift, unsigned length, unsigned count) {
  if (scale == 0 || at == length - 1) return count;
  double to = (at + 1.0 - shift) / scale + 2;
  return to < count ? (unsigned)to : count;
}

#define SIZES unsigned height, unsigned width, unsigned rows, unsigned columns, unsigned step
#define LINES double down, double down_shift, double across, double across_shift

KERNEL bilinear(S *y, unsigned count, const S *x, SIZES, LINES) {
  EACH(i, count) {
    Spot at = spot(i, rows, columns, step);
    const S *plane = x + origin(at, height * width, step);
    Tap r = tap(at.row, down, down_shift, height), c = tap(at.column, across, across_shift, width);
    const S *upper = plane + r.first * width * step, *lower = plane + r.second * width * step;
    R above = ((R)1 - c.weight) * (R)upper[c.first * step] + c.weight * (R)upper[c.second * step];
    R below = ((R)1 - c.weight) * (R)lower[c.first * step] + c.weight * (R)lower[c.second * step];
    y[i] = ((R)1 - r.weight) * above + r.weight * below;
  }
}

KERNEL bilinear_grad(S *gx, unsigned count, const S *gy, SIZES, LINES) {
  EACH(i, count) {
    Spot at = spot(i, height, width, step);
    unsigned row = at.row, column = at.column;
    const S *plane = gy + origin(at, rows * columns, step);
    unsigned left = first_reader(column, across, across_shift), right = after_reader(column, across, across_shift, width, columns);
    unsigned bottom = after_reader(row, down, down_shift, height, rows);
    R sum = (R)0;
    for (unsigned r = first_reader(row, down, down_shift); r < bottom; r++) {
      R share = weight_of(row, tap(r, down, down_shift, height));
      if (share == (R)0) continue;
      R line = (R)0;
      for (unsigned c = left; c < right; c++) line += weight_of(column, tap(c, across, across_shift, width)) * (R)plane[(r * columns + c) * step];
      sum += share * line;
    }
    gx[i] = sum;
  }
}

DEVICE unsigned nearest_to(unsigned at, double factor, unsigned length, unsigned count) {
  unsigned source = factor > 0 ? (unsigned)(at / factor) : (unsigned)((unsigned long long)at * length / count);
  return source < length ? source : length - 1;
}

KERNEL nearest(S *y, unsigned count, const S *x, SIZES, double vertical, double horizontal) {
  EACH(i, count) {
    Spot at = spot(i, rows, columns, step);
    unsigned row = nearest_to(at.row, vertical, height, rows), column = nearest_to(at.column, horizontal, width, columns);
    y[i] = x[origin(at, height * width, step) + (row * width + column) * step];
  }
}

// The first place whose pixel is not before `at`: pixels go up with places.
DEVICE unsigned first_at(unsigned at, double factor, unsigned length, unsigned count) {
  unsigned low = 0, high = count;
  while (low < high) {
    unsigned middle = (low + high) / 2;
    if (nearest_to(middle, factor, length, count) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

KERNEL nearest_grad(S *gx, unsigned count, const S *gy, SIZES, double vertical, double horizontal) {
  EACH(i, count) {
    Spot at = spot(i, height, width, step);
    unsigned row = at.row, column = at.column;
    const S *plane = gy + origin(at, rows * columns, step);
    unsigned top = first_at(row, vertical, height, rows), bottom = first_at(row + 1, vertical, height, rows);
    unsigned left = first_at(column, horizontal, width, columns), right = first_at(column + 1, horizontal, width, columns);
    R sum = (R)0;
    for (unsigned r = top; r < bottom; r++)
      for (unsigned c = left; c < right; c++) sum += (R)plane[(r * columns + c) * step];
    gx[i] = sum;
  }
}
