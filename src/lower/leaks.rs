//! The sinks of a stage, and what flows into them: no loss, no state and no learning rate may depend on labels that the recipe's
//! `supervision` line keeps away, on outside knowledge it does not declare, or on a choice made by looking at such labels.
//!
//! Scores may look at anything: they report, nothing flows back from them.

use super::Lower;
use super::allowed::Allowed;
use super::recipe::StageKind;
use super::seen::{Declassified, Figure, Seen};
use super::trace::{Door, Place, Ways};
use super::value::Samples;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Id, Output, Role};
use crate::metrics;
use crate::source::Span;
use crate::types::{Label, Labels, Level};

/// A place where labels would begin to decide what is learnt.
struct Sink {
    /// `the loss `l``, at the beginning of a sentence.
    what: String,
    verb: &'static str,
    node: Id,
    span: Option<Span>,
}

impl Lower<'_, '_> {
    /// All that is proved of the labels in the stage at hand, once its graph is whole; its marks are gone afterwards.
    pub(super) fn prove_labels(
        &mut self,
        kind: StageKind,
        samples: Option<&Samples>,
        nets: &[String],
        stage: Span,
    ) -> (Seen, Ways) {
        self.refuse_leaks(samples);
        self.keep_splits_apart(samples, stage);
        let split = samples.map_or("", |samples| samples.split.as_str());
        let seen = self.seen(kind, split, nets);
        let ways = self.ways(samples);
        self.unmark();
        if let Some(step) = &self.step {
            self.nets_seen.insert(step.shown(), seen.nets.iter().cloned().collect());
        }
        (seen, ways)
    }

    /// Refuses what must not flow into the sinks of the stage at hand.
    fn refuse_leaks(&mut self, samples: Option<&Samples>) {
        let Some(step) = &self.step else { return };
        if !step.training {
            return;
        }
        let stage = step.shown();
        let sinks = step.graph.outputs.iter().filter_map(|output| {
            let mut sink = sink(output, &stage)?;
            if output.role == Role::Assign {
                // States are moved inside of the library: the place is where the recipe calls the net.
                sink.span = step.graph.node(sink.node).origin.outermost().or(sink.span);
            }
            Some(sink)
        });
        let sinks: Vec<Sink> = sinks.collect();
        let losses = sinks.iter().filter(|sink| sink.verb == LEARNS);
        let mut found: Vec<Diagnostic> = losses.flat_map(|sink| self.leaks(sink, samples)).collect();
        if found.is_empty() {
            // A state moves in every normalisation layer: the first one tells enough, and only where no loss does.
            let others = sinks.iter().filter(|sink| sink.verb != LEARNS);
            found = others.map(|sink| self.leaks(sink, samples)).find(|found| !found.is_empty()).unwrap_or_default();
        }
        for diagnostic in found {
            self.report(diagnostic);
        }
    }

    /// One problem a kind of forbidden label: the strongest level, choices, each piece of outside knowledge.
    fn leaks(&self, sink: &Sink, samples: Option<&Samples>) -> Vec<Diagnostic> {
        let Some(step) = &self.step else { return Vec::new() };
        let labels = &step.graph.node(sink.node).fact.labels;
        let forbidden: Vec<&Label> = self.allowed.forbidden(labels).collect();
        let strongest = forbidden.iter().rev().find(|label| matches!(label, Label::Seen { .. }));
        let oracle = forbidden.iter().find(|label| matches!(label, Label::Oracle { .. }));
        let outside = forbidden.iter().filter(|label| matches!(label, Label::Outside(_)));
        let told = strongest.into_iter().chain(oracle).chain(outside);
        let used = (!step.scope.is_empty()).then(|| step.shown());
        told.map(|label| {
            let way = self.way(sink.node, label, samples);
            problem(sink, label, &self.allowed, used.as_deref(), way)
        })
        .collect()
    }

