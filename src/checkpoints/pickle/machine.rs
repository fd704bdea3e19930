//! The machine that a pickle is a program for: a stack, marks on it, a memo.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use super::{At, Call, Name, Pickle, Value};

/// No pickle of weights is longer, or holds more values: numbers lie outside of it, but for small arrays of NumPy.
const MOST_BYTES: u64 = 1 << 28;
const MOST_VALUES: usize = 1 << 23;

/// Places on the stack that it may fill in its whole run, marks on it and entries of the memo: one byte of a pickle is enough for any of them.
const MOST_STEPS: usize = 1 << 25;

/// Text that a line of the pickle may have.
const MOST_LINE: usize = 1 << 12;

/// Reads one pickle and not a byte more.
///
/// # Errors
/// What is no pickle of the protocols 2 to 5, is too large, or names what is not on the list.
pub(in crate::checkpoints) fn read(source: &mut dyn Read) -> Result<Pickle, String> {
    let input = source.take(MOST_BYTES);
    let mut machine =
        Machine { input, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), steps: 0, memo: HashMap::new() };
    let root = machine.run()?;
    Ok(Pickle { values: machine.values, root })
}

struct Machine<R> {
    input: R,
    values: Vec<Value>,
    stack: Vec<At>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    steps: usize,
    memo: HashMap<u32, At>,
}

