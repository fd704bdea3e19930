//! The standard library: ordinary recipe text, embedded, in the order `wsss doc` shows it.
//!
//! A module is a file (`cam`) or a folder of files (`nets`): `use nets { resnet18_cam }` opens only the file of the folder that
//! defines the name.

/// One embedded file.
pub struct File {
    /// What stands after `use`: `cam`; for a file of a folder the folder: `nets`.
    pub module: &'static str,
    /// The name shown in messages: `std/nets/resnet.wsss`.
    pub path: &'static str,
    pub text: &'static str,
}

macro_rules! embed {
    ($($module:literal: $path:literal,)*) => {
        &[$(File {
            module: $module,
            path: concat!("std/", $path),
            text: include_str!(concat!("../stdlib/", $path)),
        },)*]
    };
}

/// Every file of the standard library.
pub static FILES: &[File] = embed! {
    "prelude": "prelude.wsss",
    "layers": "layers.wsss",
    "nets": "nets/lenet.wsss",
    "nets": "nets/resnet.wsss",
    "nets": "nets/resnest.wsss",
    "nets": "nets/resnet38.wsss",
    "nets": "nets/vgg.wsss",
    "nets": "nets/mobilenet.wsss",
    "nets": "nets/squeezenet.wsss",
    "nets": "nets/vit.wsss",
    "nets": "nets/deeplab_resnet.wsss",
    "nets": "nets/heads.wsss",
    "nets": "nets/unet.wsss",
    "nets": "nets/correlation.wsss",
    "cam": "cam.wsss",
    "pool": "pool.wsss",
    "affinity": "affinity.wsss",
    "refine": "refine.wsss",
    "erase": "erase.wsss",
    "seeds": "seeds.wsss",
    "losses": "losses.wsss",
    "seam": "seam.wsss",
    "schedules": "schedules.wsss",
    "data": "data.wsss",
    "tiles": "tiles.wsss",
    "cpn": "cpn.wsss",
};

/// The files of a module; none where there is no such module.
pub fn files(module: &str) -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(move |file| file.module == module)
}

/// Module names, each once.
pub fn modules() -> Vec<&'static str> {
    let mut names: Vec<&str> = FILES.iter().map(|file| file.module).collect();
    names.dedup();
    names
}

impl File {
    /// Whether the file defines `name` at its top level; reads the text, not the tree, so that nothing is parsed in vain.
    pub fn defines(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// The names defined at the top level.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.text.lines().filter_map(|line| {
            let rest = ["fn ", "net ", "let "].iter().find_map(|keyword| line.strip_prefix(keyword))?;
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
            Some(&rest[..end])
        })
    }
}
