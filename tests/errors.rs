//! Wrong recipes and what is said about them: `tests/errors/*.wsss`, the answer under each offending line.
//!
//! A file is plain recipe text with annotation lines. The carets stand under the first label; further labels follow with `~`, then
//! the help. The test takes the annotations out, checks the recipe, writes them anew and compares. `UPDATE_EXPECT=1` writes them
//! into the file, to be read before it is committed. A file holds several recipes, separated by lines that begin with `//===`;
//! one that begins with `//=== --mem 1GiB:` is checked against that much memory.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wsss::compile::compile;
use wsss::cost::{self, Budget};
use wsss::diag::{Code, Diagnostic, Problems, Severity, amount};
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::{SourceId, Sources, Span};

/// What cases use as `base.wsss`.
const BASE: &str = "
    param images  = 8
    param dataset = scenes(images = images, size = 16, classes = 2)
    param crop    = 16 in 8..64
    param epochs  = 1
    param change  = x => x
    param unread  = 3
    variant small { crop = 8 }
    fn shared(x) = crop * x
    net dot(classes: int) {
      layer head = conv(3, classes)
      fn forward(image) = mean(head(image), axes = [2, 3])
    }
    train classifier {
      data      = dataset.train |> random_crop(crop)
      batch     = 2
      epochs    = epochs
      optimizer = sgd(lr = 0.1)
      net cls = dot(dataset.classes)
      step { image, tags } { loss cls = mean(square(change(cls(image / 255)) - tags)) }
    }
    infer cams {
      data = dataset.val
      each { image } { save cam = claim(sigmoid(classifier.cls.head(image)), \"unit\") }
    }";

/// A recipe that says it learns from masks.
const TEACHER: &str = "
    supervision pixel
    use data { scenes }
    param dataset = scenes(images = 8, size = 16, classes = 2)
    train teacher {
      data      = dataset.train |> standardize |> random_crop(16)
      batch     = 2
      epochs    = 1
      optimizer = sgd(lr = 0.1)
      net seg = conv(3, dataset.classes + 1)
      step { image, mask } { loss fit = mean(seg(image) * one_hot(mask, classes = dataset.classes + 1)) }
    }";

/// A recipe that learns from tags, unless its user says otherwise.
const STUDENT: &str = "
    supervision image
    use data { scenes }
    param dataset = scenes(images = 8, size = 16, classes = 2)
    param target  = sample => { image = sample.image, target = sample.tags }
    train student {
      data      = dataset.train |> standardize |> random_crop(16) |> map(target)
      batch     = 2
      epochs    = 1
      optimizer = sgd(lr = 0.1)
      net seg = conv(3, dataset.classes)
      step { image, target } { loss fit = mean(seg(image)) * mean(target) }
    }";

/// Recipes that cases use by path, those that are refused and those that are accepted.
pub struct CaseFiles;

impl Files for CaseFiles {
    fn read(&self, path: &Path) -> io::Result<String> {
        match path.to_str() {
            // Uses the case that uses it.
            Some("circle.wsss") => Ok("use \"case.wsss\" as back\n".into()),
            Some("masks.wsss") => Ok("fn background(labels) = mean(1 * (labels == 0))\n".into()),
            Some("teacher.wsss") => Ok(TEACHER.into()),
            Some("student.wsss") => Ok(STUDENT.into()),
            Some("empty.wsss") => Ok(String::new()),
            Some("base.wsss") => Ok(BASE.into()),
            Some("below.wsss") => Ok("use \"base.wsss\" as trunk { epochs = 2 }\nfn twice(x) = 2 * x\n".into()),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
        }
    }
}

#[test]
fn every_wrong_recipe_is_answered_as_written() {
    let mut cases = 0;
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    for path in corpus() {
        let expected = fs::read_to_string(&path).expect("the corpus is readable");
        let parts: Vec<&str> = split(&expected);
        let mut answer = String::new();
        for part in &parts {
            let (text, codes) = annotated(&plain(part));
            assert!(!codes.is_empty(), "a case of {} has no problem:\n{part}", path.display());
            answer += &text;
            cases += 1;
            seen.extend(codes);
        }
        if answer != expected {
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&path, &answer).expect("the corpus is writable");
            } else {
                wrong.push(format!("{}\n{}", path.display(), difference(&expected, &answer)));
            }
        }
    }
    assert!(wrong.is_empty(), "answers differ (UPDATE_EXPECT=1 writes them anew):\n{}", wrong.join("\n"));
    assert!(cases >= 150, "the corpus has {cases} cases");
    let checked: Vec<Code> = Code::ALL.iter().copied().filter(|code| !AT_RUN_TIME.contains(code)).collect();
    let missing: Vec<&str> = checked.iter().filter(|code| !seen.contains(code)).map(|code| code.slug()).collect();
    assert!(missing.is_empty(), "no wrong recipe shows {missing:?}");
}

