//! What `torch.save` writes: a zip archive with a pickle and a member for each storage, or (before 1.6) pickles one after the other
//! and then the storages.
//!
//! A tensor is a view into a storage: its first number, its shape and its strides. The state of a net is looked for at the top of the
//! file and below the keys under which training scripts keep it.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::bytes::{Held, Origin, Place, Reader, Source, in_a_row, reach};
use super::error::Fault;
use super::pickle::{self, At, Name, Pickle, Value};
use super::{Array, Found, Number, put};
use crate::files::archive::Archive;

/// The member that holds the pickle.
pub(super) const PICKLE: &str = "data.pkl";

/// The first pickle of an old file, after its protocol: the number 0x1950a86a20f9469cfc6c, and no more.
pub(super) const MAGIC: [u8; 13] = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

/// Where training scripts keep the state of the net.
const NESTED: [&str; 7] = ["state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights"];

/// Dictionaries within dictionaries.
const DEEPEST: usize = 8;
const MOST_ENTRIES: usize = 1 << 20;

const SAVE_STATE: &str = "in Python: `torch.save(net.state_dict(), \"weights.pth\")`";
const SAVE_WHOLE: &str = "in Python: `tensor.contiguous()` before it is saved";

/// The zip archive of PyTorch 1.6 and later.
pub(super) fn archive(source: Box<dyn Source>) -> Result<Found, Fault> {
    let mut archive = Archive::open(source)?;
    let members = archive.members();
    let pickle = members.iter().position(|member| member.name.ends_with(PICKLE));
    let pickle = pickle.ok_or_else(|| Fault::refused("it has no pickle"))?;
    let folder = members[pickle].name.trim_end_matches(PICKLE).to_owned();
    let order = members.iter().position(|member| member.name == format!("{folder}byteorder"));
    let storages: HashMap<String, (usize, u64)> = members
        .iter()
        .enumerate()
        .filter_map(|(index, member)| {
            let key = member.name.strip_prefix(&folder)?.strip_prefix("data/")?;
            Some((key.to_owned(), (index, member.length)))
        })
        .collect();
    if let Some(order) = order {
        expect_little_endian(archive.read(order)? == b"little")?;
    }
    let text = archive.read(pickle)?;
    let pickle = pickle::read(&mut text.as_slice()).map_err(of_pickle)?;
    let arrays = state(&pickle, |storage| {
        let (member, length) = storages
            .get(&storage.key)
            .ok_or_else(|| Fault::refused(format!("the numbers of `{}` are not in it", storage.key)))?;
        match storage.length() == Some(*length) {
            true => Ok((Origin::Member(*member), 0)),
            false => Err(Fault::refused(format!("the numbers of `{}` are cut short", storage.key))),
        }
    })?;
    Ok(Found { arrays, notes: Default::default(), held: Held::Archive { archive, last: None } })
}

/// The stream of earlier versions.
pub(super) fn stream(source: Box<dyn Source>) -> Result<Found, Fault> {
    let mut reader = Reader::new(source)?;
    let mut next = || pickle::read(&mut reader).map_err(of_pickle);
    let (_magic, _version, system, pickle, keys) = (next()?, next()?, next()?, next()?, next()?);
    let big = system.entries(system.root()).unwrap_or_default().into_iter().any(|(key, value)| {
        system.text(key).as_deref() == Some("little_endian") && matches!(system.value(value), Value::Bool(false))
    });
    expect_little_endian(!big)?;
    let mut storages = HashMap::new();
    for at in pickle.values().iter().filter_map(|value| match value {
        Value::Outside(id) => Some(*id),
        _ => None,
    }) {
        let storage = storage(&pickle, at)?;
        storages.insert(storage.key.clone(), storage);
    }
    let mut begins = HashMap::new();
    for key in keys.elements(keys.root()).ok_or_else(not_whole)? {
        let key = keys.text(*key).ok_or_else(not_whole)?;
        let storage = storages.get(&*key).ok_or_else(not_whole)?;
        let count = reader.u64()?;
        if count != storage.count as u64 {
            return Err(Fault::refused(format!("the numbers of `{key}` are not as many as they should be")));
        }
        begins.insert(key.into_owned(), reader.at());
        reader.skip(storage.length().ok_or_else(not_whole)?)?;
    }
    let arrays = state(&pickle, |storage| match begins.get(&storage.key) {
        Some(begin) => Ok((Origin::File, *begin)),
        None => Err(Fault::refused(format!("the numbers of `{}` are not in it", storage.key))),
    })?;
    Ok(Found { arrays, notes: Default::default(), held: reader.into_held() })
}

fn of_pickle(what: String) -> Fault {
    Fault::refused(format!("it {what}")).help(SAVE_STATE)
}

fn not_whole() -> Fault {
    Fault::refused("it is no whole PyTorch file")
}

fn expect_little_endian(little: bool) -> Result<(), Fault> {
    if little {
        Ok(())
    } else {
        Err(Fault::refused("its numbers were saved by a machine that begins with the highest byte"))
    }
}

/// Numbers that tensors look into.
struct Storage {
    key: String,
    number: Number,
    count: usize,
}

impl Storage {
    fn length(&self) -> Option<u64> {
        (self.count as u64).checked_mul(self.number.size() as u64)
    }
}

