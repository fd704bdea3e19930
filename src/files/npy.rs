//! The header of NumPy's `.npy` format: what the numbers after it are.

/// What an `.npy` header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// `<f4`, `|u1`, `|O`, …
    pub descr: String,
    /// The first axis is the one that runs fastest.
    pub column_order: bool,
    pub shape: Vec<usize>,
    /// Where the numbers begin.
    pub start: usize,
}

pub const MAGIC: &[u8] = b"\x93NUMPY";

impl Header {
    /// Reads the header at the beginning of `bytes`, of which what follows the header need not be there.
    ///
    /// # Errors
    /// What is no header.
    pub fn parse(bytes: &[u8]) -> Result<Header, String> {
        if !bytes.starts_with(MAGIC) {
            return Err("is not an array".into());
        }
        let cut = || "is cut short".to_owned();
        let (begin, length) = match bytes.get(6) {
            Some(1) => {
                (10, usize::from(u16::from_le_bytes(bytes.get(8..10).ok_or_else(cut)?.try_into().unwrap_or_default())))
            }
            _ => (12, u32::from_le_bytes(bytes.get(8..12).ok_or_else(cut)?.try_into().unwrap_or_default()) as usize),
        };
        let start = begin + length;
        let text = String::from_utf8_lossy(bytes.get(begin..start).ok_or_else(cut)?);
        let after = |key: &str| {
            text.split_once(key).map(|(_, rest)| rest.trim_start()).ok_or("has a header without a shape or type")
        };
        let descr = after("'descr':")?.strip_prefix('\'').ok_or("holds records, which are not read")?;
        let descr = &descr[..descr.find('\'').unwrap_or(0)];
        let shape = after("'shape':")?.trim_start_matches('(');
        let shape = &shape[..shape.find(')').unwrap_or(0)];
        let shape = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
        let shape: Vec<usize> = shape.map(str::parse).collect::<Result<_, _>>().map_err(|_| "has no readable shape")?;
        let column_order = after("'fortran_order':")?.starts_with("True");
        Ok(Header { descr: descr.to_owned(), column_order, shape, start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str) -> Vec<u8> {
        let mut bytes = [MAGIC, b"\x01\x00"].concat();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes
    }

    #[test]
    fn a_header_is_read() {
        let header = Header::parse(&file("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }")).unwrap();
        assert_eq!((header.descr.as_str(), header.column_order, header.shape.as_slice()), ("<f4", true, &[3, 4][..]));
        let one = Header::parse(&file("{'descr': '|O', 'fortran_order': False, 'shape': (), }")).unwrap();
        assert!(one.shape.is_empty() && one.start == 10 + 54);
    }

    #[test]
    fn what_is_no_header_is_told() {
        assert_eq!(Header::parse(b"text").unwrap_err(), "is not an array");
        assert_eq!(Header::parse(b"\x93NUMPY\x01\x00\xff\xff").unwrap_err(), "is cut short");
        let records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }";
        assert_eq!(Header::parse(&file(records)).unwrap_err(), "holds records, which are not read");
    }
}