impl<R: Read> Machine<R> {
    fn run(&mut self) -> Result<At, String> {
        loop {
            let [code] = self.bytes()?;
            match code {
                0x80 => match self.bytes()? {
                    [2..=5] => {}
                    [other] => return Err(format!("has a pickle of protocol {other}; 2 to 5 are read")),
                },
                0x95 => _ = self.bytes::<8>()?,
                b'.' => return self.pop(),

                b'(' => {
                    self.step()?;
                    self.marks.push(self.stack.len());
                }
                b'0' => _ = self.pop()?,
                b'1' => _ = self.since_mark()?,
                b'2' => {
                    let top = self.top()?;
                    self.lay(top)?;
                }
                b'q' => {
                    let [index] = self.bytes()?;
                    self.remember(index.into())?;
                }
                b'r' => {
                    let index = u32::from_le_bytes(self.bytes()?);
                    self.remember(index)?;
                }
                0x94 => self.remember(u32::try_from(self.memo.len()).unwrap_or(u32::MAX))?,
                b'h' => {
                    let [index] = self.bytes()?;
                    self.recall(index.into())?;
                }
                b'j' => {
                    let index = u32::from_le_bytes(self.bytes()?);
                    self.recall(index)?;
                }

                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                b'J' => {
                    let number = i32::from_le_bytes(self.bytes()?);
                    self.push(Value::Int(number.into()))?;
                }
                b'K' => {
                    let [number] = self.bytes()?;
                    self.push(Value::Int(number.into()))?;
                }
                b'M' => {
                    let number = u16::from_le_bytes(self.bytes()?);
                    self.push(Value::Int(number.into()))?;
                }
                0x8a => {
                    let [length] = self.bytes()?;
                    self.whole_number(length.into())?;
                }
                0x8b => {
                    let length = u32::from_le_bytes(self.bytes()?);
                    self.whole_number(length.into())?;
                }
                b'G' => {
                    self.bytes::<8>()?;
                    self.push(Value::Other)?;
                }

                b'U' | b'C' => {
                    let [length] = self.bytes()?;
                    self.raw(length.into())?;
                }
                b'T' | b'B' => {
                    let length = u32::from_le_bytes(self.bytes()?);
                    self.raw(length.into())?;
                }
                0x8e | 0x96 => {
                    let length = u64::from_le_bytes(self.bytes()?);
                    self.raw(length)?;
                }
                0x8c => {
                    let [length] = self.bytes()?;
                    self.text(length.into())?;
                }
                b'X' => {
                    let length = u32::from_le_bytes(self.bytes()?);
                    self.text(length.into())?;
                }
                0x8d => {
                    let length = u64::from_le_bytes(self.bytes()?);
                    self.text(length)?;
                }

                // A set is a list here: nobody asks one for more than its elements.
                b']' | 0x8f => self.push(Value::List(Vec::new()))?,
                b')' => self.push(Value::Tuple(Vec::new()))?,
                b'}' => self.push(Value::Dict(Vec::new()))?,
                b't' => {
                    let elements = self.since_mark()?;
                    self.push(Value::Tuple(elements))?;
                }
                0x85..=0x87 => {
                    let count = usize::from(code - 0x84);
                    let from = self.stack.len().checked_sub(count).filter(|from| *from >= self.low());
                    let elements = self.stack.split_off(from.ok_or_else(nothing_there)?);
                    self.push(Value::Tuple(elements))?;
                }
                b'l' | 0x91 => {
                    let elements = self.since_mark()?;
                    self.push(Value::List(elements))?;
                }
                b'd' => {
                    let entries = pairs(&self.since_mark()?)?;
                    self.push(Value::Dict(entries))?;
                }
                b'a' => {
                    let element = self.pop()?;
                    self.append(&[element])?;
                }
                b'e' | 0x90 => {
                    let elements = self.since_mark()?;
                    self.append(&elements)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(&[(key, value)])?;
                }
                b'u' => {
                    let entries = pairs(&self.since_mark()?)?;
                    self.set(&entries)?;
                }

                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.name(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    match (&self.values[module], &self.values[name]) {
                        (Value::Text(module), Value::Text(name)) => {
                            let (module, name) = (module.clone(), name.clone());
                            self.name(&module, &name)?;
                        }
                        _ => return Err("has a pickle that names what is no name".into()),
                    }
                }
                b'R' | 0x81 => {
                    let arguments = self.pop()?;
                    let callee = self.pop()?;
                    match (&self.values[callee], &self.values[arguments]) {
                        (Value::Name(name), Value::Tuple(_)) => {
                            let call = Call { name: *name, arguments, entries: Vec::new(), state: None };
                            self.push(Value::Call(call))?;
                        }
                        _ => return Err("has a pickle that calls what is no name".into()),
                    }
                }
                b'b' => {
                    let state = self.pop()?;
                    let top = self.top()?;
                    match &mut self.values[top] {
                        Value::Call(call) => call.state = Some(state),
                        _ => return Err("has a pickle that changes what is no object".into()),
                    }
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Value::Outside(id))?;
                }
                other => return Err(format!("has a pickle with an instruction that is not read (0x{other:02x})")),
            }
        }
    }

    fn push(&mut self, value: Value) -> Result<(), String> {
        if self.values.len() >= MOST_VALUES {
            return Err(format!("has a pickle of more than {MOST_VALUES} values"));
        }
        self.values.push(value);
        self.lay(self.values.len() - 1)
    }

    /// Lays a value on the stack.
    fn lay(&mut self, value: At) -> Result<(), String> {
        self.step()?;
        self.stack.push(value);
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(format!("has a pickle of more than {MOST_STEPS} steps"));
        }
        Ok(())
    }

    /// The value on top, which lies above the last mark.
    fn pop(&mut self) -> Result<At, String> {
        if self.stack.len() > self.low() { self.stack.pop().ok_or_else(nothing_there) } else { Err(nothing_there()) }
    }

    /// Where the last mark lies: nothing below it is taken off the stack before the mark is.
    fn low(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<At, String> {
        self.stack.last().copied().ok_or_else(nothing_there)
    }

    fn since_mark(&mut self) -> Result<Vec<At>, String> {
        let mark = self.marks.pop().ok_or_else(nothing_there)?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, index: u32) -> Result<(), String> {
        let top = self.top()?;
        self.step()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), String> {
        let value = self.memo.get(&index).copied().ok_or_else(nothing_there)?;
        self.lay(value)
    }

    fn append(&mut self, elements: &[At]) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::List(list) => list.extend(elements),
            _ => return Err("has a pickle that appends to what is no list".into()),
        }
        Ok(())
    }

    fn set(&mut self, entries: &[(At, At)]) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::Dict(known) => known.extend(entries),
            Value::Call(call) if matches!(call.name, Name::OrderedDict | Name::Plain) => call.entries.extend(entries),
            _ => return Err("has a pickle that sets entries of what is no dictionary".into()),
        }
        Ok(())
    }

    fn name(&mut self, module: &str, name: &str) -> Result<(), String> {
        match Name::of(module, name) {
            Some(name) => self.push(Value::Name(name)),
            None => Err(format!("asks for `{module}.{name}`, which weights do not need; nothing of it was run")),
        }
    }

    fn whole_number(&mut self, length: u64) -> Result<(), String> {
        let bytes = self.take(length)?;
        let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut small = [if negative { 0xff } else { 0 }; 8];
        match small.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(&bytes);
                self.push(Value::Int(i64::from_le_bytes(small)))
            }
            None => self.push(Value::Other),
        }
    }

    fn raw(&mut self, length: u64) -> Result<(), String> {
        let bytes = self.take(length)?;
        self.push(Value::Bytes(Arc::new(bytes)))
    }

    fn text(&mut self, length: u64) -> Result<(), String> {
        let bytes = self.take(length)?;
        self.push(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Up to the end of the line.
    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            match self.bytes()? {
                [b'\n'] => return Ok(String::from_utf8_lossy(&line).into_owned()),
                [_] if line.len() >= MOST_LINE => return Err("has a pickle with a name that does not end".into()),
                [byte] => line.push(byte),
            }
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(cut)?;
        Ok(bytes)
    }

    /// As many bytes as there are at least: what is claimed and not there is never allocated.
    fn take(&mut self, length: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(length).read_to_end(&mut bytes).map_err(cut)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err("has a pickle that is cut short".into()) }
    }
}

fn pairs(values: &[At]) -> Result<Vec<(At, At)>, String> {
    let (pairs, []) = values.as_chunks::<2>() else { return Err("has a pickle with a key that has no value".into()) };
    Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
}

fn nothing_there() -> String {
    "has a pickle that takes what is not there".into()
}

fn cut(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "has a pickle that is cut short".into(),
        _ => error.to_string(),
    }
}
