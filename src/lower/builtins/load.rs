//! `load` and `from_file`: weights that begin as a file has them, with what the file's manifest says of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::{Arguments, is_nameable, knowledge, net, texts, unnameable};
use crate::diag::{Code, Diagnostic};
use crate::lower::Lower;
use crate::lower::recipe::{Init, WeightsFile};
use crate::lower::value::{Begin, Value};
use crate::manifest::Manifest;
use crate::source::Span;

/// What `{ file = …, … }` may hold.
const RECORD: &str = "`{ file = \"…\", carries = \"…\", manifest = \"…\", strict = … }`";

/// What is said of a file, by the call or by the record that names it.
#[derive(Default)]
struct Said {
    file: String,
    carries: Option<String>,
    manifest: Option<String>,
    strict: Option<bool>,
}

/// One array of a file.
pub(super) fn from_file<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let (file, name) = (a.text(lower, 0, "")?, a.text(lower, 1, "")?);
    let span = a.get(0).map_or(a.span, |given| given.span);
    let file = described(lower, Said { file, ..Said::default() }, Vec::new(), span)?;
    Some(Value::Init(Init::File { file, name, whole: false, otherwise: None }))
}

/// A whole net.
pub(super) fn load<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let mut net = net(lower, a, 0)?.0.clone();
    let given = a.get(1)?;
    let mut said = match &given.value {
        Value::Nothing => return Some(Value::Net(net)),
        Value::Record(fields) => {
            let mut said = Said::default();
            for (name, value) in fields.iter() {
                match (name.as_str(), value) {
                    ("file", Value::Text(text)) => said.file = text.to_string(),
                    ("carries", Value::Text(text)) => said.carries = Some(text.to_string()),
                    ("manifest", Value::Text(text)) => said.manifest = Some(text.to_string()),
                    ("strict", Value::Bool(strict)) => said.strict = Some(*strict),
                    _ => return a.wrong(lower, 1, RECORD),
                }
            }
            if said.file.is_empty() {
                return a.wrong(lower, 1, RECORD);
            }
            said
        }
        _ => Said { file: a.text(lower, 1, "")?, ..Said::default() },
    };
    let span = a.get(3).unwrap_or(given).span;
    if a.get(3).is_some() {
        said.carries = Some(knowledge(lower, a, 3)?);
    }
    if a.get(4).is_some() {
        said.strict = Some(a.flag(lower, 4, true)?);
    }
    if a.get(5).is_some() {
        said.manifest = Some(a.text(lower, 5, "")?);
    }
    let except = texts(lower, a, 2)?.map_or(Vec::new(), |(texts, _)| texts);
    net.begin = Some(Rc::new(Begin::File(described(lower, said, except, span)?)));
    Some(Value::Net(net))
}

/// The file with what its manifest adds: what the recipe says goes before.
fn described(lower: &mut Lower, said: Said, except: Vec<String>, span: Span) -> Option<Arc<WeightsFile>> {
    let manifest = manifest(lower, &said, span)?;
    let carries = said.carries.or(manifest.carries);
    if let Some(what) = carries.as_deref().filter(|what| !is_nameable(what)) {
        lower.report(unnameable(what, span));
        return None;
    }
    let strict = said.strict.unwrap_or(true);
    Some(Arc::new(WeightsFile {
        path: said.file,
        except,
        carries,
        source: manifest.source,
        names: manifest.names,
        strict,
    }))
}

/// The manifest that the recipe names, which must be there, or the one beside the file, which need not.
fn manifest(lower: &mut Lower, said: &Said, span: Span) -> Option<Manifest> {
    let path = said.manifest.as_ref().map_or_else(|| Manifest::beside(Path::new(&said.file)), PathBuf::from);
    let read = lower.read.map_or(Err(ErrorKind::NotFound.into()), |read| read(&path));
    let why = match read {
        Ok(text) => match Manifest::parse(&text) {
            Ok(manifest) => return Some(manifest),
            Err(what) => what,
        },
        Err(error) => match (error.kind(), &said.manifest) {
            (ErrorKind::NotFound | ErrorKind::NotADirectory, None) => return Some(Manifest::default()),
            (ErrorKind::NotFound, Some(_)) => "there is no such file".to_owned(),
            _ => error.to_string(),
        },
    };
    lower.report(
        Diagnostic::error(Code::CannotRead, format!("the manifest {} cannot be read: {why}", path.display()))
            .label(span, "it says what these weights are")
            .help("a manifest has `carries`, `source` and `names`: docs/weights.md"),
    );
    None
}
