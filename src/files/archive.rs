//! Zip archives as NumPy and PyTorch write them: members stored as they are or deflated, with checksums.
//!
//! An archive is hostile until read: what its members claim to unpack to is bounded before a byte of them is unpacked.

use std::io::{Cursor, Read, Seek, Write};

use flate2::read::DeflateDecoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// What the members may unpack to, together: this much, and [`MOST_TIMES`] the archive's own length.
const MOST_BYTES: u64 = 1 << 28;
const MOST_TIMES: u64 = 64;

/// What one deflated byte can unpack to: two bits, a length and a distance, stand for 258 bytes at the most.
const MOST_DEFLATED: u64 = 1032;

pub struct Archive<R> {
    zip: ZipArchive<R>,
    /// Its own bytes.
    length: u64,
    /// In the order of the archive.
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    /// Bytes once unpacked.
    pub length: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of members.
    ///
    /// # Errors
    /// What is no whole archive, and one whose members claim more than it could hold.
    pub fn open(mut source: R) -> Result<Archive<R>, String> {
        let not_whole = |_| "is not a whole zip archive".to_owned();
        let own = source.seek(std::io::SeekFrom::End(0)).map_err(|error| error.to_string())?;
        let mut zip = ZipArchive::new(source).map_err(not_whole)?;
        let mut members = Vec::with_capacity(zip.len());
        let mut all = 0u64;
        for index in 0..zip.len() {
            let member = zip.by_index_raw(index).map_err(|_| "is not a whole zip archive".to_owned())?;
            let name = String::from_utf8_lossy(member.name_raw()).into_owned();
            all = all.saturating_add(member.size());
            members.push(Member { name, length: member.size() });
        }
        let most = MOST_BYTES.saturating_add(own.saturating_mul(MOST_TIMES));
        if all > most {
            return Err(format!(
                "is an archive of {own} bytes that would unpack to {all}: more than {most} are not unpacked"
            ));
        }
        Ok(Archive { zip, length: own, members })
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The bytes of a member, compared with its checksum.
    ///
    /// # Errors
    /// A damaged member, one that is packed in another way or with a password.
    pub fn read(&mut self, index: usize) -> Result<Vec<u8>, String> {
        let mut member = self.unpack(index)?;
        let mut bytes = Vec::with_capacity(member.room);
        // One byte more than promised is enough to notice a lie.
        let most = member.length.saturating_add(1);
        (&mut member).take(most).read_to_end(&mut bytes).map_err(|error| member.damaged(&error))?;
        member.finish()?;
        Ok(bytes)
    }

    /// At most the first `most` bytes of a member, which are not compared with anything.
    ///
    /// # Errors
    /// As [`read`](Archive::read).
    pub fn beginning(&mut self, index: usize, most: u64) -> Result<Vec<u8>, String> {
        let mut member = self.unpack(index)?;
        let most = most.min(member.length);
        let mut bytes = Vec::with_capacity(member.room.min(most as usize));
        (&mut member).take(most).read_to_end(&mut bytes).map_err(|error| member.damaged(&error))?;
        Ok(bytes)
    }

    /// A member to be read piece by piece.
    ///
    /// # Errors
    /// One that is packed in another way or with a password.
    pub fn unpack(&mut self, index: usize) -> Result<Unpacked<'_>, String> {
        let Member { name, length } = self.members[index].clone();
        let damaged = |what: &dyn std::fmt::Display| format!("`{name}` is damaged: {what}");
        let member = self.zip.by_index_raw(index).map_err(|error| damaged(&error))?;
        if member.encrypted() {
            return Err(format!("`{name}` is locked with a password"));
        }
        let crc = member.crc32();
        let packed = member.compressed_size().min(self.length);
        let room = length.min(packed.saturating_mul(MOST_DEFLATED)) as usize;
        let bytes: Box<dyn Read> = match member.compression() {
            CompressionMethod::Stored => Box::new(member),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(member)),
            _ => return Err(format!("`{name}` is packed in a way that is not known")),
        };
        Ok(Unpacked { name, length, room, bytes, crc, hash: crc32fast::Hasher::new(), met: 0 })
    }
}

