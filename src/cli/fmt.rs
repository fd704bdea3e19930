//! `wsss fmt PATH…`: the canonical format, in place; `--check` shows what would change and changes nothing.

use std::path::{Path, PathBuf};

use serde_json::json;
use walkdir::WalkDir;

use super::exit::Exit;
use super::output::Output;
use super::recipe;
use crate::diag::{Code, Diagnostic};
use crate::files;
use crate::source::Sources;
use crate::syntax;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Recipes, and folders that are searched for them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Prints what would change, changes nothing; exit code 1 if something would
    #[arg(long)]
    check: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let mut exit = Exit::Done;
    for path in &args.paths {
        match recipes(path) {
            Ok(files) => files.iter().for_each(|file| exit = exit.max(one(file, args.check, &output))),
            Err(problem) => exit = exit.max(output.problem(problem)),
        }
    }
    exit
}

/// The file itself, or the recipes below a folder, hidden folders and build folders left out.
fn recipes(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let visible = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "target")
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| Diagnostic::error(Code::CannotRead, error.to_string()))?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|extension| extension == "wsss") {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn one(path: &Path, check: bool, output: &Output) -> Exit {
    let mut sources = Sources::new();
    let text = match recipe::read(path, &mut sources) {
        Ok(text) => text,
        Err(problem) => return output.problems(&[problem], &sources),
    };
    let shown = path.display();
    let source = sources.add(shown.to_string(), text.clone());
    let formatted = match syntax::format(source, &text) {
        Ok(formatted) => formatted,
        // A file that cannot be read as a recipe stays as it is.
        Err(problems) => return output.problems(&problems.sorted(), &sources),
    };
    let changes = formatted != text;
    if output.json {
        output.object("formatted", json!({ "file": shown.to_string(), "changed": changes }));
    }
    if !changes {
        return Exit::Done;
    }
    if check {
        if !output.json {
            output.text(&diff(&shown.to_string(), &text, &formatted));
        }
        return Exit::Wrong;
    }
    match files::write_bytes(path, formatted.as_bytes()) {
        Ok(()) => {
            if !output.json {
                output.text(&format!("formatted {shown}"));
            }
            Exit::Done
        }
        Err(error) => output.problem(error.diagnostic()),
    }
}

/// The unified diff that leads from what is to what would be.
fn diff(name: &str, old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(2).header(name, &format!("{name} (formatted)")).to_string()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_diff_names_the_file_and_shows_the_lines() {
        expect![[r#"
            --- a.wsss
            +++ a.wsss (formatted)
            @@ -1,2 +1,2 @@
            -let a=1
            +let a = 1
             let b = 2
        "#]]
        .assert_eq(&diff("a.wsss", "let a=1\nlet b = 2\n", "let a = 1\nlet b = 2\n"));
    }

    #[test]
    fn folders_are_searched_for_recipes() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.wsss", "a.wsss", "notes.txt", "sub/c.wsss", ".git/d.wsss", "target/e.wsss"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("made");
            std::fs::write(path, "").expect("written");
        }
        let found = recipes(folder.path()).expect("listed");
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(folder.path()).expect("inside").to_path_buf()).collect();
        assert_eq!(names, ["a.wsss", "b.wsss", "sub/c.wsss"].map(PathBuf::from));
    }
}
