//! `wsss completions SHELL`: a completion script on standard output.

use super::exit::Exit;
use super::output::Output;

#[derive(clap::Args)]
pub(super) struct Args {
    /// bash, elvish, fish, powershell or zsh
    shell: clap_complete::Shell,
}

pub(super) fn run(args: Args, command: &mut clap::Command, output: &Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "wsss", &mut script);
    output.text(&String::from_utf8_lossy(&script));
    Exit::Done
}
