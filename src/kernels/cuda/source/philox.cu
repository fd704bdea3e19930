struct Words { unsigned at[4]; };

// Philox4x32-10.
DEVICE Words philox(Words counter, unsigned key0, unsigned key1) {
  for (int round = 0; round < 10; round++) {
    unsigned low0 = 0xD2511F53u * counter.at[0], high0 = __umulhi(0xD2511F53u, counter.at[0]);
    unsigned low2 = 0xCD9E8D57u * counter.at[2], high2 = __umulhi(0xCD9E8D57u, counter.at[2]);
    counter = {{high2 ^ counter.at[1] ^ key0, low2, high0 ^ counter.at[3] ^ key1, low0}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// Word `index` of a stream: two words of key, two of name.
DEVICE unsigned word_at(const unsigned *stream, unsigned long long index) {
  unsigned long long block = index / 4;
  Words counter = {{(unsigned)block, (unsigned)(block >> 32), stream[2], stream[3]}};
  return philox(counter, stream[0], stream[1]).at[index % 4];
}
