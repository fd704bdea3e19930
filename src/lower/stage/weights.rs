//! The nets of a stage, and what is said of their weights by path.

use std::rc::Rc;

use super::Entries;
use crate::diag::{Code, Diagnostic, suggest};
use crate::lower::recipe::{Init, Weight};
use crate::lower::value::{NetPath, OptimizerValue, Scope, Value};
use crate::lower::{Lower, errors, identity, pattern};
use crate::source::Span;
use crate::syntax::ast::{self, Name, PathsOf, Setting};

impl<'p> Lower<'p, '_> {
    pub(super) fn net_entry(
        &mut self,
        name: &'p Name,
        value: &'p ast::Expr,
        entries: &mut Entries<'p>,
        scope: &mut Scope<'p>,
    ) {
        let made = match self.expr(value, scope) {
            Value::Net(net) => net,
            other => {
                if !other.is_poison() {
                    self.report(errors::wrong_kind("a net", &other, value.span));
                }
                scope.bind(&name.text, Value::Poison);
                return;
            }
        };
        if entries.nets.contains_key(&name.text) {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("the stage has two nets `{}`", name.text))
                    .label(name.span, "again here")
                    .help("rename one of them"),
            );
        }
        let mut net = made;
        if net.path.is_none() {
            let place = NetPath { stage: entries.stage.clone(), net: name.text.clone(), name: String::new() };
            // What is said of a weight later is said at the net of the recipe that holds it.
            let weights = self.weights(&net, &place);
            let carried = self.carried(&weights);
            let mut stage = place.stage.clone();
            if let Some(step) = &mut self.step {
                step.carried.insert(name.text.clone(), carried);
                stage = step.shown();
                let init = |init| match init {
                    Init::Weight(path) => Init::Weight(identity::seen_from(&step.scope, &path)),
                    other => other,
                };
                let seen =
                    weights.into_iter().map(|weight| Weight { span: value.span, init: init(weight.init), ..weight });
                entries.weights.extend(seen);
            }
            net.path = Some(NetPath { stage, ..place });
        }
        scope.bind(&name.text, Value::Net(net.clone()));
        entries.nets.insert(name.text.clone(), net);
    }

    /// `rates { … }`, `decay { … }`, `optimizers { … }`
    pub(super) fn paths(&mut self, of: PathsOf, paths: &'p [Setting], entries: &mut Entries<'p>, scope: &Scope<'p>) {
        let mut seen: Vec<&Name> = Vec::new();
        for Setting { name: path, value } in paths {
            if let Some(first) = seen.iter().find(|first| first.text == path.text) {
                self.report(
                    Diagnostic::error(Code::DuplicateName, format!("`{}` is there twice", path.text))
                        .label(path.span, "again here")
                        .label(first.span, "first here")
                        .help("remove one of them"),
                );
                continue;
            }
            seen.push(path);
            match of {
                PathsOf::Optimizers => {
                    let optimizer = self.expr(value, scope);
                    let Some(optimizer) = self.expect_optimizer(&optimizer, value.span) else { continue };
                    if self.is_held_unless_poisoned(path, entries, scope) {
                        entries.optimizers.push((path.text.clone(), optimizer));
                    }
                }
                PathsOf::Rates | PathsOf::Decay => {
                    let Some(factor) = self.number(value, scope) else { continue };
                    if !self.is_held_unless_poisoned(path, entries, scope) {
                        continue;
                    }
                    if factor < 0.0 {
                        let (what, help) = match of {
                            PathsOf::Rates => ("a rate is 0 and up", "10 is usual for a new head"),
                            _ => ("a factor on the weight decay is 0 and up", "0 is usual for biases"),
                        };
                        self.report(errors::out_of_range(what, value.span, help));
                        continue;
                    }
                    if factor == 0.0 && of == PathsOf::Rates {
                        let message = format!("nothing moves the weights under `{}`: their rate is 0", path.text);
                        self.report(
                            Diagnostic::warning(Code::UntrainedWeight, message)
                                .label(value.span, "a rate of 0")
                                .help("`freeze(net, only = [\"…\"])` says so, and costs no gradients"),
                        );
                    }
                    let list = if of == PathsOf::Rates { &mut entries.rates } else { &mut entries.decay };
                    list.push((path.text.clone(), factor));
                }
            }
        }
    }

    pub(super) fn expect_optimizer(&mut self, value: &Value<'p>, span: Span) -> Option<Rc<OptimizerValue<'p>>> {
        match value {
            Value::Optimizer(optimizer) => Some(optimizer.clone()),
            Value::Poison => None,
            other => {
                let diagnostic = errors::wrong_kind("an optimizer", other, span).help("for example `sgd(lr = 0.01)`");
                self.report(diagnostic);
                None
            }
        }
    }

    /// A net with a mistake in it has no layers to name.
    fn is_held_unless_poisoned(&mut self, path: &Name, entries: &Entries<'p>, scope: &Scope<'p>) -> bool {
        let net = path.text.split('.').next().unwrap_or_default();
        !scope.local(net).is_some_and(Value::is_poison) && self.is_held(path, entries)
    }

    /// Whether a path holds a weight of the stage, which is a mistake where it does not.
    pub(super) fn is_held(&mut self, path: &Name, entries: &Entries<'p>) -> bool {
        let known: Vec<String> = entries.weights.iter().map(Weight::within).collect();
        if known.iter().any(|weight| pattern::reaches(&path.text, weight)) {
            return true;
        }
        // Beginnings of weight names are what may be written.
        let mut layers: Vec<&str> =
            known.iter().filter_map(|weight| weight.rsplit_once('.').map(|(layer, _)| layer)).collect();
        layers.dedup();
        let help = match layers.is_empty() {
            true => "declare the nets above: `net x = …`".into(),
            false => suggest::help(&path.text, "layers", layers),
        };
        self.report(
            Diagnostic::error(Code::UnknownLayer, format!("no weight of `{}` is under `{}`", entries.stage, path.text))
                .label(path.span, "no such layer")
                .help(help),
        );
        false
    }
}
