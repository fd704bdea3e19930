// Turns each of a batch of matrices, by tiles that a block reads and writes in the order of memory.
#define SIDE 32

template <typename To, typename From> DEVICE void turn(To *y, unsigned count, const From *x, unsigned rows, unsigned columns) {
  __shared__ R tile[SIDE][SIDE + 1];
  unsigned across = (columns + SIDE - 1) / SIDE, down = (rows + SIDE - 1) / SIDE;
  EACH_BLOCK(i, count) {
    unsigned left = i % across * SIDE, top = i / across % down * SIDE, first = i / (across * down) * rows * columns;
    for (unsigned k = threadIdx.x; k < SIDE * SIDE; k += blockDim.x) {
      unsigned row = top + k / SIDE, column = left + k % SIDE;
      if (row < rows && column < columns) tile[k / SIDE][k % SIDE] = x[first + row * columns + column];
    }
    __syncthreads();
    for (unsigned k = threadIdx.x; k < SIDE * SIDE; k += blockDim.x) {
      unsigned row = top + k % SIDE, column = left + k / SIDE;
      if (row < rows && column < columns) y[first + column * rows + row] = tile[k % SIDE][k / SIDE];
    }
    __syncthreads();
  }
}

KERNEL pack(S *y, unsigned count, const R *x, unsigned rows, unsigned columns) { turn(y, count, x, rows, columns); }
KERNEL unpack(R *y, unsigned count, const S *x, unsigned rows, unsigned columns) { turn(y, count, x, rows, columns); }

// Where there is nothing to turn.
KERNEL narrow(S *y, unsigned count, const R *x) { EACH(i, count) y[i] = x[i]; }
KERNEL widen(R *y, unsigned count, const S *x) { EACH(i, count) y[i] = x[i]; }
