KERNEL one_hot(R *y, unsigned count, const unsigned *index, unsigned classes, unsigned inner) {
  EACH(i, count) {
    unsigned k = i / inner % classes;
    y[i] = index[i / (inner * classes) * inner + i % inner] == k ? (R)1 : (R)0;
  }
}

KERNEL gather(R *y, unsigned count, const R *x, const unsigned *index, unsigned length, unsigned pointers, unsigned inner) {
  EACH(i, count) {
    unsigned pointer = index[i];
    y[i] = pointer < length ? x[(i / (pointers * inner) * length + pointer) * inner + i % inner] : (R)0;
  }
}

// Each number asks the pointers of its line whether they read it.
KERNEL gather_grad(R *gx, unsigned count, const R *gy, const unsigned *index, unsigned length, unsigned pointers, unsigned inner) {
  EACH(i, count) {
    unsigned at = i / inner % length, first = i / (length * inner) * pointers * inner + i % inner;
    R sum = (R)0;
    for (unsigned j = 0; j < pointers; j++)
      if (index[first + j * inner] == at) sum += gy[first + j * inner];
    gx[i] = sum;
  }
}