/// `("storage", torch.FloatStorage, key, device, count)`; old files may add a part of the storage that is meant.
fn storage(pickle: &Pickle, id: At) -> Result<Storage, Fault> {
    let parts = pickle.elements(id).unwrap_or(&[]);
    let [kind, class, key, _device, count, view @ ..] = parts else { return Err(not_whole()) };
    let Value::Name(Name::Storage(number)) = pickle.value(*class) else { return Err(not_whole()) };
    if pickle.text(*kind).as_deref() != Some("storage") {
        return Err(not_whole());
    }
    if view.iter().any(|view| !matches!(pickle.value(*view), Value::None)) {
        return Err(
            Fault::refused("it has storages that are parts of others, as PyTorch wrote before 0.4").help(SAVE_STATE)
        );
    }
    let (key, count) =
        (pickle.text(*key).ok_or_else(not_whole)?.into_owned(), pickle.length(*count).ok_or_else(not_whole)?);
    Ok(Storage { key, number: *number, count })
}

type Storages<'s> = dyn Fn(&Storage) -> Result<(Origin, u64), Fault> + 's;

/// The tensors of a net by name, wherever in the file its state is.
fn state(
    pickle: &Pickle,
    storages: impl Fn(&Storage) -> Result<(Origin, u64), Fault>,
) -> Result<IndexMap<String, Array>, Fault> {
    let root = pickle.root();
    let entries = pickle.entries(root).ok_or_else(|| Fault::unknown("it holds no named arrays").help(SAVE_STATE))?;
    let below = |key: &str| {
        let found = entries.iter().find(|(name, _)| pickle.text(*name).as_deref() == Some(key));
        found.map(|(_, value)| *value).filter(|value| pickle.entries(*value).is_some())
    };
    let at = match entries.iter().any(|(_, value)| is_tensor(pickle, *value)) {
        true => root,
        false => NESTED.iter().find_map(|key| below(key)).unwrap_or(root),
    };
    let mut collector = Collector { pickle, storages: &storages, arrays: IndexMap::new(), visited: 0 };
    collector.collect(at, "", 0)?;
    if collector.arrays.is_empty() {
        return Err(Fault::unknown("it holds no named arrays").help(SAVE_STATE));
    }
    Ok(collector.arrays)
}

struct Collector<'c> {
    pickle: &'c Pickle,
    storages: &'c Storages<'c>,
    arrays: IndexMap<String, Array>,
    visited: usize,
}

impl Collector<'_> {
    /// Puts every tensor below `at` under its way there.
    fn collect(&mut self, at: At, prefix: &str, depth: usize) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(Fault::refused("its dictionaries hold one another too deep"));
        }
        let entries = self.pickle.entries(at).unwrap_or_default();
        // One dictionary may lie in many others, so that there are more ways to it than there are dictionaries.
        self.visited += entries.len();
        if self.visited > MOST_ENTRIES {
            return Err(Fault::refused("it holds too many entries"));
        }
        for (key, value) in entries {
            let Some(name) = self.pickle.text(key) else { continue };
            let name = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}.{name}") };
            if is_tensor(self.pickle, value) {
                let array = tensor(self.pickle, value, self.storages).map_err(|fault| fault.of(&name))?;
                put(&mut self.arrays, name, array)?;
            } else {
                self.collect(value, &name, depth + 1)?;
            }
        }
        Ok(())
    }
}

fn is_tensor(pickle: &Pickle, at: At) -> bool {
    pickle.call(at).is_some_and(|(call, _)| matches!(call.name, Name::RebuildTensor | Name::RebuildParameter))
}

/// `_rebuild_tensor_v2(storage, first number, shape, strides, …)`, or a parameter that wraps it.
fn tensor(pickle: &Pickle, at: At, storages: &Storages) -> Result<Array, Fault> {
    let (call, arguments) = pickle.call(at).ok_or_else(not_whole)?;
    if call.name == Name::RebuildParameter {
        let inner = arguments
            .first()
            .filter(|inner| pickle.call(**inner).is_some_and(|(call, _)| call.name == Name::RebuildTensor));
        return tensor(pickle, *inner.ok_or_else(not_whole)?, storages);
    }
    let [id, first, shape, strides, ..] = arguments else { return Err(not_whole()) };
    let Value::Outside(id) = pickle.value(*id) else { return Err(not_whole()) };
    let storage = storage(pickle, *id)?;
    let first = pickle.length(*first).ok_or_else(not_whole)?;
    let (shape, strides) = (lengths(pickle, *shape)?, lengths(pickle, *strides)?);
    if shape.len() != strides.len() {
        return Err(not_whole());
    }
    let (origin, begin) = storages(&storage)?;
    let reached = reach(&shape, &strides).and_then(|reach| reach.checked_add(first));
    if reached.is_none_or(|reached| reached > storage.count) {
        return Err(Fault::refused("a tensor reaches beyond its numbers"));
    }
    // A tensor of few numbers could claim any shape by repeating them.
    let count = shape.iter().try_fold(1usize, |count, axis| count.checked_mul(*axis));
    if count.is_none_or(|count| count > storage.count) {
        return Err(Fault::refused("a tensor repeats its numbers").help(SAVE_WHOLE));
    }
    let strides = (!in_a_row(&shape, &strides)).then_some(strides);
    let place = Place { origin, offset: begin + (first * storage.number.size()) as u64, strides };
    Array::new(storage.number, shape, place)
}

fn lengths(pickle: &Pickle, at: At) -> Result<Vec<usize>, Fault> {
    let at = match pickle.call(at) {
        Some((call, [tuple])) if call.name == Name::Size => *tuple,
        _ => at,
    };
    pickle.lengths(at).ok_or_else(not_whole)
}
