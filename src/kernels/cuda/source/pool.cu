#define WINDOW unsigned height, unsigned width, unsigned rows, unsigned columns, unsigned kh, unsigned kw, unsigned sh, unsigned sw, unsigned ph, unsigned pw, unsigned step

DEVICE unsigned before(unsigned a, unsigned b) { return a > b ? a - b : 0; }
DEVICE unsigned smaller(unsigned a, unsigned b) { return a < b ? a : b; }

// Of equal numbers the first; a number that is none wins.
DEVICE unsigned place_of_max(const S *x, unsigned top, unsigned bottom, unsigned left, unsigned right, unsigned width, unsigned step) {
  unsigned at = top * width + left;
  R best = x[at * step];
  for (unsigned row = top; row < bottom; row++)
    for (unsigned column = left; column < right; column++) {
      R v = x[(row * width + column) * step];
      if (v > best || NAN_OF(v)) {
        best = v;
        at = row * width + column;
      }
    }
  return at;
}

KERNEL max_pool(S *y, unsigned count, const S *x, WINDOW) {
  EACH(i, count) {
    Spot at = spot(i, rows, columns, step);
    unsigned row = at.row, column = at.column;
    const S *plane = x + origin(at, height * width, step);
    unsigned top = before(row * sh, ph), bottom = smaller(before(row * sh + kh, ph), height);
    unsigned left = before(column * sw, pw), right = smaller(before(column * sw + kw, pw), width);
    y[i] = plane[place_of_max(plane, top, bottom, left, right, width, step) * step];
  }
}

// The windows that a pixel lies in, from the first on.
DEVICE unsigned first_window(unsigned at, unsigned k, unsigned s, unsigned p) { return at + p < k ? 0 : (at + p - k) / s + 1; }
DEVICE unsigned windows(unsigned at, unsigned s, unsigned p, unsigned count) { return smaller((at + p) / s + 1, count); }

KERNEL max_grad(S *gx, unsigned count, const S *gy, const S *x, WINDOW) {
  EACH(i, count) {
    Spot at = spot(i, height, width, step);
    unsigned row = at.row, column = at.column;
    const S *plane = x + origin(at, height * width, step), *from = gy + origin(at, rows * columns, step);
    R sum = (R)0;
    for (unsigned r = first_window(row, kh, sh, ph); r < windows(row, sh, ph, rows); r++)
      for (unsigned c = first_window(column, kw, sw, pw); c < windows(column, sw, pw, columns); c++) {
        unsigned top = before(r * sh, ph), bottom = smaller(before(r * sh + kh, ph), height);
        unsigned left = before(c * sw, pw), right = smaller(before(c * sw + kw, pw), width);
        if (place_of_max(plane, top, bottom, left, right, width, step) == row * width + column) sum += (R)from[(r * columns + c) * step];
      }
    gx[i] = sum;
  }
}

// Pixels and padding of a window along an axis: what is divided by.
DEVICE unsigned held(unsigned window, unsigned k, unsigned s, unsigned p, unsigned length) {
  return smaller(window * s + k, length + 2 * p) - window * s;
}

KERNEL average_pool(S *y, unsigned count, const S *x, WINDOW) {
  EACH(i, count) {
    Spot at = spot(i, rows, columns, step);
    unsigned row = at.row, column = at.column;
    const S *plane = x + origin(at, height * width, step);
    unsigned top = before(row * sh, ph), bottom = smaller(before(row * sh + kh, ph), height);
    unsigned left = before(column * sw, pw), right = smaller(before(column * sw + kw, pw), width);
    R sum = (R)0;
    for (unsigned r = top; r < bottom; r++)
      for (unsigned c = left; c < right; c++) sum += (R)plane[(r * width + c) * step];
    y[i] = sum / (R)(held(row, kh, sh, ph, height) * held(column, kw, sw, pw, width));
  }
}

KERNEL average_grad(S *gx, unsigned count, const S *gy, WINDOW) {
  EACH(i, count) {
    Spot at = spot(i, height, width, step);
    unsigned row = at.row, column = at.column;
    const S *from = gy + origin(at, rows * columns, step);
    R sum = (R)0;
    for (unsigned r = first_window(row, kh, sh, ph); r < windows(row, sh, ph, rows); r++)
      for (unsigned c = first_window(column, kw, sw, pw); c < windows(column, sw, pw, columns); c++)
        sum += (R)from[(r * columns + c) * step] / (R)(held(r, kh, sh, ph, height) * held(c, kw, sw, pw, width));
    gx[i] = sum;
  }
}

// Window `i` of `count` over `length` pixels goes from `start(i)` to `end(i)`.
DEVICE unsigned start(unsigned i, unsigned length, unsigned count) { return i * length / count; }
DEVICE unsigned end(unsigned i, unsigned length, unsigned count) { return ((i + 1) * length + count - 1) / count; }

KERNEL adaptive(S *y, unsigned count, const S *x, unsigned height, unsigned width, unsigned rows, unsigned columns, unsigned step) {
  EACH(i, count) {
    Spot at = spot(i, rows, columns, step);
    unsigned row = at.row, column = at.column;
    const S *plane = x + origin(at, height * width, step);
    unsigned top = start(row, height, rows), bottom = end(row, height, rows);
    unsigned left = start(column, width, columns), right = end(column, width, columns);
    R sum = (R)0;
    for (unsigned r = top; r < bottom; r++)
      for (unsigned c = left; c < right; c++) sum += (R)plane[(r * width + c) * step];
    y[i] = sum / (R)((bottom - top) * (right - left));
  }
}

KERNEL adaptive_grad(S *gx, unsigned count, const S *gy, unsigned height, unsigned width, unsigned rows, unsigned columns, unsigned step) {
  EACH(i, count) {
    Spot at = spot(i, height, width, step);
    unsigned row = at.row, column = at.column;
    const S *from = gy + origin(at, rows * columns, step);
    R sum = (R)0;
    // The first window that may reach a pixel, and on while windows begin before it.
    for (unsigned r = before(row * rows / height, 1); r < rows && start(r, height, rows) <= row; r++) {
      unsigned top = start(r, height, rows), bottom = end(r, height, rows);
      if (row >= bottom) continue;
      for (unsigned c = before(column * columns / width, 1); c < columns && start(c, width, columns) <= column; c++) {
        unsigned left = start(c, width, columns), right = end(c, width, columns);
        if (column < right) sum += (R)from[(r * columns + c) * step] / (R)((bottom - top) * (right - left));
      }
    }
    gx[i] = sum;
  }
}
