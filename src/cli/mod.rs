//! The command line: one file a command.
//!
//! Comes in: what was typed. Goes out: text for a person on the terminal, objects for a program under `--json`, and an [`Exit`].
//! A command reads its arguments, asks the rooms above, and says what they answer; what it says goes through [`Output`], so that
//! a closed pipe is no error. `docs/cli.md` is the reference.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `exit` | exit codes |
//! | `output` | what is said, to whom |
//! | `guard` | panics become diagnostics, deep recipes get a deep stack, Ctrl-C raises a flag |
//! | `recipe` | a recipe named on the command line, read and lowered |
//! | `past` | a run named on the command line |
//! | `progress` | what a run shows while it goes |
//! | `device` | which device is meant |
//! | `explained` | the tables of `check --explain` |
//! | `table` | tables on the terminal |
//! | `said` | what need not be said again |
//! | `arrays` | named arrays in .safetensors, .npz and .pth files |

mod arrays;
mod audit;
mod bench;
mod call;
mod check;
mod cited;
mod completions;
mod data;
mod device;
mod diff;
mod doc;
mod eval;
mod exit;
mod expand;
mod expected;
mod explain;
mod explained;
mod fmt;
mod graph;
mod guard;
mod list;
mod lsp;
mod new;
mod output;
mod paper;
mod past;
mod progress;
mod recipe;
mod report;
mod run;
mod runs;
mod said;
mod show;
mod store;
mod table;
mod weights;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use exit::Exit;
use output::Output;

/// A small language in which weakly supervised segmentation methods are written, checked and run.
#[derive(Parser)]
#[command(name = "wsss", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check, plan and run a recipe; print its figures
    Run(run::Args),
    /// Run the rows of a paper's table and print them side by side
    Table(paper::Args),
    /// Say everything that is wrong with recipes, run nothing
    Check(check::Args),
    /// Bring recipes to the canonical format
    Fmt(fmt::Args),
    /// Print a recipe with its variants and overrides resolved
    Expand(expand::Args),
    /// One page on what every stage of a recipe has seen
    Audit(audit::Args),
    /// Draw the pipeline, or the step graph of a stage
    Graph(graph::Args),
    /// What differs in meaning between two recipes
    Diff(diff::Args),
    /// How fast the step of a stage is on this machine, and where its time goes
    Bench(bench::Args),
    /// Run one function on arrays
    Call(call::Args),
    /// Mean IoU of a folder of predictions
    Eval(eval::Args),
    /// The standard library and the primitives
    Doc(doc::Args),
    /// Look at a data set
    #[command(subcommand)]
    Data(data::Command),
    /// Print the page of a diagnostic
    Explain(explain::Args),
    /// The recipes that come with the program, one line each
    List(list::Args),
    /// Why a stage of a run ran or was reused
    Why(why::Args),
    /// What a stage saved of one picture, as a picture or an array
    Show(show::Args),
    /// One page of HTML on a run: curves, tables, pictures, the graph, the recipe
    Report(report::Args),
    /// Past runs with their figures, the newest first
    Runs(runs::Args),
    /// What is kept of finished stages
    #[command(subcommand)]
    Store(store::Command),
    /// Look at files of weights, and convert them
    #[command(subcommand)]
    Weights(weights::Command),
    /// Write a commented starter recipe
    New(new::Args),
    /// Serve an editor: diagnostics, types, completion, definitions, format
    Lsp,
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Does what was typed.
pub fn main() -> ExitCode {
    guard::on_panic();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap says what is wrong in its own words; asking for help is no mistake.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    guard::deep(move || dispatch(cli.command)).into()
}

fn dispatch(command: Command) -> Exit {
    match command {
        Command::Run(args) => run::run(args),
        Command::Table(args) => paper::run(args),
        Command::Check(args) => check::run(args),
        Command::Fmt(args) => fmt::run(args),
        Command::Expand(args) => expand::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Graph(args) => graph::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Call(args) => call::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Doc(args) => doc::run(args, &Output::new(false)),
        Command::Lsp => lsp::run(&Output::new(false)),
        Command::Data(command) => data::run(command),
        Command::Explain(args) => explain::run(args, &Output::new(false)),
        Command::List(args) => list::run(args),
        Command::Why(args) => why::run(args),
        Command::Show(args) => show::run(args),
        Command::Report(args) => report::run(args),
        Command::Runs(args) => runs::run(args),
        Command::Store(command) => store::run(command),
        Command::Weights(command) => weights::run(command),
        Command::New(args) => new::run(args, &Output::new(false)),
        Command::Completions(args) => completions::run(args, &mut Cli::command(), &Output::new(false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