/// The bytes of a member as they are unpacked. They count only once [`finish`](Unpacked::finish) has compared them with the checksum.
pub struct Unpacked<'a> {
    pub name: String,
    /// Bytes that it says it has.
    pub length: u64,
    /// What the packed bytes can become, whatever is claimed: as much may be asked for at once.
    pub room: usize,
    bytes: Box<dyn Read + 'a>,
    crc: u32,
    hash: crc32fast::Hasher,
    met: u64,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.met += read as u64;
        Ok(read)
    }
}

impl Unpacked<'_> {
    /// Fills `buffer`, or as much of it as there are bytes left: how many.
    ///
    /// # Errors
    /// What cannot be read or unpacked.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.damaged(&error)),
            }
        }
        Ok(filled)
    }

    /// Compares what was read with length and checksum.
    ///
    /// # Errors
    /// They are others, or bytes are left.
    pub fn finish(mut self) -> Result<(), String> {
        let left = self.fill(&mut [0])?;
        if left > 0 || self.met != self.length || self.hash.finalize() != self.crc {
            return Err(format!("`{}` is damaged: its checksum is another", self.name));
        }
        Ok(())
    }

    fn damaged(&self, what: &dyn std::fmt::Display) -> String {
        format!("`{}` is damaged: {what}", self.name)
    }
}

/// An archive that is made: members are stored as they are, without a date, so that the same members are the same bytes.
pub struct Stored(ZipWriter<Cursor<Vec<u8>>>);

impl Default for Stored {
    fn default() -> Stored {
        Stored(ZipWriter::new(Cursor::new(Vec::new())))
    }
}

impl Stored {
    /// Adds a member; folders are part of its name.
    ///
    /// # Errors
    /// A name that is there already, an archive that grows too large.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.0.start_file(name, options).map_err(|error| error.to_string())?;
        self.0.write_all(bytes).map_err(|error| error.to_string())
    }

    /// The bytes of the whole archive.
    ///
    /// # Errors
    /// As [`add`](Stored::add).
    pub fn finish(self) -> Result<Vec<u8>, String> {
        Ok(self.0.finish().map_err(|error| error.to_string())?.into_inner())
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Stored;

    /// An archive of members that are stored.
    pub(crate) fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Stored::default();
        members.iter().for_each(|(name, bytes)| archive.add(name, bytes).unwrap());
        archive.finish().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_back_in_order() {
        let bytes = testing::stored(&[("b", b"two"), ("a", b"")]);
        let mut archive = Archive::open(Cursor::new(bytes)).unwrap();
        let names: Vec<&str> = archive.members().iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!((archive.read(0).unwrap().as_slice(), archive.read(1).unwrap().len()), (b"two".as_slice(), 0));
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let mut bytes = testing::stored(&[("bomb", b"small")]);
        let claim = (3u32 << 30).to_le_bytes();
        // The length once unpacked, in the member's own header and in the directory.
        let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        bytes[22..26].copy_from_slice(&claim);
        bytes[directory + 24..directory + 28].copy_from_slice(&claim);
        let refused = Archive::open(Cursor::new(bytes)).err().unwrap();
        assert!(refused.contains("would unpack to 3221225472"), "{refused}");
    }

    #[test]
    fn a_lie_of_the_directory_is_noticed() {
        let mut bytes = testing::stored(&[("lie", b"small")]);
        let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        bytes[directory + 24] = 4;
        let answer = Archive::open(Cursor::new(bytes)).and_then(|mut archive| archive.read(0));
        assert_eq!(answer.unwrap_err(), "`lie` is damaged: its checksum is another");
    }
}
