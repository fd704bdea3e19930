// Neighbour `p` of a pixel: one of eight, at each of the distances; beyond the border stands what is at it.
DEVICE unsigned neighbour(int row, int column, unsigned p, int height, int width) {
  const int far[] = DISTANCES;
  const int down[] = {-1, -1, -1, 0, 0, 1, 1, 1}, right[] = {-1, 0, 1, -1, 1, -1, 0, 1};
  int y = row + down[p % 8] * far[p / 8], x = column + right[p % 8] * far[p / 8];
  y = y < 0 ? 0 : y >= height ? height - 1 : y;
  x = x < 0 ? 0 : x >= width ? width - 1 : x;
  return y * width + x;
}

// By what a difference of colours is multiplied, of each channel of each pixel. Deviations are taken from the pixel itself, which counts once a distance.
KERNEL scales(R *y, unsigned count, const R *image, unsigned channels, unsigned height, unsigned width) {
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height;
    const R *plane = image + i / area * area;
    R sum = (R)0, squares = (R)0, seen = (R)(NEIGHBOURS + NEIGHBOURS / 8);
    for (unsigned p = 0; p < NEIGHBOURS; p++) {
      R apart = plane[neighbour(row, column, p, height, width)] - image[i];
      sum += apart;
      squares += apart * apart;
    }
    R variance = (squares - sum * sum / seen) / (seen - (R)1);
    y[i] = (R)1 / ((R)1e-8 + (R)0.1 * sqrt(variance > (R)0 ? variance : (R)0)) / (R)channels;
  }
}

KERNEL scores(R *y, unsigned count, const R *image, const R *scales, unsigned channels, unsigned height, unsigned width) {
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height;
    unsigned here = row * width + column, there = neighbour(row, column, i / area % NEIGHBOURS, height, width);
    unsigned plane = i / (area * NEIGHBOURS) * channels * area;
    R score = (R)0;
    for (unsigned c = 0; c < channels; c++, plane += area) {
      R apart = image[plane + there] - image[plane + here];
      score -= fabs(apart) * scales[plane + here];
    }
    y[i] = score;
  }
}

KERNEL mean_around(R *y, unsigned count, const R *maps, const R *weights, unsigned classes, unsigned height, unsigned width) {
  unsigned area = height * width;
  EACH(i, count) {
    int column = i % width, row = i / width % height;
    const R *plane = maps + i / area * area, *weight = weights + i / (area * classes) * NEIGHBOURS * area + row * width + column;
    R sum = (R)0;
    for (unsigned p = 0; p < NEIGHBOURS; p++, weight += area) sum += *weight * plane[neighbour(row, column, p, height, width)];
    y[i] = sum;
  }
}
