//! The commands, as a person or a program meets them: arguments in; exit code, standard output and standard error out.

mod audit;
mod bench;
mod call;
mod check;
mod data;
mod diff;
mod expected;
mod fmt;
mod graph;
mod lsp;
mod modules;
mod report;
mod run;
mod runs;
mod show;
mod store;
mod submission;
mod table;
mod weights;
mod words;

use std::path::{Path, PathBuf};

pub use data::rgb;

use tempfile::TempDir;

/// What a command answered.
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Answer {
    /// Fails with all that was said unless the exit code is this one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Answer {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// The objects of `--json`.
    pub fn objects(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

/// A folder of its own, in which commands run.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file; folders on the way are made.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Place {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
        self
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// `wsss` with these words, in this folder, without a terminal.
    pub fn wsss(&self, words: &[&str]) -> Answer {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_wsss"));
        command.current_dir(self.folder.path()).env_remove("NO_COLOR").args(words);
        let output = command.output().expect("the program starts");
        Answer {
            code: output.status.code().expect("the program ends by itself"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// `wsss` where it needs no files.
pub fn wsss(words: &[&str]) -> Answer {
    Place::new().wsss(words)
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A recipe that is right and small.
pub const TINY: &str = r#"//! A tiny recipe.

supervision image

use nets { lenet_cam }
use losses { bce_with_logits }

param dataset = scenes(images = 12, size = 32, classes = 2)
param epochs  = 1

variant longer {
  epochs = 2
}

train cls {
  data      = dataset.train |> random_crop(32) |> standardize()
  batch     = 8
  epochs    = epochs
  optimizer = sgd(lr = 0.01)

  net net = lenet_cam(dataset.classes)

  step { image, tags } {
    loss cls = bce_with_logits(gap(net(image)), tags)
  }
}

infer maps {
  data = dataset.val |> standardize()

  each { image } {
    save map = sigmoid(cls.net(image)) |> resize_like(image)
  }
}

score seeds {
  data = dataset.val with { map = maps.map }

  each { map, mask } {
    metric map_iou = best_threshold_iou(map, mask, thresholds = [0.3, 0.5])
  }
}
"#;
