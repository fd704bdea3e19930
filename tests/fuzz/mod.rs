//! Texts that nobody wrote: recipes of the repository with parts changed, moved, doubled and lost; and files of weights likewise. For a second or
//! two in every test run; `WSSS_FUZZ_MINUTES=10 cargo test --release fuzz` goes on for longer. What is found is printed whole, or kept.

mod targets;
mod weights;

use std::path::Path;
use std::time::{Duration, Instant};

/// How long each target is driven in an ordinary test run.
const USUAL: Duration = Duration::from_millis(1500);

/// One text takes no longer than this, however wrong it is. Unoptimised programs on a busy machine stay far below it.
const SLOWEST: Duration = Duration::from_secs(60);

#[test]
fn any_text_is_parsed() {
    drive(targets::parser, 1);
}

#[test]
fn what_is_formatted_means_the_same() {
    drive(targets::round_trip, 2);
}

#[test]
fn any_recipe_is_checked() {
    drive(targets::checker, 3);
}

fn time() -> Duration {
    let minutes = std::env::var("WSSS_FUZZ_MINUTES").ok().and_then(|minutes| minutes.parse::<f64>().ok());
    minutes.map_or(USUAL, |minutes| Duration::from_secs_f64(minutes * 60.0))
}

fn seed(usual: u64) -> u64 {
    std::env::var("WSSS_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(usual)
}

fn drive(target: fn(&str), usual: u64) {
    let (time, seed) = (time(), seed(usual));
    let mut mutator = Mutator::new(corpus(), seed);
    let start = Instant::now();
    let mut count = 0u64;
    while start.elapsed() < time {
        let text = mutator.next_text();
        let began = Instant::now();
        let outcome = std::panic::catch_unwind(|| targets::deep(target, &text));
        count += 1;
        assert!(outcome.is_ok(), "text {count} of seed {seed}:\n{text}\n=== end of the text");
        assert!(began.elapsed() < SLOWEST, "text {count} of seed {seed} took {:?}:\n{text}", began.elapsed());
    }
    println!("{count} texts of seed {seed}");
}

/// Everything in the repository that is or holds a recipe, in small pieces.
fn corpus() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    let files = walkdir::WalkDir::new(root.join("stdlib"))
        .into_iter()
        .chain(walkdir::WalkDir::new(root.join("pipelines")))
        .chain(walkdir::WalkDir::new(root.join("tests")));
    let mut paths: Vec<_> = files.flatten().map(|entry| entry.into_path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "wsss")) {
        let text = std::fs::read_to_string(path).expect("a recipe of the repository");
        texts.extend(text.split("//===").map(|case| case.split_once('\n').map_or(case, |(_, rest)| rest).to_string()));
        texts.push(text);
    }
    let documents = ["docs/errors.md", "docs/language.md"].map(|path| std::fs::read_to_string(root.join(path)));
    for document in documents.into_iter().flatten() {
        let blocks = document.split("```wsss\n").skip(1);
        texts.extend(blocks.filter_map(|block| Some(block.split("```").next()?.to_string())));
    }
    texts.retain(|text| text.len() > 20 && text.len() < 12_000);
    texts
}

/// Makes new texts of old ones; the same seed makes the same texts.
struct Mutator {
    corpus: Vec<String>,
    /// Words and signs of the corpus, each once.
    tokens: Vec<String>,
    random: Random,
}

/// xorshift64*: good enough to choose with.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let word = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        if end == 0 { 0 } else { (word % end as u64) as usize }
    }
}

impl Mutator {
    fn new(corpus: Vec<String>, seed: u64) -> Mutator {
        let mut tokens: Vec<String> = corpus.iter().flat_map(|text| pieces(text)).map(str::to_string).collect();
        let odd = [
            "1e308",
            "-1",
            "0",
            "1e9",
            "9007199254740993",
            "0.5",
            "\"",
            "{",
            "}",
            "(",
            ")",
            "é",
            "\u{0}",
            "..",
            "//",
            "@",
        ];
        tokens.extend(odd.map(str::to_string));
        tokens.sort();
        tokens.dedup();
        Mutator { corpus, tokens, random: Random::new(seed) }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    fn next_text(&mut self) -> String {
        let at = self.below(self.corpus.len());
        let mut text = self.corpus[at].clone();
        for _ in 0..1 + self.below(4) {
            text = self.mutated(&text);
        }
        text
    }

    fn mutated(&mut self, text: &str) -> String {
        let mut parts: Vec<String> = match self.below(3) {
            // Whole lines, or words and signs.
            0 => text.split_inclusive('\n').map(str::to_string).collect(),
            _ => pieces(text).map(str::to_string).collect(),
        };
        if parts.is_empty() {
            parts.push(String::new());
        }
        let (a, b) = (self.below(parts.len()), self.below(parts.len()));
        match self.below(7) {
            0 => _ = parts.remove(a),
            1 => parts.insert(b, parts[a].clone()),
            2 => parts.swap(a, b),
            3 => {
                let token = self.below(self.tokens.len());
                parts[a] = self.tokens[token].clone();
            }
            4 => {
                let token = self.below(self.tokens.len());
                parts.insert(a, self.tokens[token].clone());
            }
            5 => {
                // The rest of another text.
                let other = self.below(self.corpus.len());
                let (from, count) = (self.below(60), 1 + self.below(8));
                let lines = self.corpus[other].split_inclusive('\n');
                parts.insert(a, lines.skip(from).take(count).collect());
            }
            _ => {
                let character = char::from_u32(self.below(0x250) as u32).unwrap_or(' ');
                parts.insert(a, character.to_string());
            }
        }
        parts.concat()
    }
}

/// Words, numbers, signs and blanks, one after the other.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let kind = |c: char| match c {
            c if c.is_alphanumeric() || c == '_' => 0,
            c if c.is_whitespace() => 1,
            _ => 2,
        };
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        // Signs stand alone, words and blanks together.
        let end = if kind(first) == 2 { first.len_utf8() } else { end };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}
