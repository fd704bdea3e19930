//! Vertices by key: a hash table of open addressing that numbers keys in the order in which they are first seen.

use super::simplex::Key;

const EMPTY: u32 = u32::MAX;

pub struct Table {
    /// Numbers, each at the place its key asks for or after it; a power of two, at most half of them taken.
    places: Vec<u32>,
    /// Keys by number.
    keys: Vec<Key>,
    /// A hash of 64 bits without so many is a place.
    shift: u32,
}

impl Table {
    pub fn new() -> Table {
        Table { places: vec![EMPTY; 1024], keys: Vec::new(), shift: 64 - 10 }
    }

    /// Keys by number.
    pub fn into_keys(self) -> Vec<Key> {
        self.keys
    }

    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The number of a key, a new one where it was not seen before.
    #[inline(always)]
    pub fn number(&mut self, key: Key) -> u32 {
        match self.search(key) {
            Ok(number) => number,
            Err(place) => self.add(place, key),
        }
    }

    /// The number of a key that was seen before.
    pub fn find(&self, key: Key) -> Option<u32> {
        self.search(key).ok()
    }

    /// The number of a key, or the place for it.
    #[inline(always)]
    fn search(&self, key: Key) -> Result<u32, usize> {
        let mut place = self.home(key);
        loop {
            let number = self.places[place];
            if number == EMPTY {
                return Err(place);
            }
            if self.keys[number as usize] == key {
                return Ok(number);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }

    /// Two rounds of multiplying: keys of neighbours, which differ in few bits, lie far apart.
    #[inline(always)]
    fn home(&self, key: Key) -> usize {
        let folded = key as u64 ^ ((key >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (folded.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> self.shift) as usize
    }

    #[cold]
    fn add(&mut self, place: usize, key: Key) -> u32 {
        let number = self.keys.len() as u32;
        self.places[place] = number;
        self.keys.push(key);
        if 2 * self.keys.len() > self.places.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let length = 2 * self.places.len();
        self.shift -= 1;
        self.places.clear();
        self.places.resize(length, EMPTY);
        for number in 0..self.keys.len() {
            let mut place = self.home(self.keys[number]);
            while self.places[place] != EMPTY {
                place = (place + 1) & (length - 1);
            }
            self.places[place] = number as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_first_sight() {
        let mut table = Table::new();
        let key = |i: u32| Key::from(i % 5000) << (i % 3 * 40);
        let numbers: Vec<u32> = (0..15_000).map(|i| table.number(key(i))).collect();
        assert_eq!(numbers[..3], [0, 1, 2]);
        for i in 0..15_000 {
            assert_eq!(table.find(key(i)), Some(numbers[i as usize]));
            assert_eq!(table.keys()[numbers[i as usize] as usize], key(i));
        }
        assert_eq!(table.find(Key::MAX), None);
    }
}
