//! `wsss show NAME --run RUN --image ID`: what a stage saved of one picture, as a picture or as an array.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use super::past;
use crate::data::{self, Grid};
use crate::diag::{Code, Diagnostic, suggest};
use crate::store::{Lock, Store, file_name, heat, npz, palette};

#[derive(clap::Args)]
pub(super) struct Args {
    /// What is saved: `cam`, or with its stage `cams.cam`
    name: String,
    /// The folder of the run, or its name below `--runs`; without it, the run that began last
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// Which picture
    #[arg(long, value_name = "ID")]
    image: String,
    /// A .png or .npz file; without it, only shape and range are told
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where runs and the store are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let ending = args.out.as_deref().map(|out| out.extension().and_then(|ending| ending.to_str()).unwrap_or_default());
    if ending.is_some_and(|ending| !["png", "npz"].contains(&ending)) {
        return output.usage("`--out` ends in neither .png nor .npz", "a picture is a .png, an array an .npz");
    }
    match shown(&args) {
        Ok(shown) if args.json => output.object("value", shown.object(&args)),
        Ok(shown) => output.text(&shown.text(&args)),
        Err(problem) => return output.problem(problem),
    }
    Exit::Done
}

/// Something that one stage of a run saved.
struct Save {
    stage: String,
    name: String,
    folder: PathBuf,
}

impl Save {
    fn full(&self) -> String {
        format!("{}.{}", self.stage, self.name)
    }
}

/// A saved value, and how it was drawn.
struct Shown {
    save: Save,
    value: Tensor,
    /// Smallest and largest number; `None` where there is no number.
    range: Option<(f32, f32)>,
    /// The planes that stand side by side in the picture.
    planes: Vec<usize>,
}

fn shown(args: &Args) -> Result<Shown, Diagnostic> {
    let (folder, lock) = past::find(args.run.as_deref(), &args.runs, "--runs")?;
    // A run folder given by its path has the store beside it.
    let beside = folder.path().parent().filter(|_| args.run.is_some()).unwrap_or(&args.runs);
    let save = find(&args.name, saves(&lock, &Store::at(beside)))?;
    let value = read(&save, &args.image)?;
    let mut shown = Shown { range: range(&value)?, save, value, planes: Vec::new() };
    match args.out.as_deref() {
        Some(out) if out.extension().is_some_and(|ending| ending == "npz") => {
            npz::write(out, &[(&shown.save.name, &shown.value)]).map_err(|error| error.diagnostic())?;
        }
        Some(out) => shown.draw(out)?,
        None => {}
    }
    Ok(shown)
}

