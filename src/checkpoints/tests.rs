//! The files of `tests/checkpoints`, which Python made (`make.py`), and what becomes of them when they are damaged.

use std::path::{Path, PathBuf};

use candle_core::DType;
use proptest::prelude::*;

use super::*;
use crate::diag::Code;

const FILES: [&str; 13] = [
    "torch.pth",
    "deflated.pth",
    "old.pth",
    "kinds.pth",
    "v0.params",
    "v1.params",
    "v2.params",
    "v3.params",
    "v1.caffemodel",
    "v2.caffemodel",
    "net.npz",
    "labels.npy",
    "labels2.npy",
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints").join(name)
}

fn open(name: &str) -> Checkpoint {
    Checkpoint::open(&path(name)).unwrap_or_else(|problem| panic!("{problem:?}"))
}

fn numbers(file: &mut Checkpoint, name: &str) -> Vec<f64> {
    let tensor = file.tensor(name).unwrap();
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn refused(bytes: Vec<u8>) -> Unreadable {
    Checkpoint::of_bytes(bytes).err().expect("it is refused")
}

/// A file with the first place of `old` replaced by as many bytes.
fn forged(name: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = std::fs::read(path(name)).unwrap();
    let at = bytes.windows(old.len()).position(|window| window == old).expect("it is there");
    bytes[at..at + old.len()].copy_from_slice(new);
    bytes
}

#[test]
fn every_format_gives_the_same_net() {
    let ramp: Vec<f64> = (0..24).map(|index| f64::from(index) / 2.0).collect();
    for name in FILES.iter().filter(|name| !name.starts_with("labels") && **name != "kinds.pth") {
        let mut file = open(name);
        let part = |name: &str| match file.format {
            Format::Mxnet => name.replace('.', "_"),
            _ => name.to_owned(),
        };
        let [weight, bias, matrix] = ["conv.weight", "conv.bias", "fc.weight"].map(part);
        assert_eq!(file.arrays[&weight].shape, [2, 3, 2, 2], "{name}");
        assert_eq!(file.arrays[&bias].shape, [2], "{name}");
        assert_eq!(file.arrays[&matrix].shape, [3, 2], "{name}");
        assert_eq!(numbers(&mut file, &weight), ramp, "{name}");
        assert_eq!(numbers(&mut file, &bias), [-1.0, 2.0], "{name}");
        assert_eq!(numbers(&mut file, &matrix), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0], "{name}");
    }
}

#[test]
fn the_state_of_the_net_is_found_and_its_numbers_keep_their_kind() {
    let mut file = open("kinds.pth");
    let kinds: Vec<(&str, &str)> =
        file.arrays.iter().map(|(name, array)| (name.as_str(), array.number.word())).collect();
    assert_eq!(kinds, [("half", "f16"), ("bfloat", "bf16"), ("double", "f64"), ("long", "i64")]);
    for name in ["half", "bfloat", "double"] {
        assert_eq!(numbers(&mut file, name), [1.0, -2.0, 0.5]);
    }
    assert_eq!(numbers(&mut file, "long"), [7.0, -7.0, (1u64 << 40) as f64]);
}

#[test]
fn a_dictionary_of_labels_comes_in_and_goes_out() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["labels.npy", "labels2.npy"] {
        let mut file = open(name);
        let again = folder.path().join(name);
        write_labels(&again, &mut file).unwrap();
        for mut file in [file, Checkpoint::open(&again).unwrap()] {
            let names: Vec<&str> = file.arrays.keys().map(String::as_str).collect();
            assert_eq!(names, ["2007_000032", "2007000039", "n"]);
            assert_eq!(numbers(&mut file, "2007_000032"), [1.0, 0.0, 0.0]);
            assert_eq!(
                (file.arrays["2007000039"].number, numbers(&mut file, "2007000039")),
                (Number::F64, vec![0.0, 1.0, 1.0])
            );
            assert_eq!((file.arrays["n"].shape.len(), numbers(&mut file, "n")), (0, vec![2.0]));
        }
    }
}

#[test]
fn what_is_written_as_safetensors_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/net.safetensors");
    let notes = BTreeMap::from([("classes".to_owned(), "cat, dog".to_owned()), ("size".to_owned(), "224".to_owned())]);
    for name in FILES {
        let mut file = open(name);
        write_safetensors(&path, &mut file, &notes).unwrap();
        let first = std::fs::read(&path).unwrap();
        // The library itself is content with it.
        assert_eq!(::safetensors::SafeTensors::deserialize(&first).unwrap().len(), file.arrays.len());
        let mut again = Checkpoint::open(&path).unwrap();
        assert_eq!((again.format, &again.notes), (Format::Safetensors, &notes));
        for name in file.arrays.keys().cloned().collect::<Vec<_>>() {
            assert_eq!(again.arrays[&name].shape, file.arrays[&name].shape);
            assert_eq!(again.arrays[&name].number, file.arrays[&name].number);
            assert_eq!(again.bytes(&name), file.bytes(&name));
        }
        write_safetensors(&path, &mut file, &notes).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first, "the same arrays are the same bytes");
    }
}

