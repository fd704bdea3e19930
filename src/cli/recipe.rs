//! A recipe named on the command line, read and lowered: what `check`, `graph` and `run` begin with.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::list;
use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::hir::{self, Files, Program};
use crate::lower::{self, Choices, Recipe};
use crate::source::{Sources, Span};
use crate::syntax::ast::ItemKind;

/// Which recipe, with what decided: the arguments that several commands share.
#[derive(clap::Args, Clone, Default)]
pub(super) struct Choice {
    /// Takes the values of a variant of the recipe; several compose, later ones win
    #[arg(long = "variant", value_name = "NAME")]
    pub variants: Vec<String>,
    /// Gives a param another value: any expression of the language
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    pub sets: Vec<(String, String)>,
}

/// `name=value` in two.
pub(super) fn parse_set(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected `name=value`, for example `crop=96`")?;
    let (name, value) = (name.trim(), value.trim());
    let is_name = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    // A param of a used recipe is named by the way to it: `base.crop`.
    if !name.split('.').all(is_name) {
        return Err(format!("`{name}` is no name"));
    }
    if value.is_empty() {
        return Err(format!("nothing stands after `{name}=`"));
    }
    Ok((name.into(), value.into()))
}

/// A recipe with all that is known of it, problems included.
pub(super) struct Opened {
    pub sources: Sources,
    pub problems: Problems,
    pub program: Program,
    pub recipe: Recipe,
    /// The names of its variants.
    pub variants: Vec<String>,
}

/// Reads and lowers a recipe. Problems of its text are in [`Opened::problems`]; a file that cannot be read at all is the error,
/// with the sources it may point into.
pub(super) fn open(path: &Path, choice: &Choice) -> Result<Opened, Box<(Diagnostic, Sources)>> {
    let mut sources = Sources::new();
    let text = match read(path, &mut sources) {
        Ok(text) => text,
        Err(problem) => return Err(Box::new((problem, sources))),
    };
    let mut problems = Problems::default();
    let name = path.display().to_string();
    let program = hir::load(&name, &text, &choice.sets, &Disk, &mut sources, &mut problems);
    let stem = path.file_stem().map_or("recipe".into(), |stem| stem.to_string_lossy());
    let choices = Choices { variants: choice.variants.clone(), read: Some(|path| std::fs::read_to_string(path)) };
    let recipe = lower::lower(&stem, &program, &choices, &mut problems);
    let items = &program.module(program.recipe()).tree.items;
    let variants = items.iter().filter_map(|item| match &item.kind {
        ItemKind::Variant { name, .. } => Some(name.text.clone()),
        _ => None,
    });
    let variants = variants.collect();
    Ok(Opened { sources, problems, program, recipe, variants })
}

/// Files of recipes that a recipe uses.
pub(super) struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// The text of a file. Text that is not UTF-8 is added to the sources, so that the message can point into it.
pub(super) fn read(path: &Path, sources: &mut Sources) -> Result<String, Diagnostic> {
    let shown = path.display();
    let problem = |why: String| Diagnostic::error(Code::CannotRead, format!("cannot read `{shown}`: {why}"));
    let bytes = std::fs::read(path).map_err(|error| {
        let is_folder = error.kind() == ErrorKind::IsADirectory || path.is_dir();
        match error.kind() {
            _ if is_folder => problem("it is a folder".into()).help(recipes_of(path)),
            ErrorKind::NotFound => problem("there is no such file".into()).help(meant(path)),
            ErrorKind::PermissionDenied => problem("permission denied".into()).help("change its permissions"),
            _ => problem(error.to_string()),
        }
    })?;
    String::from_utf8(bytes).map_err(|error| {
        // Up to the broken byte the places are the same in the text that replaces it.
        let at = error.utf8_error().valid_up_to();
        let source = sources.add(shown.to_string(), String::from_utf8_lossy(error.as_bytes()));
        problem("it is not text in UTF-8".into())
            .label(Span::new(source, at..at + 1), "the first byte that is not")
            .help("save the file as UTF-8")
    })
}

/// What may have been meant by a path that leads nowhere.
fn meant(path: &Path) -> String {
    let with_extension = path.with_extension("wsss");
    if path.extension().is_none() && with_extension.is_file() {
        return format!("did you mean `{}`?", with_extension.display());
    }
    let name = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let folder = path.parent().unwrap_or(Path::new(""));
    let siblings = recipes_in(folder);
    let names = siblings.iter().filter_map(|sibling| sibling.file_name()?.to_str());
    match suggest::nearest(&name, names) {
        Some(near) => format!("did you mean `{}`?", folder.join(near).display()),
        None => match list::SHIPPED.iter().find(|recipe| Path::new(recipe.path).file_stem() == path.file_stem()) {
            Some(recipe) => format!("a recipe of that name comes with the program, as `{}` in its folder", recipe.path),
            None => "`wsss new NAME` writes a recipe to start from, `wsss list` shows those that come with the program"
                .into(),
        },
    }
}

fn recipes_of(folder: &Path) -> String {
    let recipes = recipes_in(folder);
    match recipes.as_slice() {
        [] => "name a recipe: a file that ends in .wsss".into(),
        recipes => {
            let shown: Vec<String> = recipes.iter().take(6).map(|path| format!("`{}`", path.display())).collect();
            format!("name one of its recipes: {}", shown.join(", "))
        }
    }
}

fn recipes_in(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut recipes: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "wsss")).collect();
    recipes.sort();
    recipes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_a_name_and_a_value() {
        assert_eq!(parse_set("crop=96"), Ok(("crop".into(), "96".into())));
        assert_eq!(parse_set("a = x == y"), Ok(("a".into(), "x == y".into())));
        assert_eq!(parse_set("base.crop=96"), Ok(("base.crop".into(), "96".into())));
        for text in ["crop", "=96", "crop=", "2a=1", "a b=1", "a;=1", "a.=1", "a..b=1"] {
            assert!(parse_set(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_may_be_meant() {
        let folder = tempfile::tempdir().expect("a folder");
        let recipe = folder.path().join("cams.wsss");
        std::fs::write(&recipe, "let a = \"\u{fc}\"\n").expect("written");
        let mut sources = Sources::new();
        assert!(read(&recipe, &mut sources).is_ok());
        let help = |path: PathBuf| read(&path, &mut Sources::new()).expect_err("refused").help.unwrap_or_default();
        assert!(help(folder.path().join("cams")).contains("cams.wsss`?"));
        assert!(help(folder.path().join("cans.wsss")).contains("cams.wsss`?"));
        assert!(help(folder.path().to_path_buf()).contains("cams.wsss"));
        assert!(help(folder.path().join("zebra.wsss")).contains("wsss new"));
    }

    #[test]
    fn text_that_is_not_utf_8_is_shown_where_it_breaks() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("latin.wsss");
        std::fs::write(&path, b"let a = 1\nlet gr\xfcn = 2\n").expect("written");
        let mut sources = Sources::new();
        let problem = read(&path, &mut sources).expect_err("refused");
        let text = crate::diag::render::draw(&problem, &sources, false);
        assert!(text.contains("latin.wsss:2:7]") && text.contains("the first byte that is not"), "{text}");
    }
}