/// Answers are read by people who know recipes, not this program.
#[test]
fn no_answer_speaks_of_the_program_itself() {
    let rules = include_str!("../grammar/wsss.pest").lines().filter_map(|line| line.split_once(" = "));
    let rules = rules.map(|(rule, _)| rule.trim()).filter(|rule| rule.contains('_')).map(str::to_owned);
    let passes = wsss::passes::PASSES.iter().map(|pass| pass.name.to_owned());
    let words: Vec<String> = rules
        .chain(passes)
        .chain(["::", "Option<", "Some(", "Vec<", "usize", "f64", "panic"].map(Into::into))
        .collect();
    for path in corpus() {
        let text = fs::read_to_string(&path).expect("the corpus is readable");
        let answers = text.lines().filter(|line| {
            ["error[", "warning[", "help: ", " ~ "].iter().any(|mark| line.starts_with("//") && line.contains(mark))
        });
        for answer in answers {
            let found = words.iter().find(|word| answer.contains(word.as_str()));
            assert!(found.is_none(), "{}: `{}` in {answer}", path.display(), found.map_or("", |word| word));
        }
    }
}

/// The corpus, with those of its answers that are known to be poor.
fn corpus() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    ["errors", "poor_messages"].iter().flat_map(|folder| files(&root.join(folder))).collect()
}

/// Problems of data, files and runs: no text alone can show them.
const AT_RUN_TIME: &[Code] = &[
    Code::DataNotFound,
    Code::DataBroken,
    Code::WeightsNotFound,
    Code::WeightsMismatch,
    Code::WeightsRefused,
    Code::WeightsChanged,
    Code::CannotWrite,
    Code::NotANumber,
    Code::OutOfMemory,
    Code::NoDevice,
    Code::Interrupted,
    Code::Internal,
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the corpus is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry of the corpus").path()).collect();
    files.sort();
    files
}

/// Recipes of a file; each keeps its `//===` line.
fn split(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = text.match_indices("//===").map(|(at, _)| at).collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    starts.push(text.len());
    starts.windows(2).map(|pair| &text[pair[0]..pair[1]]).filter(|part| !part.is_empty()).collect()
}

fn is_annotation(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("//") else { return false };
    let rest = rest.trim_start();
    ["^", "<", "~", "help: ", "error[", "warning["].iter().any(|mark| rest.starts_with(mark))
}

fn plain(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !is_annotation(line)).collect()
}

/// `//=== --mem 1GiB: …`: a case may say how much memory is allowed, for four pictures side by side.
fn budget(text: &str) -> Option<Budget> {
    let words = text.lines().next()?.strip_prefix("//=== --mem ")?;
    let bytes = amount::parse_bytes(words.split(':').next()?).expect("the header states an amount");
    Some(Budget { bytes, workers: 4 })
}