#[test]
fn names_do_not_decide_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("weights.npz");
    std::fs::copy(path("old.pth"), &odd).unwrap();
    assert_eq!(Checkpoint::open(&odd).unwrap().format, Format::OldTorch);
    let missing = Checkpoint::open(Path::new("no/such.pth")).err().unwrap();
    assert_eq!((missing.code, missing.what.as_str()), (Code::WeightsNotFound, "there is no such file"));
    assert_eq!(Checkpoint::open(folder.path()).err().unwrap().what, "it is a folder");
}

/// Headers as long as the first bytes of a pickle, of an MXNet file and of a message of Caffe say.
#[test]
fn a_safetensors_file_is_known_by_more_than_its_length() {
    for length in [0x0280u64, 0x112, 0x0a0a, 0x06a2] {
        let header = format!("{:1$}", r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, length as usize);
        let bytes = [&length.to_le_bytes()[..], header.as_bytes(), &[7]].concat();
        let mut file = Checkpoint::of_bytes(bytes).unwrap_or_else(|problem| panic!("{problem:?}"));
        assert_eq!((file.format, numbers(&mut file, "a")), (Format::Safetensors, vec![7.0]));
    }
}

#[test]
fn what_is_in_no_known_format_is_told() {
    for (bytes, told) in [
        (b"".to_vec(), "it is in no known format"),
        (b"text, just text".to_vec(), "it is in no known format"),
        (b"\n\x04text".to_vec(), "it is in no known format"),
        (b"\x80\x02}.".to_vec(), "it is a pickle that PyTorch did not write"),
        (crate::files::archive::testing::stored(&[("a.txt", b"")]), "it is a zip archive of neither PyTorch nor NumPy"),
    ] {
        let problem = refused(bytes);
        assert_eq!((problem.code, problem.what.as_str()), (Code::WeightsNotFound, told));
    }
}

#[test]
fn hostile_files_are_refused_and_told_why() {
    let told = |bytes: Vec<u8>| {
        let problem = refused(bytes);
        assert_eq!(problem.code, Code::WeightsRefused, "{problem:?}");
        problem.what
    };
    // A shape that no memory holds, over the storage of a few numbers.
    assert!(
        told(forged("old.pth", b"(K\x02K\x03K\x02K\x02t", b"(K\xffK\xffK\xffK\xfft"))
            .contains("reaches beyond its numbers")
    );
    // Strides of 0 would make much of little.
    let repeats = forged(
        "old.pth",
        b"(K\x02K\x03K\x02K\x02tq\t(K\x0cK\x04K\x02K\x01t",
        b"(K\xffK\xffK\xffK\xfftq\t(K\x00K\x00K\x00K\x00t",
    );
    assert!(told(repeats).contains("repeats its numbers"));
    let system = forged("old.pth", b"ctorch._utils\n_rebuild_tensor_v2\n", b"csubprocess\nPopen_______________\n");
    assert!(told(system).contains("asks for `subprocess.Popen_______________`"));
    assert!(
        told(forged("v2.params", &0x112u64.to_le_bytes(), &0x112u64.to_le_bytes())[..200].to_vec())
            .contains("cut short")
    );
    // More arrays and more numbers than there are.
    let mut many = std::fs::read(path("v0.params")).unwrap();
    many[16..24].fill(0xff);
    told(many);
    let mut large = std::fs::read(path("v1.params")).unwrap();
    large[32..40].fill(0x7f);
    told(large);
    // A header as long as the world; one that is whole and a file that is not.
    told([&(1u64 << 20).to_le_bytes()[..], b"{", &[b' '; 1 << 20]].concat());
    let mut tail = b"\x48\0\0\0\0\0\0\0".to_vec();
    tail.extend(format!("{:72}", r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#).bytes());
    assert!(told(tail).contains("its length is another"));
}

/// What is said once may be used a million times: names, shapes and numbers are bounded together, not each alone.
#[test]
fn much_of_little_is_refused() {
    let told = |bytes: Vec<u8>| refused(bytes).what;
    let npy = |entries: &[u8]| {
        let mut bytes = std::fs::read(path("labels.npy")).unwrap()[..128].to_vec();
        bytes.extend(
            b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01)N\x89]}(",
        );
        bytes.extend(entries);
        bytes.extend(b"uatb.");
        bytes
    };
    // One array of a megabyte under a thousand names.
    let mut entries = b"K\x00cnumpy.core.numeric\n_frombuffer\n(B\0\0\x10\0".to_vec();
    entries.extend(vec![1; 1 << 20]);
    entries.extend(b"cnumpy\ndtype\n\x8c\x02u1\x85RJ\0\0\x10\0\x85\x8c\x01CtR\x94");
    for name in 1..1000u16 {
        entries.extend([b"M", &name.to_le_bytes()[..], b"h\0"].concat());
    }
    assert_eq!(told(npy(&entries)), "its arrays stand for more numbers than it could hold");
    // One storage of a megabyte behind a thousand tensors, deflated to almost nothing.
    let storage = vec![0; 1 << 20];
    let mut pickle = b"\x80\x02}(".to_vec();
    for tensor in 0..1000u16 {
        pickle.extend(
            format!(
                "X\x04\0\0\0{tensor:04}ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nByteStorage\n"
            )
            .bytes(),
        );
        pickle.extend(b"X\x01\0\0\x000X\x03\0\0\0cpuJ\0\0\x10\0tQK\0J\0\0\x10\0\x85K\x01\x85\x89}tR");
    }
    pickle.extend(b"u.");
    let archive = crate::files::archive::testing::stored(&[("a/data.pkl", &pickle), ("a/data/0", &storage)]);
    assert!(told(archive).ends_with("stand for arrays of 1048576000"), "its own length is not enough");
    // A name of a megabyte, and a shape of a thousand axes.
    let mut long = b"\x80\x02}(X\0\0\x10\0".to_vec();
    long.extend(vec![b'a'; 1 << 20]);
    long.extend(b"Nu.");
    let archive = crate::files::archive::testing::stored(&[("a/data.pkl", &long)]);
    assert_eq!(told(archive), "it holds no named arrays");
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", "1, ".repeat(1000));
    let mut axes = b"\x93NUMPY\x01\0".to_vec();
    axes.extend((header.len() as u16).to_le_bytes());
    axes.extend(header.bytes().chain([0; 4]));
    assert_eq!(told(axes), "it claims an array of 1000 axes");
}