    /// What the values of the stage at hand have seen, for those who come after: nets, maps, figures.
    fn seen(&self, kind: StageKind, split: &str, nets: &[String]) -> Seen {
        let Some(step) = &self.step else { return Seen::default() };
        let labels = |id: &Id| step.graph.node(*id).fact.labels.clone();
        let named = |role: Role| {
            let outputs = step.graph.outputs.iter().filter(move |output| output.role == role);
            outputs.map(|output| (output.name.clone(), labels(&output.nodes[0]))).collect::<Vec<_>>()
        };
        let nothing = Labels::default();
        let carried = |net: &String| step.carried.get(net).unwrap_or(&nothing);
        let learnt = match kind {
            StageKind::Train => {
                let taught = step.graph.outputs.iter().filter(|output| teaches(&output.role));
                let taught: Vec<Labels> = taught.flat_map(|output| output.nodes.iter().map(labels)).collect();
                Labels::join_all(&taught).join(&step.chosen).join(&Labels::seen(Level::None, split))
            }
            StageKind::Infer | StageKind::Score => Labels::default(),
        };
        // What training may not see has been refused here: of the stages that learn from its nets it is not told again.
        let refused = Labels::of(self.allowed.forbidden(&learnt).cloned());
        let after = |net: &String| learnt.join(carried(net)).without(&refused);
        Seen {
            losses: named(Role::Loss),
            saves: named(Role::Save),
            nets: nets.iter().map(|net| (net.clone(), after(net))).collect(),
            figures: self.figures(),
            learnt,
        }
    }

    /// The figures of the graph at hand, with what they have seen.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let Some(step) = &self.step else { return Vec::new() };
        let figures = step.graph.outputs.iter().filter_map(|output| {
            let Role::Metric { metric, .. } = &output.role else { return None };
            let metric = metrics::find(metric)?;
            let inputs: Vec<Labels> = output.nodes.iter().map(|id| step.graph.node(*id).fact.labels.clone()).collect();
            let labels = Labels::join_all(&inputs);
            Some(Figure {
                name: output.name.clone(),
                oracle: metric.oracle || labels.is_oracle(),
                chosen: metric.oracle,
                numbers: metric.numbers,
                labels,
                inputs,
            })
        });
        figures.collect()
    }

    /// How forbidden labels leave the stage at hand: what later stages tell of where theirs come from.
    pub(super) fn ways(&self, samples: Option<&Samples>) -> Ways {
        let mut ways = Ways::default();
        let Some(step) = &self.step else { return ways };
        for output in &step.graph.outputs {
            for node in &output.nodes {
                let labels = &step.graph.node(*node).fact.labels;
                for label in labels.iter() {
                    self.leave(&mut ways, output, *node, label, samples);
                }
            }
        }
        ways
    }

    fn leave(&self, ways: &mut Ways, output: &Output, node: Id, label: &Label, samples: Option<&Samples>) {
        let Some(step) = &self.step else { return };
        let (stage, name) = (step.shown(), &output.name);
        let (door, known_as, words) = match &output.role {
            Role::Save if self.is_tracked(label) => (Door::Save, name.as_str(), format!("saved as `{stage}.{name}`")),
            Role::Loss | Role::Assign if self.is_tracked(label) => {
                (Door::Learnt, "", format!("learnt by `{stage}` in {}", sink_words(output)))
            }
            Role::Metric { metric, .. } => {
                let oracle = metrics::find(metric).is_some_and(|metric| metric.oracle);
                let chosen = Labels::of([label.clone()]);
                let chosen = if oracle { self.chosen(&chosen) } else { chosen };
                let Some(label) = chosen.iter().next().filter(|label| self.is_tracked(label)) else { return };
                let mut way = self.way(node, label_looked_at(label, oracle).as_ref().unwrap_or(label), samples);
                let word = if oracle { "chosen" } else { "measured" };
                way.extend(output.span.map(|span| Place::new(span, format!("{word} as `{stage}.{name}`"))));
                ways.add(Door::Metric, name, label, way);
                return;
            }
            _ => return,
        };
        let mut way = self.way(node, label, samples);
        way.extend(output.span.map(|span| Place::new(span, words)));
        ways.add(door, known_as, label, way);
    }

    /// Takes the labels off a node, and remembers that and why.
    pub(super) fn declassified(&mut self, node: Id, reason: String, span: Span) {
        let span = self.origin(span).outermost().unwrap_or(span);
        let Some(step) = &mut self.step else { return };
        let labels = std::mem::take(&mut step.graph.node_mut(node).fact.labels);
        let taken = Declassified { stage: step.shown(), labels, reason, span };
        if !self.declassified.contains(&taken) {
            self.declassified.push(taken);
        }
    }

    /// The labels of a number that an oracle metric chose: what training may not look at, and everything of a split that figures
    /// are computed on, is an oracle from now on.
    pub(super) fn chosen(&self, labels: &Labels) -> Labels {
        labels.chosen(|label| {
            let evaluated = matches!(label, Label::Seen { level, split } if *level > Level::None && crate::data::is_evaluation(split));
            evaluated || self.allowed.forbids(label)
        })
    }
}

