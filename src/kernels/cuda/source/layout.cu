KERNEL strided(S *y, unsigned count, const S *x, Walk walk) { EACH(i, count) y[i] = x[place(walk, 0, i)]; }

// Runs of `x` into rows of `width`, from `start` on.
KERNEL put(S *y, unsigned count, const S *x, unsigned run, unsigned width, unsigned start) {
  EACH(i, count) y[i / run * width + start + i % run] = x[i];
}

// Lengths of the result; strides of `x`, margins before it and its own lengths.
KERNEL pad(S *y, unsigned count, const S *x, Walk axes, R value) {
  EACH(i, count) {
    unsigned rest = i;
    int at = 0;
    bool inside = true;
    for (int axis = axes.axes - 1; axis >= 0; axis--) {
      unsigned length = axes.length[axis];
      int position = (int)(rest % length) - axes.stride[1][axis];
      rest /= length;
      inside = inside && position >= 0 && position < axes.stride[2][axis];
      at += position * axes.stride[0][axis];
    }
    y[i] = inside ? x[at] : (S)value;
  }
}
