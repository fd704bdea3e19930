//! `wsss list`: the recipes that come with the program, one line each.

use serde_json::json;

use super::exit::Exit;
use super::output::Output;

/// A recipe of `pipelines/`, embedded.
pub(super) struct Shipped {
    /// `pipelines/cam.wsss`
    pub path: &'static str,
    pub text: &'static str,
}

macro_rules! shipped {
    ($($path:literal,)*) => {
        &[$(Shipped { path: concat!("pipelines/", $path), text: include_str!(concat!("../../pipelines/", $path)) },)*]
    };
}

/// Every file of `pipelines/`; a test compares the two.
pub(super) const SHIPPED: &[Shipped] = shipped! {
    "cam.wsss",
    "hide_and_seek.wsss",
    "gain.wsss",
    "puzzlecam.wsss",
    "seam.wsss",
    "psa.wsss",
    "segmentation.wsss",
    "ecsnet.wsss",
    "occse.wsss",
    "erase_and_infer.wsss",
    "cpn.wsss",
    "isim.wsss",
    "multi_estimations.wsss",
    "noisy_labels.wsss",
};

impl Shipped {
    /// The first line of the recipe's own description.
    fn summary(&self) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix("//!")).map_or("", str::trim)
    }

    fn variants(&self) -> Vec<&'static str> {
        let headers = self.text.lines().filter_map(|line| line.strip_prefix("variant "));
        headers.filter_map(|rest| rest.split_whitespace().next()).collect()
    }
}

#[derive(clap::Args)]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let width = SHIPPED.iter().map(|recipe| recipe.path.len()).max().unwrap_or(0);
    for recipe in SHIPPED {
        if args.json {
            let fields = json!({ "path": recipe.path, "summary": recipe.summary(), "variants": recipe.variants() });
            output.object("recipe", fields);
        } else {
            output.text(&format!(
                "{}{}  {}",
                output.bold(recipe.path),
                " ".repeat(width - recipe.path.len()),
                recipe.summary()
            ));
        }
    }
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_recipe_is_forgotten_and_each_says_what_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines");
        let files = std::fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut files: Vec<String> =
            files.filter(|name| name.ends_with(".wsss")).map(|name| format!("pipelines/{name}")).collect();
        files.sort();
        let mut shipped: Vec<&str> = SHIPPED.iter().map(|recipe| recipe.path).collect();
        shipped.sort();
        assert_eq!(files, shipped);
        SHIPPED.iter().for_each(|recipe| assert!(recipe.summary().len() > 20, "{} says too little", recipe.path));
    }
}
