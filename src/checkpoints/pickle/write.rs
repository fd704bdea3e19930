//! Writes a dictionary of arrays the way NumPy pickles one, in protocol 4.

/// A pickle of an array of one object, the dictionary.
pub(in crate::checkpoints) struct Writer(Vec<u8>);

impl Writer {
    pub(in crate::checkpoints) fn begin() -> Writer {
        let mut pickle = Writer(b"\x80\x04".to_vec());
        // The array around the dictionary, up to its state: version, no axes, objects, rows first, a list of one.
        pickle.empty_array();
        pickle.0.extend(b"(K\x01)");
        pickle.dtype("O8", "|", 63);
        pickle.0.extend(b"\x89]}");
        pickle
    }

    /// An array under a name; `sign` is its kind without the order of bytes (`f4`).
    pub(in crate::checkpoints) fn entry(&mut self, name: &str, sign: &str, shape: &[usize], numbers: &[u8]) {
        self.text(name);
        self.empty_array();
        self.0.extend(b"(K\x01(");
        shape.iter().for_each(|length| self.length(*length));
        self.0.push(b't');
        self.dtype(sign, if sign.ends_with('1') { "|" } else { "<" }, 0);
        self.0.push(0x89);
        self.0.push(0x8e);
        self.0.extend((numbers.len() as u64).to_le_bytes());
        self.0.extend(numbers);
        self.0.extend(b"tbs");
    }

    pub(in crate::checkpoints) fn end(mut self) -> Vec<u8> {
        self.0.extend(b"atb.");
        self.0
    }

    /// `_reconstruct(ndarray, (0,), b"b")`: an array that gets its state next.
    fn empty_array(&mut self) {
        self.0.extend(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R");
    }

    /// `dtype(sign, False, True)` with its state: version, order of bytes, no fields, flags.
    fn dtype(&mut self, sign: &str, order: &str, flags: u8) {
        self.0.extend(b"cnumpy\ndtype\n");
        self.text(sign);
        self.0.extend(b"\x89\x88\x87R(K\x03");
        self.text(order);
        self.0.extend(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK");
        self.0.push(flags);
        self.0.extend(b"tb");
    }

    fn text(&mut self, text: &str) {
        self.0.push(0x8d);
        self.0.extend((text.len() as u64).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn length(&mut self, length: usize) {
        self.0.extend(b"\x8a\x08");
        self.0.extend((length as i64).to_le_bytes());
    }
}