fn annotated(text: &str) -> (String, Vec<Code>) {
    let mut sources = Sources::new();
    let mut problems = Problems::default();
    let program = hir::load("case.wsss", text, &[], &CaseFiles, &mut sources, &mut problems);
    let recipe = lower("case", &program, &Choices::default(), &mut problems);
    if !problems.has_errors()
        && let Some(compiled) = compile(&recipe, &mut problems)
        && let Some(budget) = budget(text)
    {
        problems.extend(cost::refuse(&compiled, &cost::costs(&compiled, wsss::plan::Kept::F32), budget));
    }
    let problems = problems.sorted();
    let home = SourceId(0);
    let mut result = String::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        result += line;
        if !line.ends_with('\n') {
            result.push('\n');
        }
        // What has no place in this text stands at its top.
        if start == 0 {
            let elsewhere =
                |problem: &&Diagnostic| problem.labels.first().is_none_or(|label| label.span.source != home);
            problems.iter().filter(elsewhere).for_each(|problem| say(&mut result, problem, None, &sources));
        }
        for problem in &problems {
            let Some(first) = problem.labels.first().filter(|label| label.span.source == home) else { continue };
            let at = first.span.start as usize;
            // What is wrong at the very end belongs to the last line.
            if (start..end).contains(&at) || (at >= text.len() && end == text.len()) {
                say(&mut result, problem, Some(start), &sources);
            }
        }
        start = end;
    }
    (result, problems.iter().map(|problem| problem.code).collect())
}

fn say(out: &mut String, problem: &Diagnostic, line_start: Option<usize>, sources: &Sources) {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let head = format!("{severity}[{}]: {}", problem.code, problem.message);
    let indent = match (line_start, problem.labels.first()) {
        (Some(start), Some(label)) => {
            let (column, carets) = carets(start, label.span, sources);
            match column.checked_sub(2) {
                Some(gap) => writeln!(out, "//{}{} {head}", " ".repeat(gap), "^".repeat(carets)),
                None => writeln!(out, "//< {head}"),
            }
            .expect("text is written");
            column.saturating_sub(2) + carets + 1
        }
        _ => {
            writeln!(out, "// {head}").expect("text is written");
            1
        }
    };
    let indent = " ".repeat(indent);
    for label in problem.labels.iter().skip(usize::from(line_start.is_some())) {
        let place = place(label.span, sources);
        writeln!(out, "//{indent}~ {place} {}", label.text).expect("text is written");
    }
    if let Some(help) = &problem.help {
        writeln!(out, "//{indent}help: {help}").expect("text is written");
    }
}

/// Line and column in the case itself; elsewhere the file and the words, so that an edit of the library moves nothing here.
fn place(span: Span, sources: &Sources) -> String {
    if span.source == SourceId(0) {
        return sources.place(span);
    }
    let words: String = sources.text(span).lines().next().unwrap_or("").chars().take(40).collect();
    format!("{} `{words}`", sources.get(span.source).name)
}

/// Column from 0, and how many characters the label covers on its first line.
fn carets(line_start: usize, span: Span, sources: &Sources) -> (usize, usize) {
    let text = &sources.get(span.source).text;
    let at = (span.start as usize).min(text.len());
    let column = text[line_start.min(at)..at].chars().count();
    let rest = text[at..(span.end as usize).clamp(at, text.len())].lines().next().unwrap_or("");
    (column, rest.chars().count().max(1))
}

/// The first lines that differ.
fn difference(expected: &str, found: &str) -> String {
    let mut text = String::new();
    for (i, (a, b)) in expected.lines().zip(found.lines()).enumerate() {
        if a != b {
            writeln!(text, "line {}:\n- {a}\n+ {b}", i + 1).expect("text is written");
            if text.len() > 2000 {
                break;
            }
        }
    }
    let (a, b) = (expected.lines().count(), found.lines().count());
    if a != b {
        writeln!(text, "{a} lines were expected, {b} found").expect("text is written");
    }
    text
}
