#define WINDOW unsigned height, unsigned width, unsigned rows, unsigned columns, unsigned kh, unsigned kw, unsigned sh, unsigned sw, unsigned ph, unsigned pw

DEVICE unsigned before(unsigned a, unsigned b) { return a > b ? a - b : 0; }
DEVICE unsigned smaller(unsigned a, unsigned b) { return a < b ? a : b; }

// Of equal numbers the first; a number that is none wins.
DEVICE unsigned place_of_max(const R *x, unsigned top, unsigned bottom, unsigned left, unsigned right, unsigned width) {
  unsigned at = top * width + left;
  R best = x[at];
  for (unsigned row = top; row < bottom; row++)
    for (unsigned column = left; column < right; column++) {
      R v = x[row * width + column];
      if (v > best || NAN_OF(v)) {
        best = v;
        at = row * width + column;
      }
    }
  return at;
}

KERNEL max_pool(R *y, unsigned count, const R *x, WINDOW) {
  EACH(i, count) {
    unsigned column = i % columns, row = i / columns % rows;
    const R *plane = x + i / (columns * rows) * height * width;
    unsigned top = before(row * sh, ph), bottom = smaller(before(row * sh + kh, ph), height);
    unsigned left = before(column * sw, pw), right = smaller(before(column * sw + kw, pw), width);
    y[i] = plane[place_of_max(plane, top, bottom, left, right, width)];
  }
}

// The windows that a pixel lies in, from the first on.
DEVICE unsigned first_window(unsigned at, unsigned k, unsigned s, unsigned p) { return at + p < k ? 0 : (at + p - k) / s + 1; }
DEVICE unsigned windows(unsigned at, unsigned s, unsigned p, unsigned count) { return smaller((at + p) / s + 1, count); }

KERNEL max_grad(R *gx, unsigned count, const R *gy, const R *x, WINDOW) {
  EACH(i, count) {
    unsigned column = i % width, row = i / width % height, number = i / (width * height);
    const R *plane = x + number * height * width, *from = gy + number * rows * columns;
    R sum = (R)0;
    for (unsigned r = first_window(row, kh, sh, ph); r < windows(row, sh, ph, rows); r++)
      for (unsigned c = first_window(column, kw, sw, pw); c < windows(column, sw, pw, columns); c++) {
        unsigned top = before(r * sh, ph), bottom = smaller(before(r * sh + kh, ph), height);
        unsigned left = before(c * sw, pw), right = smaller(before(c * sw + kw, pw), width);
        if (place_of_max(plane, top, bottom, left, right, width) == row * width + column) sum += from[r * columns + c];
      }
    gx[i] = sum;
  }
}

// Pixels and padding of a window along an axis: what is divided by.
DEVICE unsigned held(unsigned window, unsigned k, unsigned s, unsigned p, unsigned length) {
  return smaller(window * s + k, length + 2 * p) - window * s;
}

KERNEL average_pool(R *y, unsigned count, const R *x, WINDOW) {
  EACH(i, count) {
    unsigned column = i % columns, row = i / columns % rows;
    const R *plane = x + i / (columns * rows) * height * width;
    unsigned top = before(row * sh, ph), bottom = smaller(before(row * sh + kh, ph), height);
    unsigned left = before(column * sw, pw), right = smaller(before(column * sw + kw, pw), width);
    R sum = (R)0;
    for (unsigned r = top; r < bottom; r++)
      for (unsigned c = left; c < right; c++) sum += plane[r * width + c];
    y[i] = sum / (R)(held(row, kh, sh, ph, height) * held(column, kw, sw, pw, width));
  }
}

KERNEL average_grad(R *gx, unsigned count, const R *gy, WINDOW) {
  EACH(i, count) {
    unsigned column = i % width, row = i / width % height;
    const R *from = gy + i / (width * height) * rows * columns;
    R sum = (R)0;
    for (unsigned r = first_window(row, kh, sh, ph); r < windows(row, sh, ph, rows); r++)
      for (unsigned c = first_window(column, kw, sw, pw); c < windows(column, sw, pw, columns); c++)
        sum += from[r * columns + c] / (R)(held(r, kh, sh, ph, height) * held(c, kw, sw, pw, width));
    gx[i] = sum;
  }
}

// Window `i` of `count` over `length` pixels goes from `start(i)` to `end(i)`.
DEVICE unsigned start(unsigned i, unsigned length, unsigned count) { return i * length / count; }
DEVICE unsigned end(unsigned i, unsigned length, unsigned count) { return ((i + 1) * length + count - 1) / count; }

KERNEL adaptive(R *y, unsigned count, const R *x, unsigned height, unsigned width, unsigned rows, unsigned columns) {
  EACH(i, count) {
    unsigned column = i % columns, row = i / columns % rows;
    const R *plane = x + i / (columns * rows) * height * width;
    unsigned top = start(row, height, rows), bottom = end(row, height, rows);
    unsigned left = start(column, width, columns), right = end(column, width, columns);
    R sum = (R)0;
    for (unsigned r = top; r < bottom; r++)
      for (unsigned c = left; c < right; c++) sum += plane[r * width + c];
    y[i] = sum / (R)((bottom - top) * (right - left));
  }
}

KERNEL adaptive_grad(R *gx, unsigned count, const R *gy, unsigned height, unsigned width, unsigned rows, unsigned columns) {
  EACH(i, count) {
    unsigned column = i % width, row = i / width % height;
    const R *from = gy + i / (width * height) * rows * columns;
    R sum = (R)0;
    // The first window that may reach a pixel, and on while windows begin before it.
    for (unsigned r = before(row * rows / height, 1); r < rows && start(r, height, rows) <= row; r++) {
      unsigned top = start(r, height, rows), bottom = end(r, height, rows);
      if (row >= bottom) continue;
      for (unsigned c = before(column * columns / width, 1); c < columns && start(c, width, columns) <= column; c++) {
        unsigned left = start(c, width, columns), right = end(c, width, columns);
        if (column < right) sum += from[r * columns + c] / (R)((bottom - top) * (right - left));
      }
    }
    gx[i] = sum;
  }
}
