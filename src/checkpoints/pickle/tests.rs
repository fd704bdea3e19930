//! Pickles written by hand, mostly by nobody's friend.

use proptest::prelude::*;

use super::*;

fn refused(bytes: &[u8]) -> String {
    read(&mut &bytes[..]).expect_err("it is refused")
}

#[test]
fn plain_values_are_read() {
    let pickle = read(&mut &b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x07X\x01\x00\x00\x00b]q\x01(\x88NG?\xf0\x00\x00\x00\x00\x00\x00eu. and more"[..]).unwrap();
    let entries = pickle.entries(pickle.root()).unwrap();
    assert_eq!(pickle.text(entries[0].0).as_deref(), Some("a"));
    assert_eq!(pickle.int(entries[0].1), Some(7));
    let list = pickle.elements(entries[1].1).unwrap();
    assert!(matches!(pickle.value(list[0]), Value::Bool(true)) && matches!(pickle.value(list[1]), Value::None));
    assert!(matches!(pickle.value(list[2]), Value::Other));
}

#[test]
fn whole_numbers_of_any_length() {
    let number = |bytes: &[u8]| {
        let pickle = read(&mut &[b"\x80\x02\x8a", bytes, b"."].concat()[..]).unwrap();
        pickle.int(pickle.root())
    };
    assert_eq!(number(b"\x00"), Some(0));
    assert_eq!(number(b"\x01\xff"), Some(-1));
    assert_eq!(number(b"\x02\x00\x80"), Some(-32768));
    assert_eq!(number(b"\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), Some(i64::MAX));
    assert_eq!(number(b"\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"), None, "larger than 64 bits");
}

#[test]
fn what_would_run_something_is_refused_by_name() {
    for (pickle, name) in [
        (&b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R."[..], "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", "builtins.eval"),
        (b"\x80\x02c__builtin__\nexec\n.", "__builtin__.exec"),
        (b"\x80\x02ctorch.nn.modules.conv\nConv2d\n)\x81.", "torch.nn.modules.conv.Conv2d"),
        (b"\x80\x02ctorch\nload\n.", "torch.load"),
        (b"\x80\x02ctorch\nEvilStorage\n.", "torch.EvilStorage"),
    ] {
        let told = refused(pickle);
        assert!(told.contains(&format!("asks for `{name}`")), "{told}");
    }
    // An instance, an extension, a thing of a class: instructions that are not read at all.
    for pickle in [&b"\x80\x02(ios\nsystem\n."[..], b"\x80\x02\x82\x01.", b"\x80\x02(cos\nsystem\no.", b"\x80\x02\x92."]
    {
        refused(pickle);
    }
}

#[test]
fn a_call_of_a_value_is_refused() {
    assert_eq!(refused(b"\x80\x02K\x01)R."), "has a pickle that calls what is no name");
    // The result of a call is no name either.
    assert_eq!(refused(b"\x80\x02ccollections\nOrderedDict\n)R)R."), "has a pickle that calls what is no name");
    assert_eq!(refused(b"\x80\x02]}b."), "has a pickle that changes what is no object");
}

#[test]
fn what_is_claimed_and_not_there_is_not_allocated() {
    for pickle in [
        &b"\x80\x02X\xff\xff\xff\xff"[..],
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x80\x02\x8b\xff\xff\xff\x7f",
        b"\x80\x02(",
        b"",
    ] {
        assert_eq!(refused(pickle), "has a pickle that is cut short");
    }
    assert_eq!(refused(b"\x80\x020."), "has a pickle that takes what is not there");
    assert_eq!(refused(b"\x80\x02(t\x85\x86."), "has a pickle that takes what is not there");
    assert_eq!(refused(b"\x80\x02h\x00."), "has a pickle that takes what is not there");
    // Three from the stack, with a mark between them.
    assert_eq!(refused(b"\x80\x02NN(N\x87t."), "has a pickle that takes what is not there");
    assert_eq!(refused(b"\x80\x01."), "has a pickle of protocol 1; 2 to 5 are read");
}

#[test]
fn values_may_hold_themselves_and_one_another() {
    // A list that is its own element, then a hundred thousand tuples around it: nothing recurses, not even the end of their lives.
    let pickle = [b"\x80\x02]q\x00h\x00a", &[0x85; 100_000][..], b"."].concat();
    assert!(read(&mut &pickle[..]).is_ok());
}

#[test]
fn a_pickle_of_too_many_values_is_refused() {
    let pickle = [b"\x80\x02", &[b'N'; (1 << 23) + 1][..], b"."].concat();
    assert_eq!(refused(&pickle), "has a pickle of more than 8388608 values");
}

/// One byte each: twice the same, a mark, an entry of the memo.
#[test]
fn a_pickle_of_too_many_steps_is_refused() {
    for step in [b'2', b'(', 0x94] {
        let pickle = [b"\x80\x04N".to_vec(), vec![step; (1 << 25) + 1], b".".to_vec()].concat();
        assert_eq!(refused(&pickle), "has a pickle of more than 33554432 steps");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&mut &bytes[..]);
        let _ = read(&mut &[b"\x80\x02", &bytes[..]].concat()[..]);
    }

    /// Instructions that are known, in any order.
    #[test]
    fn no_program_makes_it_panic(codes in prop::collection::vec(prop::sample::select(b"(012N]})tadesubRQqhKU\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94\x81.".to_vec()), 0..100)) {
        let _ = read(&mut &[b"\x80\x02ccollections\nOrderedDict\n", &codes[..]].concat()[..]);
    }
}