/// All that the finished stages of a run saved.
fn saves(lock: &Lock, store: &Store) -> Vec<Save> {
    let mut saves = Vec::new();
    for stage in &lock.stages {
        let Some(maps) = store.find(&stage.key).map(|finished| finished.path("maps")) else { continue };
        for name in names(&maps) {
            saves.push(Save { stage: stage.name.clone(), folder: maps.join(&name), name });
        }
    }
    saves
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn find(name: &str, saves: Vec<Save>) -> Result<Save, Diagnostic> {
    let full: Vec<String> = saves.iter().map(Save::full).collect();
    let ends = |full: &String| full == name || full.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
    let meant: Vec<usize> = match full.iter().position(|full| full == name) {
        Some(one) => vec![one],
        None => (0..full.len()).filter(|at| ends(&full[*at])).collect(),
    };
    let problem = |message: String, help: String| Err(Diagnostic::error(Code::UnknownName, message).help(help));
    match meant.as_slice() {
        [] if full.is_empty() => problem(
            format!("no finished stage of the run saved `{name}`"),
            "none saved anything: an `infer` stage does, with `save`".into(),
        ),
        [] => {
            let help = suggest::help(name, "saved", full.iter().map(String::as_str));
            problem(format!("no finished stage of the run saved `{name}`"), help)
        }
        [one] => saves.into_iter().nth(*one).ok_or_else(|| Diagnostic::error(Code::Internal, "a save is lost")),
        several => {
            let names: Vec<String> = several.iter().map(|at| format!("`{}`", full[*at])).collect();
            problem(format!("several stages saved `{name}`"), format!("say which: {}", names.join(", ")))
        }
    }
}

/// The value of one picture: class numbers from a palette PNG, anything else from an archive.
fn read(save: &Save, image: &str) -> Result<Tensor, Diagnostic> {
    let stem = file_name(image);
    let (png, archive) = (save.folder.join(format!("{stem}.png")), save.folder.join(format!("{stem}.npz")));
    if png.is_file() {
        let Grid { height, width, data } = data::read_indices(&png).map_err(|error| error.diagnostic())?;
        let numbers: Vec<u32> = data.into_iter().map(u32::from).collect();
        return Tensor::from_vec(numbers, (height, width), &Device::Cpu).map_err(ours);
    }
    if !archive.is_file() {
        let known = names(&save.folder);
        let known = known.iter().filter_map(|name| name.rsplit_once('.').map(|(id, _)| id));
        let message = format!("`{}` has no picture `{image}`", save.full());
        return Err(Diagnostic::error(Code::UnknownName, message).help(suggest::help(image, "pictures", known)));
    }
    let arrays = npz::read(&archive).map_err(|error| error.diagnostic())?;
    let first = arrays.into_iter().next().map(|(_, array)| array);
    first.ok_or_else(|| Diagnostic::error(Code::CannotRead, format!("`{}` holds no array", archive.display())))
}

fn numbers(value: &Tensor) -> Result<Vec<f32>, Diagnostic> {
    value.to_dtype(DType::F32).and_then(|value| value.flatten_all()?.to_vec1()).map_err(ours)
}

fn range(value: &Tensor) -> Result<Option<(f32, f32)>, Diagnostic> {
    let numbers = numbers(value)?;
    let numbers = || numbers.iter().copied().filter(|number| number.is_finite());
    Ok(numbers().reduce(f32::min).zip(numbers().reduce(f32::max)))
}

fn ours(error: candle_core::Error) -> Diagnostic {
    Diagnostic::error(Code::Internal, error.to_string())
}

impl Shown {
    /// Class numbers in the colours of VOC; of real maps all planes that show something, side by side.
    fn draw(&mut self, out: &Path) -> Result<(), Diagnostic> {
        let (dims, index) = (self.value.dims().to_vec(), !self.value.dtype().is_float());
        let (planes, height, width) = match dims[..] {
            [height, width] => (1, height, width),
            [planes, height, width] if !index => (planes, height, width),
            _ => (0, 0, 0),
        };
        if planes * height * width == 0 {
            let kind = if index { "whole numbers" } else { "real numbers" };
            let message = format!("`{}` is no picture: {kind} of shape {dims:?}", self.save.full());
            let help = format!("write it as an array: `--out {}.npz`", self.save.name);
            return Err(Diagnostic::error(Code::WrongKind, message).help(help));
        }
        if index {
            let numbers: Vec<u32> =
                self.value.to_dtype(DType::U32).and_then(|value| value.flatten_all()?.to_vec1()).map_err(ours)?;
            // There are 256 colours; of more regions than that some look alike.
            let data = numbers.into_iter().map(|number| (number % 256) as u8).collect();
            return palette::write(out, &Grid { height, width, data }).map_err(|error| error.diagnostic());
        }
        let numbers = numbers(&self.value)?;
        let plane = |at: usize| &numbers[at * height * width..(at + 1) * height * width];
        self.planes = (0..planes).filter(|at| plane(*at).iter().any(|number| *number != 0.0)).collect();
        if self.planes.is_empty() {
            self.planes.push(0);
        }
        let (low, high) = self.range.unwrap_or_default();
        let picture = heat::Planes { height, width, planes: self.planes.iter().map(|at| plane(*at)).collect() };
        heat::write(out, &picture, low, high).map_err(|error| error.diagnostic())
    }

    fn text(&self, args: &Args) -> String {
        let numbers = if self.value.dtype().is_float() { "real numbers" } else { "whole numbers" };
        let range = self.range.map_or(String::new(), |(low, high)| format!(", from {low} to {high}"));
        let mut text =
            format!("{} of {}: {numbers} of shape {:?}{range}\n", self.save.full(), args.image, self.value.dims());
        if self.planes.len() > 1 {
            let planes: Vec<String> = self.planes.iter().map(usize::to_string).collect();
            text += &format!("side by side: {}\n", planes.join(", "));
        }
        if let Some(out) = &args.out {
            text += &format!("written to {}\n", out.display());
        }
        text
    }

    fn object(&self, args: &Args) -> serde_json::Value {
        json!({
            "stage": self.save.stage,
            "save": self.save.name,
            "image": args.image,
            "shape": self.value.dims(),
            "real": self.value.dtype().is_float(),
            "min": self.range.map(|(low, _)| low),
            "max": self.range.map(|(_, high)| high),
            "planes": self.planes,
            "out": args.out,
        })
    }
}
