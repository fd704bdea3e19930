// The exponents are never positive, so nothing overflows.
DEVICE R sigmoid(R x) {
  R small = exp(-fabs(x));
  return x >= (R)0 ? (R)1 / ((R)1 + small) : small / ((R)1 + small);
}

DEVICE R softplus(R x) {
  R rest = log1p(exp(-fabs(x)));
  return x > (R)0 ? x + rest : rest;
}

// Not-a-number falls through both comparisons.
DEVICE R clamped(R x, R lo, R hi) { return x < lo ? lo : x > hi ? hi : x; }

// The share of a normal distribution below x.
DEVICE R normal_below(R x) { return (R)0.5 * erfc(-x * (R)0.7071067811865476); }

// Of half precision, the nearest, of two the even one: 11 binary digits, none below 2^-24, infinite from 65520 on.
DEVICE R half_precision(R x) {
  if (x == (R)0 || NAN_OF(x)) return x;
  if (fabs(x) >= (R)65520) return x > (R)0 ? INF : -INF;
  int exponent;
  frexp(x, &exponent);
  int last = (exponent - 1 < -14 ? -14 : exponent - 1) - 10;
  return ldexp(rint(ldexp(x, -last)), last);
}
