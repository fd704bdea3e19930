//! Deflate (RFC 1951) for data in which only long runs of zero bytes are worth shortening.
//!
//! A run becomes a block with the fixed code: one literal zero, then copies of 258 bytes from one byte back. All else goes
//! into stored blocks.

/// Shorter runs are copied: a block of its own costs a few bytes and an interruption.
const WORTH: usize = 4096;

/// The longest stored block.
const STORED: usize = 65_535;

/// The longest copy.
const COPY: usize = 258;

/// A deflate stream; `None` where there is no run worth it.
pub(super) fn deflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut bits = Bits { bytes: Vec::new(), buffer: 0, count: 0 };
    let mut copied = 0;
    let mut at = 0;
    // A run of at least `WORTH` covers a multiple of it: only those places need a look.
    while at < data.len() {
        if data[at] != 0 {
            at += WORTH;
            continue;
        }
        let start = at - data[copied..at].iter().rev().take_while(|&&byte| byte == 0).count();
        let end = at + data[at..].iter().take_while(|&&byte| byte == 0).count();
        if end - start >= WORTH {
            bits.stored(&data[copied..start], false);
            bits.zeros(end - start);
            copied = end;
        }
        at = (end / WORTH + 1) * WORTH;
    }
    (copied > 0).then(|| {
        bits.stored(&data[copied..], true);
        bits.bytes
    })
}

/// Bits, the lowest of a byte first.
struct Bits {
    bytes: Vec<u8>,
    buffer: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.buffer |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.buffer as u8);
            self.buffer >>= 8;
            self.count -= 8;
        }
    }

    fn align(&mut self) {
        self.put(0, (8 - self.count) % 8);
    }

    /// Copies `data`; with `last`, ends the stream.
    fn stored(&mut self, data: &[u8], last: bool) {
        let mut chunks = data.chunks(STORED).peekable();
        if chunks.peek().is_none() && last {
            self.block(&[], true);
        }
        while let Some(chunk) = chunks.next() {
            self.block(chunk, last && chunks.peek().is_none());
        }
    }

    fn block(&mut self, chunk: &[u8], last: bool) {
        self.put(u32::from(last), 3);
        self.align();
        let length = chunk.len() as u16;
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend((!length).to_le_bytes());
        self.bytes.extend(chunk);
    }

    /// A block of `count` zeros, at least one. Codes are written from their highest bit, so they stand here reversed.
    fn zeros(&mut self, count: usize) {
        const LITERAL_ZERO: (u32, u32) = (0b0000_1100, 8);
        const LENGTH_258: (u32, u32) = (0b1010_0011, 8);
        const DISTANCE_1: (u32, u32) = (0, 5);
        const END: (u32, u32) = (0, 7);
        self.put(0b010, 3);
        let (copies, rest) = ((count - 1) / COPY, (count - 1) % COPY);
        (0..=rest).for_each(|_| self.put(LITERAL_ZERO.0, LITERAL_ZERO.1));
        for _ in 0..copies {
            self.put(LENGTH_258.0, LENGTH_258.1);
            self.put(DISTANCE_1.0, DISTANCE_1.1);
        }
        self.put(END.0, END.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut data).unwrap();
        data
    }

    #[test]
    fn a_million_zeros_are_seven_kilobytes() {
        let data = vec![0; 1_000_000];
        let packed = deflate(&data).unwrap();
        assert!(packed.len() < 7_000, "{}", packed.len());
        assert_eq!(inflate(&packed), data);
    }

    #[test]
    fn short_runs_are_not_worth_it() {
        assert_eq!(deflate(&[0; WORTH - 1]), None);
        assert_eq!(deflate(&[1; 100_000]), None);
        assert_eq!(deflate(&[]), None);
    }

    proptest! {
        #[test]
        fn inflating_gives_the_data_back(parts in prop::collection::vec((any::<bool>(), 1usize..80_000), 0..5)) {
            let data: Vec<u8> = parts
                .iter()
                .flat_map(|&(zero, length)| (0..length).map(move |i| if zero { 0 } else { i as u8 | 1 }))
                .collect();
            if let Some(packed) = deflate(&data) {
                prop_assert_eq!(inflate(&packed), data);
            }
        }
    }
}