/// The label that was looked at when this oracle was chosen.
fn label_looked_at(label: &Label, chosen_here: bool) -> Option<Label> {
    match label {
        Label::Oracle { level, split } if chosen_here => Some(Label::Seen { level: *level, split: split.clone() }),
        _ => None,
    }
}

const LEARNS: &str = "learns from";

fn teaches(role: &Role) -> bool {
    matches!(role, Role::Loss | Role::Assign)
}

fn sink_words(output: &Output) -> String {
    match output.role {
        Role::Loss => format!("the loss `{}`", output.name),
        Role::Assign => format!("the state `{}`", output.name),
        _ => "the learning rate".to_string(),
    }
}

fn sink(output: &Output, stage: &str) -> Option<Sink> {
    let (verb, what) = match output.role {
        Role::Loss => (LEARNS, sink_words(output)),
        Role::Assign => ("is moved by", sink_words(output)),
        Role::Rate => ("follows", format!("the learning rate of `{stage}`")),
        _ => return None,
    };
    Some(Sink { what, verb, node: output.nodes[0], span: output.span })
}

/// `used` is the stage where it belongs to another recipe: what that one states is not what counts.
fn problem(sink: &Sink, label: &Label, allowed: &Allowed, used: Option<&str>, way: Vec<Place>) -> Diagnostic {
    let Sink { what, verb, .. } = sink;
    let line = allowed.line();
    let states = match (used, allowed.stated) {
        (Some(stage), _) => format!("`{stage}` holds to the `{line}` of the recipe that runs"),
        (None, Some(_)) => format!("the recipe states `{line}`"),
        (None, None) => format!("a recipe without a `supervision` line states `{line}`"),
    };
    let (code, message, short, help) = match label {
        Label::Oracle { .. } => (
            Code::OracleUsed,
            format!("{what} {verb} {}", label.words()),
            "depends on that choice".to_string(),
            "write a constant with its citation (`0.26 @ \"sec. 4\"`), or a rule that needs no masks".to_string(),
        ),
        Label::Outside(name) => match label.outside_level() {
            Some(level) => (
                Code::SupervisionLeak,
                format!("{what} {verb} `{name}`, which are {} labels; {states}", level.word()),
                format!("depends on `{name}`"),
                format!("leave it out, or state `supervision {}`", level.word()),
            ),
            None => (
                Code::SupervisionLeak,
                format!("{what} {verb} `{name}`, which the recipe does not declare"),
                format!("depends on `{name}`"),
                format!("state `{line} + {name}`, or leave it out"),
            ),
        },
        Label::Seen { level, .. } => {
            let level = level.word();
            (
                Code::SupervisionLeak,
                format!("{what} {verb} {level} labels, {states}"),
                format!("depends on {level} labels"),
                format!("use the image's `tags`, or state `supervision {level}`"),
            )
        }
        Label::Unknown(_) => {
            (Code::SupervisionLeak, format!("{what} {verb} {}", label.words()), String::new(), String::new())
        }
    };
    let mut diagnostic = Diagnostic::error(code, message);
    if let Some(span) = sink.span {
        diagnostic = diagnostic.label(span, short);
    }
    for place in way {
        diagnostic = diagnostic.label(place.span, place.words);
    }
    diagnostic.help(help)
}