#[test]
fn a_damaged_number_is_noticed_where_the_format_can() {
    // conv.bias begins with -1.
    for name in ["torch.pth", "net.npz"] {
        let mut bytes = std::fs::read(path(name)).unwrap();
        let at = bytes.windows(4).rposition(|window| window == (-1f32).to_le_bytes());
        let Some(at) = at else { continue };
        bytes[at] ^= 1;
        let mut file = Checkpoint::of_bytes(bytes).unwrap();
        assert!(file.bytes("conv.bias").unwrap_err().contains("its checksum is another"), "{name}");
    }
}

/// What `WSSS_DATA` has of real files; without it, nothing is tested.
#[test]
fn real_files_are_read() {
    let Some(folder) = std::env::var_os("WSSS_DATA").map(PathBuf::from) else {
        println!("skipped: WSSS_DATA names no folder");
        return;
    };
    let labels = folder.join("lists/voc12/cls_labels.npy");
    if labels.is_file() {
        let mut file = Checkpoint::open(&labels).unwrap();
        assert!(file.arrays.len() > 10_000 && file.arrays.values().all(|array| array.shape == [20]));
        assert!(numbers(&mut file, "2007000032").iter().sum::<f64>() >= 1.0);
    }
    for entry in std::fs::read_dir(folder.join("weights")).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|ending| ending == "safetensors") {
            let mut file = Checkpoint::open(&entry.path()).unwrap();
            let first = file.arrays.keys().next().unwrap().clone();
            assert_eq!(numbers(&mut file, &first).len(), file.arrays[&first].count());
        }
    }
}

/// All that can be done with a file that could be opened. What it claims to hold must be bounded by what it is.
fn drain(bytes: Vec<u8>) {
    let most = (1 << 28) + 64 * bytes.len();
    let Ok(mut file) = Checkpoint::of_bytes(bytes) else { return };
    for name in file.arrays.keys().cloned().collect::<Vec<_>>() {
        assert!(file.arrays[&name].length() <= most);
        let _ = file.tensor(&name);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), begin in 0usize..8) {
        let begins: [&[u8]; 8] = [
            b"", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", b"\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\x10\0\0\0\0\0\0\0{", b"PK\x03\x04", b"\x93NUMPY\x01\0", b"\x0a\x03net", b"\x0a\x00\xa2\x06",
        ];
        drain([begins[begin], &bytes].concat());
    }

    #[test]
    fn no_damage_makes_a_reader_panic(file in 0usize..FILES.len(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in 0usize..50) {
        let mut bytes = std::fs::read(path(FILES[file])).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - if cut < 40 { 0 } else { cut });
        drain(bytes);
    }
}
